"""The life of databases and of their versions, by HTTP."""

import asyncio
from email.utils import parsedate_to_datetime

import pytest

from kit.testing import clients_of, settings_for

ONE = {"type": "object", "properties": {"name": {"type": "string"}}}
TWO = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
}
SUNSET = "2030-01-31T00:00:00Z"
GUIDANCE = "Use version 2.0; age is new."


async def _change(client, schema, **more):
    made = await client.post("/database/modify", json={"code": "CODE", "schema": schema, **more})
    assert made.status_code == 200, made.text
    return made.json()["id"]


async def _publish(client, schema, **more):
    database = await _change(client, schema, **more)
    published = await client.post(f"/database/{database}/publish")
    assert published.status_code == 200, published.text
    return database, published.json()


async def _create(client, version, **content):
    return await client.post(f"/data/CODE/{version}/create", json={"write": {"content": content}})


async def _read(client, version, **content):
    return await client.post(f"/data/CODE/{version}/read", json={"query": {"content": content}})


# -- archiving -----------------------------------------------------------------------------


async def test_an_archived_database_is_read_and_not_written(owner, entries):
    database, _ = await _publish(owner, ONE)
    await _create(owner, "1.0", name="Ann")
    answers = [await owner.post(f"/database/{database}/archive") for _ in range(3)]
    assert [each.status_code for each in answers] == [200, 200, 200]
    first = answers[0].json()
    assert (first["isArchived"], first["lifecycle"]) == (True, "archived")
    assert first["archivedAt"].endswith("Z")
    assert answers[2].json() == first, "again is the same"
    assert len(await entries("database.archived")) == 1
    assert (await _read(owner, "1.0", name="Ann")).json() == {"content": {"name": "Ann"}}
    assert (await owner.get("/data/CODE/1.0")).json()["count"] == 1
    assert (await _create(owner, "1.0", name="Bob")).status_code == 409
    change = {"query": {"content": {"name": "Ann"}}, "write": {"content": {"name": "Bob"}}}
    assert (await owner.put("/data/CODE/1.0/update", json=change)).status_code == 409
    upsert = await owner.post("/data/CODE/1.0/updateOrCreate", json=change)
    assert upsert.status_code == 409


async def test_what_is_archived_never_comes_back(owner):
    database, _ = await _publish(owner, ONE)
    await _change(owner, TWO)
    await owner.post(f"/database/{database}/archive")
    assert (await owner.post(f"/database/{database}/publish")).status_code == 409
    changed = await owner.post("/database/modify", json={"code": "CODE", "schema": ONE})
    assert changed.status_code == 409
    imported = await owner.post("/database/import", json={"code": "CODE", "schema": ONE})
    assert imported.status_code == 409
    assert (await owner.get(f"/database/{database}")).json()["lifecycle"] == "archived"


async def test_a_draft_is_published_before_it_is_archived(owner):
    database = await _change(owner, ONE)
    assert (await owner.get(f"/database/{database}")).json()["lifecycle"] == "draft"
    refused = await owner.post(f"/database/{database}/archive")
    assert refused.status_code == 409
    assert (await owner.get(f"/database/{database}")).json()["isArchived"] is False
    await owner.post(f"/database/{database}/publish")
    assert (await owner.get(f"/database/{database}")).json()["lifecycle"] == "published"
    assert (await owner.post("/database/999999/archive")).status_code == 404


@pytest.mark.parametrize("classification", ["Open", "Restricted", "Confidential"])
async def test_what_kind_of_register_it_is_stands_in_the_list(owner, classification):
    said = {
        "domain": "health",
        "ownerDepartment": "Statistics",
        "retentionPolicy": "10 years",
        "classification": classification,
    }
    database = await _change(owner, ONE, metadata=said)
    assert (await owner.get(f"/database/{database}")).json()["metadata"] == said
    listed = (await owner.get("/databases")).json()["databases"]
    assert [each["metadata"] for each in listed] == [said]


async def test_a_classification_nobody_knows_is_refused(owner):
    body = {"code": "CODE", "schema": ONE, "metadata": {"classification": "Secret"}}
    refused = await owner.post("/database/modify", json=body)
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["pointer"] == "#/metadata/classification"


