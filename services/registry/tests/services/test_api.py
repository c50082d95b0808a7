"""The services of a database are hidden, deleted, copied and offered anew, by HTTP."""

import pytest

SCHEMA = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "primaryKey": True},
        "name": {"type": "string"},
        "village": {"type": "string", "x-personalData": True},
    },
}
DATA = "/data/CODE/1.0"


@pytest.fixture
async def registry(owner, publish):
    made = await publish(owner, "CODE", SCHEMA)
    content = {"id": "1", "name": "Ann", "village": "Sild"}
    created = await owner.post(f"{DATA}/create", json={"write": {"content": content}})
    assert created.status_code == 200
    return made


async def _listed(client, registry):
    answer = await client.get(f"/database/{registry}/services")
    assert answer.status_code == 200
    return {each["name"]: each for each in answer.json()["services"]}


async def test_the_services_that_were_generated_are_listed_and_answer(owner, registry):
    found = await _listed(owner, registry)
    assert found["data-read"] | {"description": ""} == {
        "serviceId": 4,
        "name": "data-read",
        "type": "generic",
        "of": None,
        "isVisible": True,
        "method": "POST",
        "path": "/read",
        "fields": None,
        "description": "",
    }
    generic = (await owner.get(f"/database/{registry}")).json()["genericServices"]
    assert [(each["serviceId"], each["name"]) for each in generic][:8] == [
        (1, "data-list"),
        (2, "data-create"),
        (3, "data-exists"),
        (4, "data-read"),
        (5, "data-update"),
        (6, "data-update-or-create"),
        (7, "data-delete"),
        (8, "data-read-value"),
    ]
    assert len(generic) == len(found)


QUERY = {"query": {"content": {"id": "1"}}}
WRITE = {"write": {"content": {"id": "2", "name": "Bob"}}}
BOTH = QUERY | {"write": {"content": {"name": "Eve"}}}
CALLS = {
    "data-list": ("GET", "", None),
    "data-create": ("POST", "/create", WRITE),
    "data-exists": ("POST", "/exists", QUERY),
    "data-read": ("POST", "/read", QUERY),
    "data-update": ("PUT", "/update", BOTH),
    "data-update-or-create": ("POST", "/updateOrCreate", BOTH),
    "data-delete": ("DELETE", "/1/delete", None),
    "data-read-value": ("GET", "/1/readValue/name.json", None),
}


async def _call(client, name):
    method, path, body = CALLS[name]
    return await client.request(method, DATA + path, json=body)


@pytest.mark.parametrize("name", CALLS)
async def test_a_hidden_service_answers_nobody_until_it_is_shown(owner, registry, entries, name):
    number = (await _listed(owner, registry))[name]["serviceId"]
    path = f"/database/{registry}/services/{number}"
    for _ in range(2):
        hidden = await owner.patch(path, json={"isVisible": False})
        assert (hidden.status_code, hidden.json()["isVisible"]) == (200, False)
    assert len(await entries("services.changed")) == 1
    refused = await _call(owner, name)
    assert refused.status_code == 404
    assert refused.json()["title"] == "The database does not offer this service"
    for other in {"data-exists", "data-list"} - {name}:
        assert (await _call(owner, other)).status_code == 200
    generic = (await owner.get(f"/database/{registry}")).json()["genericServices"]
    assert {each["name"]: each["isVisible"] for each in generic}[name] is False
    await owner.patch(path, json={"isVisible": True})
    assert (await _call(owner, name)).status_code in {200, 204}


async def test_release_1_0_offers_no_more(owner, registry):
    await owner.patch(f"/database/{registry}/services/8", json={"isVisible": False})
    for path in (f"{DATA}/1/readValue/name.json", f"/1.0{DATA}/1/read-value/name.json"):
        assert (await owner.get(path)).status_code == 404


async def test_a_deleted_service_is_gone_and_comes_back_when_all_are_set(owner, registry):
    for _ in range(2):
        gone = await owner.delete(f"/database/{registry}/services/7")
        assert gone.status_code == 204
    assert "data-delete" not in await _listed(owner, registry)
    assert (await _call(owner, "data-delete")).status_code == 404
    change = await owner.patch(f"/database/{registry}/services/7", json={"isVisible": True})
    assert change.status_code == 404
    wanted = [{"serviceId": number} for number in range(1, 9)]
    wanted[0]["isVisible"] = False
    kept = await owner.put(f"/database/{registry}/services", json={"services": wanted})
    assert [each["serviceId"] for each in kept.json()["services"]] == list(range(1, 9))
    assert (await _call(owner, "data-list")).status_code == 404
    assert (await _call(owner, "data-delete")).status_code == 204
    wrong = {"services": [{"serviceId": 999}]}
    assert (await owner.put(f"/database/{registry}/services", json=wrong)).status_code == 404


