"""What GovStack's own tests of release 1.0 do, feature by feature, in our words.

They send each request from outside with nothing but the client's header, often twice, and look at
status, media type, shape and a value or two. Each test here is one of their fourteen features.
"""

import pytest
from jsonschema_rs import Draft202012Validator

FIELDS = ("ID", "FirstName", "LastName", "BirthCertificateID")
SCHEMA = {
    "type": "object",
    "required": ["ID"],
    "properties": {
        "ID": {"type": "string", "primaryKey": True, "x-personalDataId": {"type": "national-id"}},
        "FirstName": {"type": "string", "x-personalData": True},
        "LastName": {"type": "string"},
        "BirthCertificateID": {"type": "string"},
    },
}
PEOPLE = [
    ("EE1", "John", "Smith", "RR-1"),
    ("EE2", "Alice", "Brown", "RR-2"),
    ("EE3", "Jack", "Black", "RR-3"),
    ("EE4", "Bob", "White", "RR-4"),
]
AT = "/1.0/data/registryname/1.0"
TEXT, FLAG, WHOLE = {"type": "string"}, {"type": "boolean"}, {"type": "integer"}


def a_list(items):
    return {"type": "array", "items": items}


def an_object(properties, *required, closed=False):
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": not closed,
    }


PERSON = an_object(dict.fromkeys(FIELDS, TEXT))
DATABASE = an_object(
    {
        **dict.fromkeys(("version", "name", "description", "institution"), TEXT),
        **dict.fromkeys(("number_format", "modified_at", "by_user_name"), TEXT),
        **dict.fromkeys(("is_draft", "is_disabled", "is_archived", "has_logo"), FLAG),
        **dict.fromkeys(("id", "by_user_auth_id", "data_index_increment"), WHOLE),
        "schema": an_object({"properties": {"type": "object"}}, "properties"),
        "schema_tags": a_list(an_object({"name": TEXT, "path": TEXT, "is_fulltext": FLAG})),
        "schema_flags": a_list(an_object({"name": TEXT, "path": TEXT})),
        "fields_uniques": a_list(a_list(TEXT)),
        "generic_services": a_list(
            an_object({"service_id": WHOLE, "name": TEXT, "is_visible": FLAG, "used_count": WHOLE})
        ),
    },
    *("id", "version", "name", "schema", "is_draft", "generic_services"),
)
DATABASES = an_object(
    {
        **dict.fromkeys(("id", "group_id", "order", "data_index_increment"), WHOLE),
        **dict.fromkeys(("name", "code"), TEXT),
        "databases": a_list(DATABASE),
    },
    closed=True,
)
PAGE = an_object(
    {
        "count": {"type": "number"},
        "next": TEXT,
        "previous": {"type": ["string", "null"]},
        "results": a_list(PERSON),
    },
    *("count", "results"),
)
ANSWER = an_object({"status": FLAG, "message": TEXT}, "status", "message")
USAGE = a_list(
    an_object(
        {
            **dict.fromkeys(("ID", "ReaderID", "ReaderInitials", "ReaderInstitutionID"), TEXT),
            **dict.fromkeys(("ReaderInstitutionName", "ReaderApplicationName"), TEXT),
            "SearchDateTime": TEXT,
            "Refrences": a_list(an_object({"ReferenceID": TEXT})),
        },
        *("ID", "ReaderInstitutionID", "SearchDateTime", "Refrences"),
    )
)


def person(*values):
    return dict(zip(FIELDS, values, strict=False))