@pytest.mark.parametrize("profile", ["row", "column", "document"])
async def test_the_profile_and_the_indexes_that_were_chosen_are_told(owner, profile):
    database = await _change(owner, {**ONE, "storageProfile": profile, "indexes": ["name"]})
    told = (await owner.get(f"/database/{database}")).json()
    assert (told["storageProfile"], told["indexes"]) == (profile, ["name"])
    body = {"code": "OTHER", "schema": {**ONE, "storageProfile": "heap"}}
    assert (await owner.post("/database/modify", json=body)).status_code == 400


# -- versions ------------------------------------------------------------------------------


async def test_an_older_version_stays_readable(owner):
    database, _ = await _publish(owner, ONE)
    for schema in (TWO, {**TWO, "required": ["age"]}):
        await _publish(owner, schema)
    told = (await owner.get(f"/database/{database}/versions/1.0")).json()
    assert (told["version"], told["isDraft"], told["schema"]) == ("1.0", False, ONE)
    for missing in ("4.0", "1", "x"):
        assert (await owner.get(f"/database/{database}/versions/{missing}")).status_code == 404
    assert (await owner.get("/database/999999/versions/1.0")).status_code == 404


async def test_what_one_version_wrote_the_others_read(owner):
    await _publish(owner, ONE)
    await _publish(owner, TWO)
    await _create(owner, "1.0", name="Ann")
    await _create(owner, "2.0", name="Bob", age=7)
    assert (await _read(owner, "2.0", name="Ann")).json() == {"content": {"name": "Ann"}}
    assert (await _read(owner, "1.0", name="Bob")).json() == {"content": {"name": "Bob"}}
    change = {"query": {"content": {"name": "Bob"}}, "write": {"content": {"name": "Rob"}}}
    assert (await owner.put("/data/CODE/1.0/update", json=change)).status_code == 200
    assert (await _read(owner, "2.0", name="Rob")).json() == {"content": {"name": "Rob", "age": 7}}


SIDES = [
    (ONE, {"name": "Ann"}, TWO, {"name": "Bob", "age": 7}),
    (TWO, {"name": "Ann", "age": 7}, ONE, {"name": "Bob"}),
    (
        {"properties": {"a": {"properties": {"b": {}, "c": {}}}}},
        {"a": {"b": "1", "c": "2"}},
        {"properties": {"a": {"properties": {"c": {}, "d": {"type": "integer"}}}}},
        {"a": {"c": "3", "d": 4}},
    ),
    (
        {"properties": {"l": {"type": "array", "items": {"properties": {"b": {}}}}}},
        {"l": [{"b": "1"}, {}]},
        {"properties": {"l": {"type": "array", "items": {"properties": {"b": {}, "d": {}}}}}},
        {"l": [{"b": "1", "d": "2"}]},
    ),
    (
        {"properties": {"n": {"type": "integer"}}},
        {"n": 3},
        {"properties": {"n": {"type": "number"}, "m": {"type": "boolean", "default": True}}},
        {"n": 4, "m": False},
    ),
]


def _seen(schema, content):
    """Return what a version shows of content that another one wrote."""
    if isinstance(content, list):
        return [_seen(schema.get("items", {}), item) for item in content]
    if not isinstance(content, dict) or "properties" not in schema:
        return content
    known = schema["properties"]
    return {name: _seen(known[name], value) for name, value in content.items() if name in known}


@pytest.mark.parametrize(("one", "first", "two", "second"), SIDES)
async def test_each_version_reads_and_changes_what_the_other_wrote(owner, one, first, two, second):
    await _publish(owner, {**one, "type": "object"})
    await _publish(owner, {**two, "type": "object"})
    await _create(owner, "1.0", **first)
    await _create(owner, "2.0", **second)
    for version, schema in (("1.0", one), ("2.0", two)):
        results = (await owner.get(f"/data/CODE/{version}")).json()["results"]
        assert results == [_seen(schema, first), _seen(schema, second)], version
    for version, schema, content in (("1.0", one, second), ("2.0", two, first)):
        seen = _seen(schema, content)
        if "l" in seen:  # a list is written as a whole (RFC 7396)
            continue
        body = {"query": {"content": seen}, "write": {"content": seen}}
        changed = await owner.put(f"/data/CODE/{version}/update", json=body)
        assert changed.status_code == 200, changed.text
    for version, content in (("1.0", first), ("2.0", second)):
        read = await _read(owner, version, **content)
        assert read.json() == {"content": content}, "the other version took nothing away"