async def _copy(client, registry, number, **body):
    return await client.post(f"/database/{registry}/services/{number}/copy", json=body)


async def test_a_copy_reads_under_its_name_with_its_fields(owner, registry, entries):
    made = await _copy(owner, registry, 4, name="short", fields=["name"], description="Names")
    assert made.status_code == 200
    told = made.json()
    assert (told["serviceId"], told["path"], told["of"]) == (1001, "/services/short", "data-read")
    read = await owner.post(f"{DATA}/services/short", json=QUERY)
    assert read.json() == {"content": {"name": "Ann"}}
    assert await entries("record.read") == [], "what is personal is not shown by it"
    full = await owner.post(f"{DATA}/read", json=QUERY)
    assert full.json()["content"]["village"] == "Sild"
    assert (await owner.post(f"{DATA}/services/other", json=QUERY)).status_code == 404
    assert (await owner.get(f"{DATA}/services/short")).status_code == 404
    assert (await owner.post("/data/NONE/1.0/services/short", json=QUERY)).status_code == 404
    by_hidden = {"query": {"content": {"village": "Sild"}}}
    assert (await owner.post(f"{DATA}/services/short", json=by_hidden)).status_code == 403
    again = await _copy(owner, registry, 4, name="short", fields=["name"], description="Names")
    assert again.json() == told
    assert (await _copy(owner, registry, 3, name="short")).status_code == 409


async def test_a_copy_stays_when_what_was_copied_is_hidden(owner, registry):
    await _copy(owner, registry, 4, name="short", fields=["name"])
    await owner.patch(f"/database/{registry}/services/4", json={"isVisible": False})
    assert (await owner.post(f"{DATA}/read", json=QUERY)).status_code == 404
    assert (await owner.post(f"{DATA}/services/short", json=QUERY)).status_code == 200
    await owner.patch(f"/database/{registry}/services/1001", json={"isVisible": False})
    assert (await owner.post(f"{DATA}/services/short", json=QUERY)).status_code == 404
    assert (await owner.delete(f"/database/{registry}/services/1001")).status_code == 204
    assert "short" not in await _listed(owner, registry)


async def test_every_kind_of_copy_does_what_it_copies(owner, registry):
    for number, name in ((1, "all"), (2, "add"), (3, "known"), (5, "change"), (6, "put")):
        made = await _copy(owner, registry, number, name=name, fields=["id", "name"])
        assert made.status_code == 200, made.text
    listed = await owner.get(f"{DATA}/services/all?query.name=Ann")
    assert listed.json()["results"] == [{"id": "1", "name": "Ann"}]
    added = await owner.post(f"{DATA}/services/add", json=WRITE)
    assert added.json() == {"content": {"id": "2", "name": "Bob"}}
    known = await owner.post(f"{DATA}/services/known", json=QUERY)
    assert known.json()["answer"]["status"] is True
    changed = await owner.put(f"{DATA}/services/change", json=BOTH)
    assert (changed.status_code, changed.content) == (200, b"")
    put = await owner.post(f"{DATA}/services/put", json=BOTH)
    assert put.json() == {"content": {"id": "1", "name": "Eve"}}
    more = {"write": {"content": {"id": "3", "village": "Sild"}}}
    for method, path, body in (
        ("POST", "add", more),
        ("PUT", "change", QUERY | more),
        ("POST", "put", QUERY | {"write": {"content": {"village": "Narva"}}}),
    ):
        refused = await owner.request(method, f"{DATA}/services/{path}", json=body)
        assert refused.status_code in {400, 403}, "a copy writes its own fields only"
    for path in ("add", "known", "put"):
        assert (await owner.post(f"{DATA}/services/{path}", json={})).status_code == 400


