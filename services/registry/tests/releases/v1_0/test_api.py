"""Release 1.0 beside today's contract: where the two are known to differ, row by row."""

import re
from itertools import product

import pytest
from fastapi.routing import APIRoute
from starlette.routing import Match

from kit.evidence import promises
from kit.web import routes_of

CITIZENS = {
    "type": "object",
    "required": ["ID"],
    "properties": {
        "ID": {"type": "string", "primaryKey": True, "x-personalDataId": {"type": "national-id"}},
        "FirstName": {"type": "string", "x-personalData": True},
        "LastName": {"type": "string"},
        "BirthCertificateID": {"type": "string"},
    },
}
JOHN = {"ID": "EE1", "FirstName": "John", "LastName": "Smith", "BirthCertificateID": "RR-1"}
BASE = "/1.0/data/CITIZENS/1.0"


@pytest.fixture
async def citizens(owner, publish):
    """Return the id of a published register, with John in it."""
    made = await publish(owner, "CITIZENS", CITIZENS)
    assert (await created(owner, JOHN)).status_code == 200
    return made


async def created(client, content):
    return await client.post(f"{BASE}/create", json={"write": {"content": content}})


def _change(query, write):
    return {"query": {"content": query}, "write": {"content": write}}


# -- addresses -----------------------------------------------------------------------------------


async def test_every_path_of_today_answers_in_release_1_0_too(app):
    """Each path leads to today's own route, or to the one that stands in its place."""
    older = app.state.releases["1.0"]
    for route in routes_of(app.routes):
        if not isinstance(route, APIRoute) or not route.include_in_schema:
            continue
        for method in route.methods:
            path = re.sub(r"\{[^}]+\}", "1", route.path)
            asked = {"type": "http", "method": method, "path": path, "root_path": ""}
            taken = [
                each.path
                for each in routes_of(older.routes)
                if each.matches(asked)[0] is Match.FULL
            ]
            assert taken in ([], [route.path]), f"{method} {route.path} is taken by {taken}"


@pytest.mark.parametrize("path", ["/database/1/versions", "/health", "/.well-known/jwks.json"])
async def test_what_release_1_0_never_had_is_served_as_at_the_root(owner, citizens, path):
    path = path.replace("/1/", f"/{citizens}/")
    old, today = await owner.get(f"/1.0{path}"), await owner.get(path)
    assert old.status_code == 200
    assert old.json() == today.json()


async def test_both_spellings_of_an_address_reach_the_same_record(owner, citizens):
    for spelling in ("read-value", "readValue"):
        answer = await owner.get(f"{BASE}/EE1/{spelling}/FirstName.json")
        assert (answer.status_code, answer.json()) == (200, "John")
    for spelling in ("update-or-create", "updateOrCreate"):
        body = _change({"ID": "EE1"}, {"LastName": spelling})
        answer = await owner.post(f"{BASE}/{spelling}", json=body)
        assert answer.json()["content"] == {**JOHN, "LastName": spelling}


async def test_many_records_are_changed_at_once_in_both_spellings(owner, citizens):
    for number, spelling in enumerate(("update-entries", "updateEntries")):
        body = _change({"FirstName": "John"}, {"LastName": f"Mets{number}"})
        assert (await owner.put(f"{BASE}/{spelling}", json=body)).status_code == 200
        last = await owner.get(f"{BASE}/EE1/read-value/LastName.json")
        assert last.json() == f"Mets{number}"


async def test_the_old_spelling_is_no_path_of_today(owner, citizens):
    body = _change({"ID": "EE1"}, {"LastName": "Mets"})
    answer = await owner.post("/data/CITIZENS/1.0/update-or-create", json=body)
    assert answer.status_code in {404, 405}


@pytest.mark.parametrize("path", ["/2.0/databases", "/1.0", "/1.0/nothing", "/1.0/data/CITIZENS"])
async def test_what_no_release_has_is_not_found(owner, path):
    assert (await owner.get(path)).status_code == 404


async def test_a_wrong_method_names_those_there_are(owner, citizens):
    answer = await owner.patch(f"{BASE}/update-or-create")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


async def test_release_1_0_describes_itself(owner):
    document = (await owner.get("/1.0/openapi.json")).json()
    assert document["info"]["title"] == "Registry, release 1.0"
    assert "/data/MyPersonalDataUsage/1.0" in document["paths"]
    assert not [path for path in document["paths"] if "updateOrCreate" in path]
    today = (await owner.get("/openapi.json")).json()
    assert not [path for path in today["paths"] if path.startswith("/1.0")]