async def test_a_deleted_version_is_gone_on_every_replica(open_registry, committed, block):
    owner = open_registry
    database, _ = await _publish(owner, ONE)
    await _publish(owner, TWO)
    replica = block.create_app(settings_for(block, committed.state.urls))
    async with replica.router.lifespan_context(replica):
        scopes = {"records:read", "records:write"}
        client_for = clients_of(replica, block.name)
        async with client_for(scopes=scopes, client="TEST/GOV/1001/registrar") as other:
            assert (await other.get("/data/CODE/1.0")).status_code == 200
            await owner.delete(f"/database/{database}/versions/1.0")
            assert (await other.get("/data/CODE/1.0")).status_code == 404
            assert (await _create(other, "1.0", name="Ann")).status_code == 404
            assert (await other.get("/data/CODE/2.0")).status_code == 200


async def test_a_deleted_version_is_gone_at_once_and_the_others_stay(owner, entries):
    database, _ = await _publish(owner, ONE)
    await _publish(owner, TWO)
    await _create(owner, "1.0", name="Ann")
    for _ in range(3):
        gone = await owner.delete(f"/database/{database}/versions/1.0")
        assert gone.status_code == 204
    assert len(await entries("version.deleted")) == 1
    for answer in (
        await _read(owner, "1.0", name="Ann"),
        await _create(owner, "1.0", name="Bob"),
        await owner.get("/data/CODE/1.0"),
        await owner.get("/data/CODE/1.0/schema"),
        await owner.post("/data/CODE/1.0/createEntries", json={"entries": [{"name": "Eve"}]}),
    ):
        assert answer.status_code == 404
    assert (await owner.get(f"/database/{database}/versions/1.0")).status_code == 404
    assert (await _read(owner, "2.0", name="Ann")).json() == {"content": {"name": "Ann"}}
    assert [v["version"] for v in (await owner.get(f"/database/{database}/versions")).json()] == [
        "2.0"
    ]


async def test_without_the_newest_the_one_before_decides(owner):
    database, _ = await _publish(owner, ONE)
    unique = {"properties": {"name": {"type": "string", "unique": True}}}
    await _publish(owner, unique)
    await _create(owner, "1.0", name="Ann")
    assert (await _create(owner, "1.0", name="Ann")).status_code == 409
    assert (await owner.delete(f"/database/{database}/versions/2.0")).status_code == 204
    assert (await _create(owner, "1.0", name="Ann")).status_code == 200
    assert (await owner.get("/data/CODE/1.0")).json()["count"] == 2
    assert (await owner.get(f"/database/{database}")).json()["version"] == "1.0"


async def test_the_one_before_takes_over_only_if_the_records_keep_its_rules(open_registry):
    owner = open_registry
    unique = {"properties": {"name": {"type": "string", "unique": True}}}
    database, _ = await _publish(owner, unique)
    await _publish(owner, ONE)
    for _ in range(2):
        await _create(owner, "2.0", name="Ann")
    refused = await owner.delete(f"/database/{database}/versions/2.0")
    assert refused.status_code == 409
    assert (await owner.get("/data/CODE/2.0")).json()["count"] == 2


async def test_a_deleted_number_is_not_given_again(owner):
    database, _ = await _publish(owner, ONE)
    await _publish(owner, TWO)
    await owner.delete(f"/database/{database}/versions/2.0")
    _, published = await _publish(owner, {"properties": {"other": {}}})
    assert published["version"] == "3.0"
    assert (await owner.get("/data/CODE/2.0")).status_code == 404