async def test_a_copy_refuses_what_the_copied_service_refuses(owner, registry):
    for number, name in ((2, "add"), (4, "short"), (5, "change")):
        await _copy(owner, registry, number, name=name)
    again = {"write": {"content": {"id": "1"}}}
    assert (await owner.post(f"{DATA}/services/add", json=again)).status_code == 409
    nobody = {"query": {"content": {"id": "9"}}}
    missing = await owner.post(f"{DATA}/services/short", json=nobody)
    assert (missing.status_code, missing.json()) == (404, {"detail": "no record found"})
    change = nobody | {"write": {"content": {"name": "Eve"}}}
    assert (await owner.put(f"{DATA}/services/change", json=change)).status_code == 404
    unknown = QUERY | {"write": {"content": {"nothing": 1}}}
    assert (await owner.put(f"{DATA}/services/change", json=unknown)).status_code == 400
    assert (await owner.get(f"{DATA}/services/short?query.name=Ann")).status_code == 404
    await owner.post(f"/database/{registry}/archive")
    assert (await owner.put(f"{DATA}/services/change", json=BOTH)).status_code == 409
    assert (await owner.post(f"{DATA}/services/short", json=QUERY)).status_code == 200


async def test_a_copy_needs_the_scope_of_what_it_copies(owner, registry, client_for):
    for number, name in ((2, "add"), (3, "known"), (4, "short")):
        await _copy(owner, registry, number, name=name)
    bodies = {"add": WRITE, "known": QUERY, "short": QUERY}
    scopes = {"add": "records:write", "known": "records:exists", "short": "records:read"}
    for name, body in bodies.items():
        for scope in sorted(set(scopes.values())):
            async with client_for(scopes={scope}, client="TEST/GOV/1001/registrar") as client:
                answer = await client.post(f"{DATA}/services/{name}", json=body)
            assert (answer.status_code == 200) is (scope == scopes[name]), (name, scope)


@pytest.mark.parametrize(
    ("number", "body", "status"),
    [
        (7, {"name": "short"}, 400),
        (4, {"name": "short", "fields": ["nothing"]}, 400),
        (4, {"name": "short", "fields": []}, 400),
        (4, {"name": "a/b"}, 400),
        (4, {}, 400),
        (999, {"name": "short"}, 404),
    ],
)
async def test_what_cannot_be_copied_is_refused(owner, registry, number, body, status):
    assert (await _copy(owner, registry, number, **body)).status_code == status
    assert "short" not in await _listed(owner, registry)


async def _view(client, registry, name):
    view = {"name": name, "fields": ["name"]}
    made = await client.post(f"/database/{registry}/views", json=view)
    assert made.status_code == 200, made.text


async def test_a_view_is_offered_as_a_service_once(owner, registry):
    path = f"/database/{registry}/services"
    new = {"type": "view", "viewName": "open", "description": "For everybody"}
    assert (await owner.post(path, json=new)).status_code == 400, "there is no such view yet"
    for name in ("open", "x", "y"):
        await _view(owner, registry, name)
    made = await owner.post(path, json=new)
    assert made.status_code == 200
    assert made.json()["path"] == "/views/open"
    assert (await owner.post(path, json=new)).json() == made.json()
    assert (await owner.post(path, json={"type": "view"})).status_code == 400
    assert (await owner.post(path, json={**new, "viewName": "x"})).status_code == 200
    assert (await owner.post(path, json={**new, "viewName": "y", "name": "x"})).status_code == 409


async def test_a_service_of_a_view_only_reads_until_it_is_hidden(owner, registry):
    await _view(owner, registry, "open")
    path = f"/database/{registry}/services"
    number = (await owner.post(path, json={"type": "view", "viewName": "open"})).json()["serviceId"]
    shown = await owner.get(f"{DATA}/views/open")
    assert shown.json()["results"] == [{"name": "Ann"}]
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert (await owner.request(method, f"{DATA}/views/open", json={})).status_code == 405
    assert "/views/open" in (await owner.get(f"{DATA}/openapi.json")).text
    await owner.patch(f"{path}/{number}", json={"isVisible": False})
    assert (await owner.get(f"{DATA}/views/open")).status_code == 404
    assert "/views/open" not in (await owner.get(f"{DATA}/openapi.json")).text


async def test_another_members_services_are_not_found(owner, registry, client_for):
    async with client_for(scopes={"*"}, client="TEST/GOV/3003/x") as stranger:
        path = f"/database/{registry}/services"
        assert (await stranger.get(path)).status_code == 404
        assert (await stranger.put(path, json={"services": []})).status_code == 404
        assert (await stranger.patch(f"{path}/1", json={"isVisible": False})).status_code == 404
        assert (await stranger.delete(f"{path}/1")).status_code == 404
        assert (await _copy(stranger, registry, 4, name="mine")).status_code == 404
        view = {"type": "view", "viewName": "open"}
        assert (await stranger.post(path, json=view)).status_code == 404
    assert (await _listed(owner, registry))["data-list"]["isVisible"] is True