def fits(answer, schema):
    """See that an answer is a success in JSON of a shape; return it."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].partition(";")[0] == "application/json"
    assert [str(e) for e in Draft202012Validator(schema).iter_errors(answer.json())] == []
    return answer.json()


def change(query, write):
    return {"query": {"content": query}, "write": {"content": write}}


@pytest.fixture
async def register(owner, publish):
    """Return the id of a register with four people in it."""
    made = await publish(owner, "registryname", SCHEMA)
    for values in PEOPLE:
        await owner.post(f"{AT}/create", json={"write": {"content": person(*values)}})
    return made


async def test_data_create(owner, register):
    content = person("EE378627348834", "John Helmut", "Smith Carry", "RR-1234567889")
    answer = await owner.post(f"{AT}/create", json={"write": {"content": content}})
    assert fits(answer, an_object({"content": PERSON}))["content"] == content
    assert (await owner.post(f"{AT}/create", json={})).status_code == 400
    nowhere = "/1.0/data/another/1.0/create"
    answer = await owner.post(nowhere, json={"write": {"content": content}})
    assert answer.status_code == 404


async def test_data_delete(owner, register):
    for key in ("EE1", "EE1", "nobody"):
        assert (await owner.delete(f"{AT}/{key}/delete")).status_code == 204


async def test_data_exists(owner, register):
    for body, status in ((person(*PEOPLE[0]), True), (person("EE1", "Adrien"), False)):
        answer = await owner.post(f"{AT}/exists", json=body)
        assert fits(answer, an_object({"answer": ANSWER}, "answer"))["answer"]["status"] is status


@pytest.mark.parametrize(
    ("name", "ordering"),
    [("John", "ascending"), ("Alice", "descending"), ("Jack", "ascending"), ("Bob", "descending")],
)
async def test_data_list(owner, publish, register, name, ordering):
    whole = fits(await owner.get(AT), PAGE)
    assert whole["count"] == len(whole["results"]) == 4
    asked = {"search": name, "filter": "FirstName", "ordering": ordering}
    found = fits(await owner.get(AT, params=asked), PAGE)
    assert {each["FirstName"] for each in found["results"]} == {name}
    assert found["count"] == len(found["results"])
    await publish(owner, "registryempty", SCHEMA)
    empty = fits(await owner.get("/1.0/data/registryempty/1.0"), PAGE)
    assert (empty["count"], empty["results"]) == (0, [])


async def test_data_my_personal_data_usage(owner, register):
    at = "/1.0/data/MyPersonalDataUsage/1.0"
    await owner.post(f"{AT}/read", json={"query": {"content": {"ID": "EE1"}}})
    for person_id, count in (("EE1", 1), ("EE2", 0)):
        answer = await owner.get(at, params={"userID": person_id, "DatabaseID": "registryname"})
        assert len(fits(answer, USAGE)) == count
    for asked in (("...", "registryname"), ("EE1", "...")):
        answer = await owner.get(at, params=dict(zip(("userID", "DatabaseID"), asked, strict=True)))
        assert answer.status_code == 400


async def test_data_read(owner, register):
    body = {"query": {"content": person(*PEOPLE[0])}}
    answer = await owner.post(f"{AT}/read", json=body)
    assert fits(answer, an_object({"content": PERSON}))["content"] == person(*PEOPLE[0])
    answer = await owner.post(f"{AT}/read", json={"query": {"content": {"ID": "nobody"}}})
    assert answer.status_code == 404
    assert answer.json() == {"detail": "no record found"}


async def test_data_read_value(owner, register):
    assert fits(await owner.get(f"{AT}/EE1/read-value/FirstName.json"), TEXT) == "John"


async def test_data_update(owner, register):
    before, after = person(*PEOPLE[0]), person("EE1", "Jon", "Smyth", "RR-11")
    for body in (
        change(before, after),
        {"write": {"query": {"content": before}, "content": after}},
    ):
        assert (await owner.put(f"{AT}/update", json=body)).status_code == 200
    answer = await owner.post(f"{AT}/read", json={"query": {"content": {"ID": "EE1"}}})
    assert answer.json()["content"] == after


async def test_data_update_entries(owner, register):
    await owner.post(f"{AT}/create", json={"write": {"content": person("EE5", "Joe", "Smith")}})
    for _ in range(2):
        body = change({"LastName": "Smith"}, {"LastName": "Grande"})
        assert (await owner.put(f"{AT}/update-entries", json=body)).status_code == 200
    found = (await owner.get(AT, params={"query.LastName": "Grande"})).json()
    assert [each["ID"] for each in found["results"]] == ["EE1", "EE5"]
    nobody = change({"LastName": "Blake"}, {"FirstName": "Jerry"})
    assert (await owner.put(f"{AT}/update-entries", json=nobody)).status_code == 404
    only = {"query": {"content": {"LastName": "Smith"}}}
    assert (await owner.put(f"{AT}/update-entries", json=only)).status_code == 400


async def test_data_update_or_create(owner, register):
    new, other = person("EE9", "Jon", "Snake", "RR-9"), person("EE9", "Johny", "Small", "RR-9")
    for query, write in ((new, new), (new, new), (new, other), (new, other)):
        answer = await owner.post(f"{AT}/update-or-create", json=change(query, write))
        assert fits(answer, an_object({"content": PERSON}))["content"] == write
    assert (await owner.get(AT)).json()["count"] == 5
    answer = await owner.post(f"{AT}/update-or-create", json={"query": {"content": new}})
    assert answer.status_code == 400


async def test_database_delete(owner, register):
    for number in (register, register, 75858, 896756):
        answer = await owner.delete(f"/1.0/database/{number}")
        assert fits(answer, TEXT) == "Success"


async def test_database_list(owner, register):
    [found] = fits(await owner.get("/1.0/databases"), DATABASES)["databases"]
    assert found["id"] == register


async def test_database_modify(owner):
    fields = {
        "ID": {
            "type": "string",
            "triggers": [
                {
                    "conditions": [{"logic": "==", "value": "", "gate": "&&"}],
                    "actions": [
                        {"type": "set-value", "value": "MCR{indexNoByCode}", "field_id": 1}
                    ],
                }
            ],
            "primaryKey": True,
            "readOnly": True,
            "id": 1,
        },
        "Child": {"type": "string", "properties": {"ID": {"type": "string", "id": 13}}},
    }
    schema = {"type": "object", "properties": fields, "incrementIndex": 30, "required": ["ID"]}
    body = {"group_name": "Test", "catalog_name": "Mother and Child", "code": "MCR"}
    for _ in range(2):
        answer = await owner.post("/1.0/database/modify", json={**body, "schema": schema})
        said = fits(answer, an_object({"type": TEXT, "properties": {"type": "object"}}))
        assert said["properties"] == fields
        assert said["required"] == ["ID"]
    assert (await owner.post("/1.0/database/modify", json=schema)).status_code == 400


async def test_database_read(owner, register):
    assert fits(await owner.get(f"/1.0/database/{register}"), DATABASE)["id"] == register
    assert (await owner.get("/1.0/database/{id}")).status_code == 400


async def test_read_personal_information(owner, publish):
    mother = {"id": "500", "first": "Sowmya", "last": "Krishnamurti", "birth": "1994-11-21"}
    fields = {name: {"type": "string", "x-personalData": True} for name in mother}
    fields["id"] = {"type": "string", "primaryKey": True, "x-personalDataId": True}
    await publish(owner, "population", {"type": "object", "properties": fields})
    at = "/1.0/data/population/1.0"
    await owner.post(f"{at}/create", json={"write": {"content": mother}})
    answer = await owner.post(f"{at}/read", json={"query": {"content": {"id": "500"}}})
    assert answer.json()["content"] == mother