async def test_the_only_version_stays_and_a_draft_can_be_given_up(owner):
    database, _ = await _publish(owner, ONE)
    assert (await owner.delete(f"/database/{database}/versions/1.0")).status_code == 409
    await _change(owner, TWO)
    assert (await owner.delete(f"/database/{database}/versions/1.0")).status_code == 409
    assert (await owner.delete(f"/database/{database}/versions/2.0")).status_code == 204
    assert (await owner.get(f"/database/{database}")).json()["schema"] == ONE
    assert (await owner.get("/data/CODE/1.0")).status_code == 200
    assert (await owner.delete("/database/999999/versions/1.0")).status_code == 404


@pytest.mark.parametrize(
    "protected",
    [
        {"schema": {"properties": {"name": {"type": "string", "x-personalData": True}}}},
        {"schema": {"properties": {"name": {"type": "string", "x-personalDataId": True}}}},
        {"schema": ONE, "access": {"requiresLegalBasis": True}},
        {
            "schema": {"properties": {"name": {"type": "string", "x-personalDataId": True}}},
            "access": {"requiresConsent": {"dataAgreementId": "a", "externalIdType": "t"}},
        },
    ],
)
async def test_a_version_that_protects_people_does_not_give_way_to_one_that_does_not(
    owner, protected
):
    database, _ = await _publish(owner, ONE)
    await _publish(owner, **protected)
    refused = await owner.delete(f"/database/{database}/versions/2.0")
    assert refused.status_code == 409
    assert refused.json()["title"] == "The version before protects less"
    basis = {"X-Legal-Basis": "Act 1"}
    assert (await owner.get("/data/CODE/2.0", headers=basis)).status_code == 200


async def test_two_publishers_at_once_make_one_version(open_registry, committed):
    owner = open_registry
    database = await _change(owner, ONE)
    for schema, label in ((ONE, "1.0"), (TWO, "2.0")):
        await _change(owner, schema)
        answers = await asyncio.gather(
            *(owner.post(f"/database/{database}/publish") for _ in range(6))
        )
        assert {each.json()["version"] for each in answers} == {label}
    told = (await owner.get(f"/database/{database}/versions")).json()
    assert [each["version"] for each in told] == ["2.0", "1.0"]


# -- deprecation ---------------------------------------------------------------------------


async def test_answers_of_a_deprecated_version_say_so(owner, entries):
    database, _ = await _publish(owner, ONE)
    await _publish(owner, TWO)
    before = await owner.get("/data/CODE/1.0")
    assert "deprecation" not in before.headers
    body = {"deprecatedAt": "2026-01-31T00:00:00Z", "sunsetAt": SUNSET, "guidance": GUIDANCE}
    for _ in range(3):
        said = await owner.post(f"/database/{database}/versions/1.0/deprecate", json=body)
        assert said.status_code == 200
        told = said.json()
        assert (told["sunsetAt"], told["guidance"]) == (SUNSET, GUIDANCE)
    assert len(await entries("version.deprecated")) == 1
    listed = (await owner.get(f"/database/{database}/versions")).json()
    assert [each["deprecatedAt"] for each in listed] == [None, "2026-01-31T00:00:00Z"]
    answers = [
        await owner.get("/data/CODE/1.0"),
        await _create(owner, "1.0", name="Ann"),
        await _read(owner, "1.0", name="Ann"),
        await _read(owner, "1.0", name="Nobody"),
    ]
    assert [each.status_code for each in answers] == [200, 200, 200, 404]
    for answer in answers:
        assert answer.headers["deprecation"] == "@1769817600"
        assert parsedate_to_datetime(answer.headers["sunset"]).isoformat() == (
            "2030-01-31T00:00:00+00:00"
        )
        links = dict(
            reversed([part.strip(" <>") for part in link.split(";")][:2])
            for link in answer.headers["link"].split(",")
        )
        address = str(answer.url.join(links['rel="successor-version"']))
        assert address == "http://test/data/CODE/2.0"
        guide = await owner.get(str(answer.url.join(links['rel="deprecation"'])))
        assert GUIDANCE in guide.json()["info"]["description"]
    assert "deprecation" not in (await owner.get("/data/CODE/2.0")).headers


