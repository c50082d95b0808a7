"""Lists over HTTP: what they find, in which order, in which pages, and what they do not tell."""

import asyncio
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlencode

import pytest

BASE = "/data/P/1.0"


async def _create(client, content, base=BASE):
    made = await client.post(f"{base}/create", json={"write": {"content": content}})
    assert made.status_code == 200, made.text
    return made.json()["content"]


async def _page(client, query, base=BASE):
    answer = await client.get(f"{base}?{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def _names(client, query, base=BASE):
    return [each["name"] for each in (await _page(client, query, base))["results"]]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["Ann", "bob", "አበበ"]),
        ("ordering=-name", ["አበበ", "bob", "Ann"]),
        ("ordering=age", ["bob", "Ann", "አበበ"]),
        ("filter=age&ordering=descending", ["አበበ", "Ann", "bob"]),
        ("filter=age&ordering=ascending", ["bob", "Ann", "አበበ"]),
        ("ordering=descending", ["አበበ", "bob", "Ann"]),
        ("search=BOB", ["bob"]),
        ("search=አበ", ["አበበ"]),
        ("search=%25", []),
        ("search=ob", []),
        ("search=ann+parn", []),
        ("search=ANN+PÄR", ["Ann"]),
        ("search=Ann%20", ["Ann"]),
        ("search=An%20", []),
        ("search=Ann&filter=name", ["Ann"]),
        ("search=An&filter=name", []),
        ("search=10&filter=age", ["Ann"]),
        ("query.age=9", ["bob"]),
        ("query.height=5", ["Ann"]),
        ("query.alive=true&ordering=-age", ["Ann", "bob"]),
        ("query.tags=x&query.alive=false", ["አበበ"]),
        ("query.home.town=Tartu", ["bob"]),
        ("query.pets.kind=cat&ordering=home.town", ["አበበ", "Ann"]),
        ("search=&pageSize=2", ["Ann", "bob"]),
        ("page=2&pageSize=2", ["አበበ"]),
        ("ordering=alive,-age", ["አበበ", "Ann", "bob"]),
        ("ordering=-alive,age", ["bob", "Ann", "አበበ"]),
        ("query.name=prefix:b", ["bob"]),
        ("query.name=is:bob", ["bob"]),
        ("query.name=range:B..c", ["bob"]),
        ("query.age=range:..10", ["Ann", "bob"]),
        ("query.height=range:4.6..", ["Ann", "አበበ"]),
        ("query.age=range:9..10&query.tags=in:bob,x", ["Ann", "bob"]),
        ("query.age=in:9,100", ["bob", "አበበ"]),
        ("query.name=regex:^[A-Z]", ["Ann"]),
        ("search=regex:^.ob$&filter=name", ["bob"]),
        ("query.tags=prefix:An", ["Ann"]),
        ("query.home.town=exists:false", []),
        ("query.name=Ann&query.name=bob", []),
    ],
)
async def test_a_list_searches_filters_orders_and_pages(owner, people, query, names):
    assert await _names(owner, query) == names


@pytest.mark.parametrize(
    "query",
    [
        "query.age=x",
        "query.age=prefix:1",
        "query.age=range:1",
        "query.age=range:..",
        "query.age=range:a..b",
        "query.tags=range:a..b",
        "query.alive=range:false..true",
        "query.age=in:1,x",
        "query.age=regex:1",
        "query.name=regex:(a",
        "query.name=regex:(a)%5C1",
        "query.name=prefix:",
        "query.name=exists:x",
        "query.name=within:1,2,3",
        "query.name=" + "x" * 2001,
        "ordering=home",
        "ordering=tags",
        "ordering=name,age,height,alive,name",
        "fields=shoe",
        "after=x",
        "after=" + "A" * 80,
        "page=1&after=x",
        "asOf=yesterday",
        "asOf=2026-01-01T00:00:00Z&search=Ann",
        "query.height=nan",
        "query.alive=1",
        "query.home=x",
        "query.shoe=1",
        "ordering=shoe",
        "ordering=pets.kind",
        "filter=shoe&search=1",
        "page=0",
        "pageSize=1001",
        "pageSize=x",
        "search=%00",
        "search=%ff",
        "page=99999999999",
    ],
)
async def test_a_list_that_cannot_be_made_is_refused(owner, people, query):
    assert (await owner.get(f"/data/P/1.0?{query}")).status_code == 400