async def test_a_refusal_has_the_id_of_the_request(owner, citizens):
    answer = await owner.post(f"{BASE}/read", json={})
    assert answer.status_code == 400
    assert answer.json()["requestId"] == answer.headers["x-request-id"]


async def test_release_1_0_asks_for_the_same_rights(client_for):
    async with client_for(scopes={"records:exists"}) as client:
        assert (await client.get("/1.0/databases")).status_code == 403
    async with client_for() as client:
        assert (await client.get("/1.0/databases")).status_code == 401


async def test_a_read_in_release_1_0_leaves_the_same_entry(owner, citizens, entries):
    body = {"query": {"content": {"ID": "EE1"}}}
    answers = [await owner.post(f"{at}/data/CITIZENS/1.0/read", json=body) for at in ("", "/1.0")]
    first, second = await entries("record.read")
    assert {**first.facts, "requestId": ""} == {**second.facts, "requestId": ""}
    assert all(promises.HEADER in answer.headers for answer in answers)


# -- who read it ---------------------------------------------------------------------------------

REPORT = "/1.0/data/MyPersonalDataUsage/1.0"


async def test_three_addresses_tell_who_read_the_data(owner, citizens):
    await owner.post(f"{BASE}/read", json={"query": {"content": {"ID": "EE1"}}})
    old = await owner.get(REPORT, params={"userID": "EE1", "DatabaseID": "CITIZENS"})
    [said] = old.json()
    for path in ("/data/myPersonalDataUsage", "/data/mypersonalDataUsage"):
        for at in ("", "/1.0"):
            named = {"userId": "EE1", "databaseId": "CITIZENS"}
            today = (await owner.get(at + path, params=named)).json()[-1]
            assert said["ID"] == today["id"]
            assert said["ReaderID"] == today["readerId"]
            assert said["ReaderInstitutionID"] == today["readerInstitutionId"]
            assert said["SearchDateTime"] == today["searchDateTime"]
            assert said["Refrences"] == today["refrences"] == [{"ReferenceID": "EE1"}]
    assert "readerId" not in said


@pytest.mark.parametrize(("user", "code"), [("...", "CITIZENS"), ("EE1", "...")])
async def test_an_id_that_cannot_be_one_is_refused(owner, citizens, user, code):
    answer = await owner.get(REPORT, params={"userID": user, "DatabaseID": code})
    assert answer.status_code == 400
    named = {"userId": user, "databaseId": code}
    assert (await owner.get("/data/myPersonalDataUsage", params=named)).status_code == 400


# -- records -------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", ["", "/1.0"])
async def test_exists_takes_fields_with_and_without_a_query_around_them(owner, citizens, at):
    for body in ({"FirstName": "John"}, {"query": {"content": {"FirstName": "John"}}}):
        answer = await owner.post(f"{at}/data/CITIZENS/1.0/exists", json=body)
        assert answer.json() == {
            "answer": {"status": True, "message": "Object found from database"}
        }
    answer = await owner.post(f"{at}/data/CITIZENS/1.0/exists", json={"FirstName": "Adrien"})
    assert answer.json()["answer"]["status"] is False
    assert answer.json()["answer"]["message"]


async def test_the_schema_says_how_fields_are_spelled(owner, publish, citizens):
    lower = {"type": "object", "properties": {"id": {"type": "string", "primaryKey": True}}}
    await publish(owner, "LOWER", lower)
    for at, code, content in (("", "LOWER", {"id": "1"}), ("/1.0", "LOWER", {"id": "2"})):
        body = {"write": {"content": content}}
        answer = await owner.post(f"{at}/data/{code}/1.0/create", json=body)
        assert answer.json() == {"content": content}


async def test_a_list_counts_its_page_and_today_all_that_match(owner, citizens):
    for number in range(2, 6):
        await created(owner, {**JOHN, "ID": f"EE{number}"})
    old = (await owner.get(BASE, params={"page_size": 2})).json()
    assert (old["count"], len(old["results"])) == (2, 2)
    today = (await owner.get("/data/CITIZENS/1.0", params={"pageSize": 2})).json()
    assert (today["count"], len(today["results"])) == (5, 2)
    whole = (await owner.get(BASE)).json()
    assert whole["count"] == len(whole["results"]) == 5


