"""Views over HTTP: made by analysts, read by those they are for (DRS-9, DRS-5.f)."""

import pytest

BASE = "/data/PEOPLE/1.0"
TENANT = "TEST/GOV/1001"
SCHEMA = {
    "properties": {
        "id": {"type": "string", "primaryKey": True, "x-personalDataId": True},
        "village": {"type": "string"},
        "income": {"type": "integer", "x-personalData": True},
        "home": {"properties": {"rooms": {"type": "integer"}, "floor": {"type": "integer"}}},
    }
}
POOR = {
    "name": "poor",
    "fields": ["village", {"field": "home.rooms", "as": "rooms"}],
    "where": {"field": "income", "lessThan": 1000},
    "ordering": "-rooms",
}
EVERYBODY = [{"name": "everybody", "subject": {"roles": ["anonymous"]}}]


@pytest.fixture
async def people(owner, publish):
    """Return the id of a registry with three people."""
    number = await publish(owner, "PEOPLE", SCHEMA)
    for at, (village, income, rooms) in enumerate(
        (("Sild", 900, 2), ("Narva", 2500, 5), ("Narva", 100, 3)), 1
    ):
        content = {
            "id": f"EE{at}",
            "village": village,
            "income": income,
            "home": {"rooms": rooms, "floor": at},
        }
        made = await owner.post(f"{BASE}/create", json={"write": {"content": content}})
        assert made.status_code == 200, made.text
    return number


async def _make(owner, people, **changed):
    answer = await owner.post(f"/database/{people}/views", json={**POOR, **changed})
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture
async def nobody(client_for):
    """Return a caller without credentials."""
    async with client_for(scopes={"*"}, client="anonymous", tenant=TENANT) as client:
        yield client


async def test_a_view_shows_its_columns_and_rows_and_no_others(owner, people):
    await _make(owner, people)
    page = (await owner.get(f"{BASE}/views/poor")).json()
    assert page == {
        "count": 2,
        "results": [{"village": "Narva", "rooms": 3}, {"village": "Sild", "rooms": 2}],
    }


@pytest.mark.parametrize(
    ("query", "rooms"),
    [
        ("query.rooms=2", [2]),
        ("query.rooms=range:3..", [3]),
        ("query.village=prefix:N", [3]),
        ("ordering=rooms", [2, 3]),
        ("search=narva", [3]),
        ("search=EE1", []),
        ("pageSize=1", [3]),
        ("page=2&pageSize=1", [2]),
        ("filter=village&search=Sild", [2]),
        ("fields=rooms", [3, 2]),
    ],
)
async def test_a_view_is_asked_as_a_list_is(owner, people, query, rooms):
    await _make(owner, people)
    answer = await owner.get(f"{BASE}/views/poor?{query}")
    assert [row["rooms"] for row in answer.json()["results"]] == rooms


async def test_pages_of_a_view_are_linked(owner, people):
    await _make(owner, people)
    address = f"{BASE}/views/poor"
    page = (await owner.get(f"{address}?pageSize=1")).json()
    rest = (await owner.get(address + page["next"])).json()
    assert [row["rooms"] for row in rest["results"]] == [2]
    assert "next" not in rest
    assert (await owner.get(BASE + page["next"])).status_code == 400


@pytest.mark.parametrize(
    "query",
    ["query.income=100", "query.home.rooms=2", "ordering=income", "fields=income", "query.id=EE1"],
)
async def test_what_a_view_does_not_show_chooses_nothing(owner, people, query):
    await _make(owner, people)
    assert (await owner.get(f"{BASE}/views/poor?{query}")).status_code == 400