async def test_a_thousand_rows_page_without_a_gap_or_a_repetition(owner, publish, database):
    client, base = owner, "/data/N/1.0"
    fields = {"n": {"type": "integer"}, "k": {"type": "integer"}}
    made = await publish(client, "N", {"properties": fields})
    async with database.connection() as connection:
        await connection.driver.execute(
            """
            INSERT INTO record (id, database_id, number, version_id, subjects, content,
              created_at, changed_at)
            SELECT gen_random_uuid(), d.id, n, d.current_version, '{}',
              jsonb_build_object('n', n, 'k', n % 3), now(), now()
            FROM database d, generate_series(0, 1000) AS n WHERE d.id = $1
            """,
            made,
        )
    seen, address = [], "?ordering=k&pageSize=97"
    while address:
        page = (await client.get(base + address)).json()
        assert page["count"] == 1001
        seen += [row["n"] for row in page["results"]]
        address = page.get("next", "")
        assert ("previous" in page) is (len(seen) > 97)
    assert sorted(seen) == list(range(1001))
    assert seen == sorted(seen, key=lambda n: n % 3)
    everything = (await client.get(base)).json()
    assert (len(everything["results"]), everything["count"]) == (1000, 1001)
    rest = (await client.get(base + everything["next"])).json()
    shown = [row["n"] for row in everything["results"] + rest["results"]]
    assert sorted(shown) == list(range(1001))
    assert "next" not in rest
    beyond = (await client.get(f"{base}?page=50")).json()
    assert (beyond["count"], beyond["results"]) == (1001, [])


async def test_links_keep_what_was_asked(owner, people):
    page = (await owner.get("/data/P/1.0?query.tags=x&pageSize=1&page=2")).json()
    assert page["next"] == "?query.tags=x&pageSize=1&page=3"
    assert page["previous"] == "?query.tags=x&pageSize=1&page=1"


# -- pages -----------------------------------------------------------------------------------


async def _walk(client, query, base=BASE, between=None):
    """Return the names on all pages, following the links there and back again."""
    seen, address, back = [], "?" + query, []
    while address:
        page = (await client.get(base + address)).json()
        names = [row["name"] for row in page["results"]]
        seen.append(names)
        address = page.get("next")
        if between and address:
            await between(len(seen))
    address = page.get("previous")
    while address:
        page = (await client.get(base + address)).json()
        back.append([row["name"] for row in page["results"]])
        address = page.get("previous")
    return seen, back[::-1]


@pytest.mark.parametrize(
    "query",
    ["", "ordering=name", "ordering=-name", "ordering=descending", "ordering=age,-name"],
)
async def test_pages_lead_there_and_back_without_a_gap(owner, publish, query, people_schema):
    await publish(owner, "P", people_schema)
    for number in range(7):
        content = {"name": f"n{number}"} if number % 3 == 0 else {"name": f"n{number}", "age": 3}
        await _create(owner, content)
    every = await _names(owner, query)
    there, back = await _walk(owner, f"{query}&pageSize=3")
    assert [len(page) for page in there] == [3, 3, 1]
    assert [name for page in there for name in page] == every
    assert back == there[:-1]


async def test_records_without_the_value_stand_last_both_ways(owner, people):
    await _create(owner, {"age": 5})
    for query in ("ordering=name", "ordering=-name"):
        page = await _page(owner, query)
        assert page["results"][-1] == {"age": 5}
        there = (await _page(owner, f"{query}&pageSize=3"))["next"]
        assert (await owner.get(BASE + there)).json()["results"] == [{"age": 5}]


async def test_a_list_stays_whole_while_records_are_added_and_changed(
    owner, publish, people_schema
):
    await publish(owner, "P", people_schema)
    for name in "bdfhjl":
        await _create(owner, {"name": name})

    async def meanwhile(pages):
        await _create(owner, {"name": "abc"[pages - 1]})  # before what was shown
        body = {"query": {"content": {"name": "b"}}, "write": {"content": {"age": pages}}}
        assert (await owner.put(f"{BASE}/update", json=body)).status_code == 200

    there, _ = await _walk(owner, "ordering=name&pageSize=2", between=meanwhile)
    assert [name for page in there for name in page] == list("bdfhjl")


async def test_the_last_record_of_a_page_may_change_its_place_meanwhile(
    owner, publish, people_schema
):
    await publish(owner, "P", people_schema)
    for name in "bdfh":
        await _create(owner, {"name": name})
    following = (await _page(owner, "ordering=name&pageSize=2"))["next"]
    body = {"query": {"content": {"name": "d"}}, "write": {"content": {"name": "z"}}}
    await owner.put(f"{BASE}/update", json=body)
    page = (await owner.get(BASE + following)).json()
    assert [row["name"] for row in page["results"]] == ["f", "h"]