async def test_a_deprecation_without_a_beginning_begins_now_and_is_kept(owner, entries):
    database, _ = await _publish(owner, ONE)
    body = {"sunsetAt": SUNSET, "guidance": GUIDANCE}
    path = f"/database/{database}/versions/1.0/deprecate"
    first = (await owner.post(path, json=body)).json()
    again = (await owner.post(path, json=body)).json()
    assert first == again
    assert len(await entries("version.deprecated")) == 1
    later = (await owner.post(path, json={**body, "guidance": "Other"})).json()
    assert (later["guidance"], later["deprecatedAt"]) == ("Other", first["deprecatedAt"])


async def test_what_cannot_be_deprecated_is_refused(owner):
    database = await _change(owner, ONE)
    body = {"sunsetAt": SUNSET, "guidance": GUIDANCE}
    path = f"/database/{database}/versions/1.0/deprecate"
    assert (await owner.post(path, json=body)).status_code == 409
    await owner.post(f"/database/{database}/publish")
    other = path.replace("1.0", "2.0")
    assert (await owner.post(other, json=body)).status_code == 404
    early = {**body, "sunsetAt": "2020-01-31T00:00:00Z"}
    assert (await owner.post(path, json=early)).status_code == 400
    for wrong in (
        {"sunsetAt": SUNSET},
        {**body, "sunsetAt": "2030-01-31"},
        {**body, "guidance": ""},
    ):
        assert (await owner.post(path, json=wrong)).status_code == 400


# -- impact --------------------------------------------------------------------------------


async def test_what_a_draft_breaks_is_told_before_and_when_it_is_published(owner):
    database, _ = await _publish(owner, {**TWO, "properties": {**TWO["properties"], "old": {}}})
    for name, age in (("Ann", 3), ("Bob", 40), ("Eve", 50)):
        old = {"old": "x"} if name == "Ann" else {}
        assert (await _create(owner, "1.0", name=name, age=age, **old)).status_code == 200
    strict = {"properties": {"name": {"type": "string"}, "age": {"type": "integer", "maximum": 39}}}
    await _change(owner, strict)
    told = (await owner.post(f"/database/{database}/impact")).json()
    found = {each["pointer"]: each for each in told["breaking"]}
    assert found["#/schema/properties/age/maximum"]["recordsAffected"] == 2
    assert found["#/schema/properties/old"]["recordsAffected"] == 1
    assert told["recordsChecked"] == 3
    assert told["warnings"] == []
    published = (await owner.post(f"/database/{database}/publish")).json()
    assert published == {"version": "2.0", **told}


async def test_a_proposal_is_tried_and_nothing_is_changed(owner, entries):
    database, _ = await _publish(owner, ONE)
    path = f"/database/{database}/impact"
    assert (await owner.post(path, json={"schema": TWO})).json()["breaking"] == []
    gone = (await owner.post(path, json={"schema": {"properties": {"age": {}}}})).json()
    assert [each["pointer"] for each in gone["breaking"]] == ["#/schema/properties/name"]
    groups = (await owner.post(path, json={"fieldsUniques": [["name"]]})).json()
    assert [each["change"] for each in groups["breaking"]] == ["unique"]
    assert (await owner.post(path, json={})).json()["breaking"] == []
    bad = await owner.post(path, json={"schema": {"properties": {"a": {"type": "wrong"}}}})
    assert bad.status_code == 400
    assert bad.json()["errors"][0]["pointer"] == "#/schema/properties/a/type"
    assert (await owner.get(f"/database/{database}")).json()["schema"] == ONE
    assert [e.kind for e in await entries()] == ["database.created", "database.published"]


async def test_a_database_nobody_published_breaks_nobody(owner):
    database = await _change(owner, ONE)
    told = (await owner.post(f"/database/{database}/impact", json={"schema": TWO})).json()
    assert told == {"breaking": [], "warnings": [], "recordsChecked": 0}
    assert (await owner.post("/database/999999/impact")).status_code == 404