@pytest.mark.parametrize(("at", "size"), [("", "pageSize"), ("/1.0", "page_size")])
async def test_the_last_page_has_no_next(owner, citizens, at, size):
    await created(owner, {**JOHN, "ID": "EE2"})
    path = f"{at}/data/CITIZENS/1.0"
    first = (await owner.get(path, params={size: 1})).json()
    second = (await owner.get(path + first["next"])).json()
    assert "next" not in second
    assert [each["ID"] for page in (first, second) for each in page["results"]] == ["EE1", "EE2"]
    assert "next" not in (await owner.get(path)).json()


async def test_a_search_in_a_field_is_for_exactly_that_value(owner, citizens):
    await created(owner, {**JOHN, "ID": "EE2", "FirstName": "Johnny"})
    for at, order in product(("", "/1.0"), ("ascending", "descending")):
        asked = {"search": "John", "filter": "FirstName", "ordering": order}
        found = (await owner.get(f"{at}/data/CITIZENS/1.0", params=asked)).json()
        assert [each["ID"] for each in found["results"]] == ["EE1"]


@pytest.mark.parametrize("at", ["", "/1.0"])
async def test_a_search_is_for_a_pattern_only_where_it_says_so(owner, citizens, at):
    await created(owner, {**JOHN, "ID": "EE2", "FirstName": "J.hn"})
    for asked, found in (("J.hn", ["EE2"]), ("regex:^J.hn$", ["EE1", "EE2"])):
        page = await owner.get(f"{at}/data/CITIZENS/1.0", params={"query.FirstName": asked})
        assert [each["ID"] for each in page.json()["results"]] == found


@pytest.mark.parametrize("at", ["", "/1.0"])
async def test_who_only_names_a_client_reads_what_is_open_to_anybody(
    owner, client_for, citizens, at
):
    policy = {"name": "open", "subject": {"roles": ["anonymous"]}, "actions": ["list", "exists"]}
    policies = {"policies": [{**policy, "fields": ["ID", "LastName"]}]}
    decided = await owner.put(f"/database/{citizens}/rights", json=policies)
    assert decided.status_code == 200, decided.text
    tenant = "TEST/GOV/1001"
    async with client_for(scopes={"*"}, client="anonymous", tenant=tenant) as nobody:
        page = (await nobody.get(f"{at}/data/CITIZENS/1.0")).json()
        assert page["results"] == [{"ID": "EE1", "LastName": "Smith"}]
        found = await nobody.post(f"{at}/data/CITIZENS/1.0/exists", json={"LastName": "Smith"})
        assert found.json()["answer"]["status"] is True
        read = {"query": {"content": {"ID": "EE1"}}}
        answer = await nobody.post(f"{at}/data/CITIZENS/1.0/read", json=read)
        assert answer.status_code == 401


async def test_a_record_that_is_not_there_is_said_as_govstack_says_it(owner, citizens):
    answer = await owner.post(f"{BASE}/read", json={"query": {"content": {"ID": "EE9"}}})
    assert (answer.status_code, answer.json()) == (404, {"detail": "no record found"})
    assert answer.headers["content-type"].startswith("application/json")


async def test_a_repeated_update_answers_as_the_first_one(owner, citizens, entries):
    body = _change({"LastName": "Smith"}, {"LastName": "Jones"})
    for _ in range(3):
        assert (await owner.put(f"{BASE}/update", json=body)).status_code == 200
    assert len(await entries("record.updated")) == 1


async def test_a_query_inside_write_is_read_as_beside_it(owner, citizens):
    body = {"write": {"query": {"content": {"ID": "EE1"}}, "content": {"LastName": "Jones"}}}
    assert (await owner.put(f"{BASE}/update", json=body)).status_code == 200
    assert (await owner.get(f"{BASE}/EE1/read-value/LastName.json")).json() == "Jones"


async def test_an_old_query_finds_the_record_by_its_primary_key(owner, citizens, entries):
    body = _change({"LastName": "Smith"}, {"ID": "EE1", "LastName": "Jones"})
    answers = [await owner.post(f"{BASE}/update-or-create", json=body) for _ in range(3)]
    assert [answer.json()["content"]["LastName"] for answer in answers] == ["Jones"] * 3
    assert (await owner.get(BASE)).json()["count"] == 1
    assert len(await entries("record.updated")) == 1
    assert len(await entries("record.created")) == 1  # the fixture's


async def test_deleting_a_record_again_answers_as_the_first_time(owner, citizens, entries):
    for _ in range(3):
        answer = await owner.delete(f"{BASE}/EE1/delete")
        assert (answer.status_code, answer.content) == (204, b"")
    assert len(await entries("record.deleted")) == 1