async def test_a_cursor_is_read_by_the_list_that_gave_it_and_no_other(owner, people):
    following = (await _page(owner, "ordering=name&pageSize=1"))["next"]
    asked = dict(parse_qsl(following[1:]))
    token = asked["after"]
    assert "Ann" not in following
    assert (await owner.get(BASE, params={**asked, "pageSize": "2"})).status_code == 200
    changed = [
        {**asked, "after": token[:-1] + ("A" if token[-1] != "A" else "B")},
        {**asked, "after": token[:20] + ("A" if token[20] != "A" else "B") + token[21:]},
        {**asked, "after": token + "!"},
        {**asked, "after": ""},
        {**asked, "ordering": "-name"},
        {**asked, "query.age": "9"},
        {"pageSize": "1", "after": token},
    ]
    for parameters in changed:
        refused = await owner.get(f"{BASE}?{urlencode(parameters)}")
        assert refused.status_code == 400, parameters
        assert refused.json()["title"] == "The cursor is not of this list"


async def test_a_cursor_of_one_registry_is_not_one_of_another(
    owner, people, publish, people_schema
):
    await publish(owner, "Q", people_schema)
    following = (await _page(owner, "pageSize=1"))["next"]
    assert (await owner.get("/data/Q/1.0" + following)).status_code == 400
    assert (await owner.get("/data/p/1.0" + following)).status_code == 200


# -- what may be seen ------------------------------------------------------------------------


async def test_fields_narrow_what_is_shown(owner, people):
    page = await _page(owner, "fields=name,home.town&query.name=Ann")
    assert page["results"] == [{"name": "Ann", "home": {"town": "Pärnu"}}]
    page = await _page(owner, "fields=pets.kind,tags&query.name=bob")
    assert page["results"] == [{"pets": [{"kind": "dog"}], "tags": ["bob", "x"]}]


async def test_what_is_not_shown_is_not_noted(owner, mcts, entries):
    child = {"id": "EE5", "firstName": "Usha", "birthdate": "2026-01-30"}
    await _create(owner, {"child": child, "village": "A"}, "/data/MCTS/1.0")
    await _page(owner, "fields=village", "/data/MCTS/1.0")
    assert await entries("record.read") == []
    await _page(owner, "fields=child.firstName", "/data/MCTS/1.0")
    [entry] = await entries("record.read")
    assert entry.facts["fields"] == ["child.firstName"]


CLINIC = {"members": ["TEST/GOV/2002"]}


@pytest.fixture
async def decided(owner, publish, people):
    """Return what lets the clinic list some fields of some records, and gives back the id."""

    async def decide(**policy):
        number = (await owner.get("/databases")).json()["databases"][0]["id"]
        said = {"name": "p", "subject": CLINIC, "actions": ["list"], **policy}
        answer = await owner.put(f"/database/{number}/rights", json={"policies": [said]})
        assert answer.status_code == 200, answer.text

    return decide


async def test_no_record_is_chosen_by_a_field_that_does_not_show(other, decided):
    await decided(fields=["age", "home"])
    assert await _page(other, "query.age=9&ordering=-home.town,age")
    for query in (
        "query.name=bob",
        "query.name=regex:.",
        "query.pets.kind=cat",
        "filter=name&search=bob",
        "ordering=name",
        "ordering=age,-name",
        "filter=name&ordering=ascending",
    ):
        refused = await other.get(f"{BASE}?{query}")
        assert refused.status_code == 403, query
        assert "results" not in refused.json()


async def test_a_search_does_not_look_into_fields_that_do_not_show(other, owner, decided):
    await decided(fields=["age", "home"])
    assert (await _page(other, "search=bob"))["count"] == 0
    assert (await _page(owner, "search=bob"))["count"] == 1
    assert [row["age"] for row in (await _page(other, "search=tar"))["results"]] == [9]
    await decided(fields=["age"])
    assert (await _page(other, "search=tar"))["count"] == 0


async def test_a_search_does_not_look_behind_a_mask(other, decided):
    await decided(mask={"name": "all"})
    assert (await _page(other, "search=bob"))["count"] == 0
    assert (await other.get(f"{BASE}?query.name=bob")).status_code == 403
    assert (await _page(other, "search=tar"))["results"][0]["name"] == "****"