async def test_anybody_reads_an_open_view_and_not_the_registry_behind_it(owner, people, nobody):
    await _make(owner, people)
    assert (await nobody.get(f"{BASE}/views/poor")).status_code == 401
    answer = await owner.put(
        f"/database/{people}/views/poor",
        json={"fields": POOR["fields"], "where": POOR["where"], "policies": EVERYBODY},
    )
    assert answer.status_code == 200, answer.text
    opened = await nobody.get(f"{BASE}/views/poor")
    assert opened.json()["count"] == 2
    assert all(set(row) == {"village", "rooms"} for row in opened.json()["results"])
    assert (await nobody.get(BASE)).status_code == 401
    body = {"query": {"content": {"id": "EE1"}}}
    assert (await nobody.post(f"{BASE}/read", json=body)).status_code == 401


async def test_the_policies_of_a_view_are_its_own(owner, other, people):
    only = [{"name": "p", "subject": {"members": ["TEST/GOV/3003"]}}]
    await _make(owner, people, policies=only)
    assert (await other.get(BASE)).status_code == 200
    assert (await other.get(f"{BASE}/views/poor")).status_code == 403
    theirs = {"name": "p", "subject": {"members": ["TEST/GOV/2002"]}}
    some = [{**theirs, "records": {"field": "village", "is": "Sild"}}]
    body = {"fields": POOR["fields"], "policies": some}
    await owner.put(f"/database/{people}/views/poor", json=body)
    assert (await other.get(f"{BASE}/views/poor")).json()["results"] == [
        {"village": "Sild", "rooms": 2}
    ]
    assert (await owner.get(f"{BASE}/views/poor")).json()["count"] == 3


async def test_without_policies_the_rights_of_the_database_decide(owner, other, people):
    await _make(owner, people)
    policy = {
        "name": "p",
        "subject": {"members": ["TEST/GOV/2002"]},
        "actions": ["list"],
        "fields": ["home"],
    }
    rights = await owner.put(f"/database/{people}/rights", json={"policies": [policy]})
    assert rights.status_code == 200, rights.text
    assert (await other.get(f"{BASE}/views/poor")).json()["results"] == [{"rooms": 3}, {"rooms": 2}]
    assert (await other.get(f"{BASE}/views/poor?search=Narva")).json()["count"] == 0
    assert (await other.get(f"{BASE}/views/poor?query.village=Sild")).status_code == 403


async def test_consent_guards_the_personal_columns_of_a_view(
    owner, other, publish, consent_rule, consents
):
    rule = {**consent_rule, "requiresConsent": {**consent_rule["requiresConsent"]}}
    number = await publish(owner, "PEOPLE", SCHEMA, access=rule)
    for name, fields in (("open", ["village"]), ("personal", ["village", "income"])):
        view = {"name": name, "fields": fields, "policies": EVERYBODY}
        made = await owner.post(f"/database/{number}/views", json=view)
        assert made.status_code == 200, made.text
    assert (await other.get(f"{BASE}/views/open")).status_code == 200
    assert (await other.get(f"{BASE}/views/personal")).status_code == 403
    assert (await owner.get(f"{BASE}/views/personal")).status_code == 200


async def test_a_look_through_a_view_is_noted(owner, other, people, entries):
    await _make(owner, people)
    await other.get(f"{BASE}/views/poor")
    assert await entries("record.read") == []
    await owner.put(f"/database/{people}/views/poor", json={"fields": ["income", "village"]})
    await other.get(f"{BASE}/views/poor?fields=village")
    assert await entries("record.read") == []
    await other.get(f"{BASE}/views/poor")
    [entry] = await entries("record.read")
    assert (entry.facts["operation"], entry.facts["fields"]) == ("view", ["income"])
    assert len(await entries("record.read", subject="EE2")) == 1


async def test_a_view_is_read_only(owner, people):
    await _make(owner, people)
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        refused = await owner.request(method, f"{BASE}/views/poor", json={})
        assert refused.status_code == 405, method
        assert "GET" in refused.headers["allow"]


async def test_a_view_is_a_service_that_can_be_hidden(owner, people):
    await _make(owner, people)
    address = f"/database/{people}/services"
    made = await owner.post(address, json={"type": "view", "viewName": "poor"})
    assert made.status_code == 200, made.text
    where = f"{address}/{made.json()['serviceId']}"
    for is_visible, status in ((False, 404), (True, 200)):
        assert (await owner.patch(where, json={"isVisible": is_visible})).status_code == 200
        assert (await owner.get(f"{BASE}/views/poor")).status_code == status