@pytest.mark.parametrize("path", ["read", "exists", "create", "update-or-create"])
async def test_the_first_of_several_requests_may_be_empty(owner, citizens, path):
    content = {**JOHN, "LastName": "Jones"}
    body = {"query": {"content": {"ID": "EE1"}}, "write": {"content": content}}
    if path == "create":
        body = {"write": {"content": {**JOHN, "ID": "EE7"}}}
    assert (await owner.post(f"{BASE}/{path}")).status_code == 400
    assert (await owner.post(f"{BASE}/{path}", json=body)).status_code == 200


async def test_an_update_may_be_sent_without_a_body_first(owner, citizens):
    assert (await owner.put(f"{BASE}/update")).status_code == 400
    body = _change({"ID": "EE1"}, {"LastName": "Jones"})
    for _ in range(2):
        assert (await owner.put(f"{BASE}/update", json=body)).status_code == 200


@pytest.mark.parametrize("times", [2, 3])
async def test_a_query_string_appended_to_itself_is_read_once(owner, citizens, times):
    query = "?".join(["search=John&filter=FirstName&ordering=ascending"] * times)
    found = (await owner.get(f"{BASE}?{query}")).json()
    assert [each["ID"] for each in found["results"]] == ["EE1"]
    page = await owner.get(f"{BASE}?" + "?".join(["page_size=1"] * times))
    assert (page.status_code, page.json()["count"]) == (200, 1)
    query = "?".join(["userID=EE1&DatabaseID=CITIZENS"] * times)
    assert (await owner.get(f"{REPORT}?{query}")).status_code == 200


# -- databases -----------------------------------------------------------------------------------


async def test_a_database_is_made_and_shown_in_the_old_spelling(owner):
    body = {
        "group_name": "Test",
        "catalog_name": "Mother and Child",
        "code": "MCR",
        "schema": CITIZENS,
        "fields_uniques": [["BirthCertificateID"]],
    }
    made = (await owner.post("/1.0/database/modify", json=body)).json()
    assert made["properties"] == CITIZENS["properties"]
    old = (await owner.get(f"/1.0/database/{made['id']}")).json()
    assert old["group_name"] == "Test"
    assert old["catalog_name"] == "Mother and Child"
    assert old["fields_uniques"] == [["ID"], ["BirthCertificateID"]]
    assert old["is_draft"] is True
    assert {"schema_tags", "schema_flags", "generic_services", "by_user_auth_id"} <= set(old)
    assert {"name", "path", "is_fulltext"} == set(old["schema_tags"][0])
    assert {"service_id", "name", "is_visible"} <= set(old["generic_services"][0])
    assert not [name for name in old if re.search("[A-Z]", name)]
    assert old["schema"] == CITIZENS
    today = (await owner.get(f"/database/{made['id']}")).json()
    assert [re.sub("([A-Z])", lambda m: f"_{m[1].lower()}", name) for name in today] == list(old)


async def test_a_database_made_in_the_old_spelling_is_the_same_in_the_new_one(owner):
    body = {"group_name": "Test", "code": "MCR", "schema": CITIZENS}
    old = (await owner.post("/1.0/database/modify", json=body)).json()
    body = {"groupName": "Test", "code": "MCR", "schema": CITIZENS}
    assert (await owner.post("/database/modify", json=body)).json() == old
    assert (await owner.post("/1.0/database/modify", json=body)).json() == old


async def test_databases_has_the_keys_of_each_release_and_no_other(owner, citizens):
    keys = {"id", "name", "code", "databases", "order"}
    old = (await owner.get("/1.0/databases")).json()
    assert set(old) == keys | {"group_id", "data_index_increment"}
    today = (await owner.get("/databases")).json()
    assert set(today) == keys | {"groupId", "dataIndexIncrement"}
    assert old["databases"][0]["id"] == today["databases"][0]["id"] == citizens


@pytest.mark.parametrize("at", ["", "/1.0"])
async def test_a_database_id_has_up_to_64_bits(owner, at):
    for number in (2**31, 2**53 + 1, 2**63 - 1):
        assert (await owner.get(f"{at}/database/{number}")).status_code == 404
        assert (await owner.delete(f"{at}/database/{number}")).json() == "Success"


@pytest.mark.parametrize("at", ["", "/1.0"])
async def test_deleting_a_database_again_is_a_success_again(owner, citizens, at, entries):
    for _ in range(3):
        answer = await owner.delete(f"{at}/database/{citizens}")
        assert (answer.status_code, answer.json()) == (200, "Success")
    assert len(await entries("database.deleted")) == 1