async def test_the_count_is_of_the_records_that_may_be_seen(other, decided):
    await decided(records={"field": "age", "lessThan": 50})
    page = await _page(other, "pageSize=1")
    assert (page["count"], page["results"][0]["name"]) == (2, "Ann")
    assert (await _page(other, "query.age=100"))["count"] == 0
    assert (await _page(other, "search=አበ"))["count"] == 0
    there, back = await _walk(other, "ordering=-age&pageSize=1")
    assert (there, back) == ([["Ann"], ["bob"]], [["Ann"]])


async def test_asking_for_fields_never_widens_what_shows(other, decided):
    await decided(fields=["age", "home"])
    [row] = (await _page(other, "fields=name,age,pets&query.age=9"))["results"]
    assert row == {"age": 9}


async def test_a_list_goes_by_what_the_registry_has_become(other, owner, decided, publish):
    for _ in range(2):  # the second time it is known what the path names
        assert await _names(other, "query.name=bob") == ["bob"]
    await decided(fields=["age"])
    assert (await other.get(f"{BASE}?query.name=bob")).status_code == 403
    assert (await _page(other, "query.age=9"))["results"] == [{"age": 9}]
    number = (await owner.get("/databases")).json()["databases"][0]["id"]
    assert await _names(owner, "query.name=bob") == ["bob"]
    assert (await owner.delete(f"/database/{number}")).is_success
    assert (await owner.get(f"{BASE}?query.name=bob")).status_code == 404
    await publish(owner, "P", {"properties": {"town": {"type": "string"}}})
    assert (await owner.get(f"{BASE}?query.name=bob")).status_code == 400
    assert (await _page(owner, "query.town=bob")) == {"count": 0, "results": []}


async def test_a_list_that_is_refused_is_refused_by_what_holds_now(
    other, owner, publish, people_schema
):
    await publish(owner, "P", people_schema)
    await _page(other, "query.age=9")
    await publish(owner, "P", people_schema, access={"requiresLegalBasis": True})
    assert (await other.get(f"{BASE}?query.age=9")).status_code == 400
    stated = {"X-Legal-Basis": "Health Act 5"}
    assert (await other.get(f"{BASE}?query.age=9", headers=stated)).is_success
    assert (await other.get(f"{BASE}?query.age=9")).status_code == 400
    await publish(owner, "P", people_schema, access={})
    assert (await other.get(f"{BASE}?query.age=9")).is_success


async def test_a_list_of_ten_is_noted_for_ten_people(owner, mcts, entries):
    for n in range(10):
        await _create(owner, {"child": {"id": f"EE{n}"}}, "/data/MCTS/1.0")
    await _page(owner, "", "/data/MCTS/1.0")
    [entry] = await entries("record.read")
    assert entry.facts["parts"]["count"] == 10
    assert len(await entries("record.read", subject="EE3")) == 1


async def test_archived_records_are_shown_to_the_owners_analyst_alone(
    owner, other, client_for, people, entries
):
    bob = (await entries("record.created"))[1].object.rpartition(":")[2]
    assert (await owner.post(f"{BASE}/{bob}/archive")).is_success
    assert await _names(owner, "") == ["Ann", "አበበ"]
    assert await _names(owner, "includeArchived=true") == ["Ann", "bob", "አበበ"]
    assert await _names(owner, "includeArchived=true&search=bob") == ["bob"]
    assert (await other.get(f"{BASE}?includeArchived=true")).status_code == 403
    tenant = "TEST/GOV/1001"
    async with client_for(scopes={"records:read"}, client=f"{tenant}/x", tenant=tenant) as client:
        assert (await client.get(f"{BASE}?includeArchived=true")).status_code == 403


async def test_a_list_of_a_moment_shows_records_as_they_were(owner, people, entries):
    await asyncio.sleep(0.01)
    then = datetime.now(UTC).isoformat()
    await asyncio.sleep(0.01)
    body = {"query": {"content": {"name": "bob"}}, "write": {"content": {"age": 50}}}
    await owner.put(f"{BASE}/update", json=body)
    await _create(owner, {"name": "new", "age": 9})
    ann = (await entries("record.created"))[0].object.rpartition(":")[2]
    assert (await owner.delete(f"{BASE}/{ann}/delete")).status_code == 204
    assert await _names(owner, "ordering=name") == ["bob", "new", "አበበ"]
    now, past = "query.age=9", urlencode({"query.age": "9", "asOf": then})
    assert await _names(owner, now) == ["new"]
    assert await _names(owner, past) == ["bob"]
    every = urlencode({"asOf": then, "ordering": "name", "pageSize": "2"})
    there, _ = await _walk(owner, every)
    assert there == [["Ann", "bob"], ["አበበ"]]