async def test_making_a_view_twice_is_making_it_once(owner, people, entries):
    made = await _make(owner, people)
    assert await _make(owner, people) == made == {**POOR}
    taken = await owner.post(f"/database/{people}/views", json={**POOR, "ordering": "rooms"})
    assert taken.status_code == 409
    body = {name: POOR[name] for name in POOR if name != "name"}
    for _ in range(2):
        assert (await owner.put(f"/database/{people}/views/poor", json=body)).json() == POOR
    assert len(await entries("view.changed")) == 1
    assert (await owner.get(f"/database/{people}/views")).json() == [POOR]
    assert (await owner.get(f"/database/{people}/views/poor")).json() == POOR
    for _ in range(2):
        assert (await owner.delete(f"/database/{people}/views/poor")).status_code == 204
    assert len(await entries("view.deleted")) == 1
    assert (await owner.get(f"/database/{people}/views/poor")).status_code == 404
    assert (await owner.get(f"{BASE}/views/poor")).status_code == 404
    assert (await owner.get(f"/database/{people}/views")).json() == []


async def test_only_who_decides_about_rights_says_who_reads_a_view(client_for, people):
    scopes = {"databases:read", "databases:write"}
    async with client_for(scopes=scopes, client=f"{TENANT}/registrar", tenant=TENANT) as analyst:
        address = f"/database/{people}/views"
        refused = await analyst.post(address, json={**POOR, "policies": EVERYBODY})
        assert refused.status_code == 403
        assert (await analyst.post(address, json=POOR)).status_code == 200
        bad = await analyst.post(address, json={**POOR, "name": "n", "fields": ["shoe"]})
        assert (bad.status_code, bad.json()["errors"][0]["pointer"]) == (400, "#/fields/0")
        assert (await analyst.put(f"{address}/1", json={"fields": ["id"]})).status_code == 400
        opened = {"fields": ["id"], "policies": EVERYBODY}
        assert (await analyst.put(f"{address}/x", json=opened)).status_code == 403


async def test_a_database_that_is_not_there_has_no_views(owner, people):
    address = "/database/1234567/views"
    for method, where, body in (
        ("GET", address, None),
        ("POST", address, POOR),
        ("GET", f"{address}/poor", None),
        ("PUT", f"{address}/poor", {"fields": ["id"]}),
        ("DELETE", f"{address}/poor", None),
    ):
        assert (await owner.request(method, where, json=body)).status_code == 404, method


async def test_what_breaks_a_view_is_told_before_it_is_published(owner, people):
    await _make(owner, people)
    fields = {name: spec for name, spec in SCHEMA["properties"].items() if name != "home"}
    proposal = {"schema": {"properties": fields}}
    impact = (await owner.post(f"/database/{people}/impact", json=proposal)).json()
    [told] = [each for each in impact["breaking"] if each["pointer"] == "#/views/poor"]
    assert told["reason"] == "needs home.rooms"
    impact = (await owner.post(f"/database/{people}/impact", json={"schema": SCHEMA})).json()
    assert impact["breaking"] == []


async def test_a_version_without_the_fields_does_not_have_the_view(owner, people, publish):
    await _make(owner, people)
    fields = {name: spec for name, spec in SCHEMA["properties"].items() if name != "home"}
    await publish(owner, "PEOPLE", {"properties": fields})
    assert (await owner.get(f"{BASE}/views/poor")).status_code == 200
    refused = await owner.get("/data/PEOPLE/2.0/views/poor")
    assert refused.status_code == 409
    assert "home.rooms" in refused.json()["detail"]
    assert (await owner.get("/data/PEOPLE/3.0/views/poor")).status_code == 404
    assert (await owner.get("/data/NONE/1.0/views/poor")).status_code == 404
    assert (await owner.get(f"/data/{people}/1.0/views/poor")).status_code == 404