async def test_secrets_choose_no_records(owner, publish):
    fields = {"name": {"type": "string"}, "pin": {"type": "string", "x-secret": True}}
    await publish(owner, "P", {"properties": fields})
    for query in ("query.pin=1", "ordering=pin", "filter=pin&search=1", "query.pin=exists:true"):
        refused = await owner.get(f"{BASE}?{query}")
        assert refused.status_code == 400
        assert "encrypted" in refused.json()["detail"]


# -- what takes too long ---------------------------------------------------------------------


async def test_a_pattern_that_takes_too_long_is_refused(owner, people, monkeypatch):
    monkeypatch.setattr("registry.listing.store._PATIENCE", "SET LOCAL statement_timeout = 1")
    await _create(owner, {"name": "x" * 200_000})
    refused = await owner.get(f"{BASE}?query.name=regex:(x*x*x*x*y|y)*z$")
    assert refused.status_code == 400
    assert refused.json()["title"] == "The pattern takes too long"


async def test_a_list_that_takes_too_long_says_so(owner, people, database, monkeypatch):
    monkeypatch.setattr("registry.listing.store._COLUMNS", "r.id, pg_sleep(30)")
    view = {"name": "v", "fields": ["name"]}
    number = (await owner.get("/databases")).json()["databases"][0]["id"]
    assert (await owner.post(f"/database/{number}/views", json=view)).status_code == 200
    async with database.connection() as connection:
        for address in (BASE, f"{BASE}/views/v"):
            async with connection.driver.transaction():
                await connection.driver.execute("SAVEPOINT before")
                await connection.driver.execute("SET LOCAL statement_timeout = '1s'")
                refused = await owner.get(address)
                await connection.driver.execute("ROLLBACK TO SAVEPOINT before")
            assert refused.status_code == 503
            assert refused.json()["title"] == "The list takes too long"


# -- fields the schema lists under indexes ---------------------------------------------------

INDEXED = {
    "properties": {
        "name": {"type": "string"},
        "age": {"type": "number"},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
    "indexes": ["name", "age"],
}


@pytest.fixture
async def indexed(owner, publish):
    await publish(owner, "P", INDEXED)
    long = "b" * 250
    for name, age in (
        ("a", 1),
        ("b", 2.5),
        (long, -3),
        (long + "x", None),
        ("አበበ", 10**15),
        ("", 0),
    ):
        content = {"name": name, "tags": [name, "m"]}
        await _create(owner, content if age is None else {**content, "age": age})


@pytest.mark.parametrize(
    ("query", "lengths"),
    [
        ("query.name=prefix:b", [1, 250, 251]),
        ("query.name=prefix:" + "b" * 251, []),
        ("query.name=prefix:" + "b" * 250, [250, 251]),
        ("query.name=range:b..c", [1, 250, 251]),
        ("query.name=range:.." + "b" * 250, [1, 1, 250, 0]),
        ("query.name=range:አ..", [3]),
        ("query.age=range:-3..2.5", [1, 1, 250, 0]),
        ("query.age=range:2.6..", [3]),
        ("query.age=range:0..&query.name=range:a..b", [1, 1]),
        ("query.age=range:0..5&query.name=b", [1]),
        ("query.tags=range:n..", [3]),
        ("query.tags=prefix:m&query.age=range:..0", [250, 0]),
    ],
)
async def test_prefixes_and_ranges_mean_the_same_with_an_index(owner, indexed, query, lengths):
    page = await _page(owner, query)
    assert [len(row["name"]) for row in page["results"]] == lengths


async def test_an_index_follows_changes_and_versions(owner, indexed, publish, database):
    body = {"query": {"content": {"name": "a"}}, "write": {"content": {"name": "c"}}}
    assert (await owner.put(f"{BASE}/update", json=body)).status_code == 200
    assert await _names(owner, "query.name=range:a..a") == []
    assert await _names(owner, "query.name=range:c..c") == ["c"]
    await publish(owner, "P", {**INDEXED, "indexes": []})
    async with database.connection() as connection:
        assert await connection.fetch("SELECT FROM record_value") == []
    assert await _names(owner, "query.name=range:c..c", "/data/P/2.0") == ["c"]
    await publish(owner, "P", INDEXED)
    assert await _names(owner, "query.name=range:c..c", "/data/P/3.0") == ["c"]
    async with database.connection() as connection:
        assert len(await connection.fetch("SELECT FROM record_value WHERE field = 'name'")) == 6
