"""Creating, updating and deleting records over HTTP."""

import asyncio
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kit.evidence import leaf_hash, promises
from kit.evidence.signing import from_base64url

BASE = "/data/MCTS/1.0"
CHILD = {"id": "EE5", "firstName": "Usha", "birthdate": "2026-01-30"}


async def _create(client, content, base=BASE):
    return await client.post(f"{base}/create", json={"write": {"content": content}})


async def _update(client, query, content, base=BASE):
    body = {"query": {"content": query}, "write": {"content": content}}
    return await client.put(f"{base}/update", json=body)


async def _upsert(client, query, content, base=BASE):
    body = {"query": {"content": query}, "write": {"content": content}}
    return await client.post(f"{base}/updateOrCreate", json=body)


async def _read(client, base=BASE, **query):
    return await client.post(f"{base}/read", json={"query": {"content": query}})


async def test_a_created_record_has_what_was_written_and_its_number(owner, mcts):
    made = await _create(owner, {"child": CHILD, "weight": 3.25})
    assert made.status_code == 200
    assert made.json() == {"content": {"ID": "MCTS1", "child": CHILD, "weight": 3.25}}
    assert (await _read(owner, ID="MCTS1")).json() == made.json()


@pytest.mark.parametrize(
    ("content", "pointer"),
    [
        ({"child": {"birthdate": "30.1.2026"}}, "#/write/content/child/birthdate"),
        ({"child": {"birthdate": "2026-02-30"}}, "#/write/content/child/birthdate"),
        ({"child": "x"}, "#/write/content/child"),
        ({"village": 5}, "#/write/content/village"),
        ({"village": "x" * 41}, "#/write/content/village"),
        ({"weight": -1}, "#/write/content/weight"),
        ({"weight": True}, "#/write/content/weight"),
        ({"weight": None}, "#/write/content/weight"),
        ({"other": 1}, "#/write/content/other"),
        ({"child": {"a/b~": 1}}, "#/write/content/child/a~1b~0"),
        ({"ID": "MCTS7"}, "#/write/content/ID"),
    ],
)
async def test_content_that_does_not_fit_is_refused_naming_the_field(owner, mcts, content, pointer):
    refused = await _create(owner, content)
    assert refused.status_code == 400, refused.text
    assert refused.json()["errors"][0]["pointer"] == pointer
    assert "30.1.2026" not in refused.text


@pytest.mark.parametrize(
    "body",
    [
        b'{"write":{"content":{"village":"a\\u0000b"}}}',
        b'{"write":{"content":{"village":"\\ud800"}}}',
        b'{"write":{"content":{"\\u0000":"a"}}}',
        b'{"write":{"content":{"weight":1e999}}}',
        b'{"write":{"content":{"weight":NaN}}}',
        b'{"write":{"content":[]}}',
        b'{"write":{}}',
        b"{}",
        b"",
        b"[" * 5000,
        b'{"write":{"content":{"village":"\xff"}}}',
    ],
)
async def test_what_json_or_postgresql_cannot_keep_is_refused(owner, mcts, body):
    headers = {"content-type": "application/json"}
    refused = await owner.post(f"{BASE}/create", content=body, headers=headers)
    assert refused.status_code == 400, refused.text


async def test_content_nested_too_deep_is_refused(owner, publish):
    await publish(owner, "FREE", {"properties": {"any": {"type": "object"}}})
    deep = {}
    for _ in range(40):
        deep = {"a": deep}
    assert (await _create(owner, {"any": deep}, "/data/FREE/1.0")).status_code == 400
    asked = await _read(owner, "/data/FREE/1.0", any=deep)
    assert asked.status_code == 400


async def test_every_kind_of_field_takes_its_values_and_no_others(owner, publish):
    fields = {
        "text": ("text", "a", 1),
        "number": ("number", 1.5, "1.5"),
        "integer": ("integer", 3, 3.5),
        "boolean": ("boolean", True, "true"),
        "date": ("date", "2026-01-31", "2026-31-01"),
        "moment": ("date-time", "2026-01-31T10:00:00Z", "2026-01-31"),
        "time": ("time", "10:00", "25:00"),
        "list": ("array", [1, "a"], {}),
        "object": ("object", {"a": 1}, []),
    }
    properties = {name: {"type": kind} for name, (kind, _, _) in fields.items()}
    properties["mail"] = {"type": "string", "format": "email"}
    properties["uuid"] = {"type": "string", "format": "uuid"}
    properties["colour"] = {"type": "string", "enum": ["red", "green"]}
    properties["tags"] = {"type": "array", "items": {"type": "string"}, "uniqueItems": True}
    await publish(owner, "KINDS", {"properties": properties})
    right = {name: value for name, (_, value, _) in fields.items()}
    right |= {
        "mail": "a@example.org",
        "uuid": "0190f6a0-0000-7000-8000-000000000000",
        "colour": "red",
        "tags": ["a", "b"],
    }
    wrong = {name: value for name, (_, _, value) in fields.items()}
    wrong |= {"mail": "nobody", "uuid": "1", "colour": "blue", "tags": ["a", "a"]}
    made = await _create(owner, right, "/data/KINDS/1.0")
    assert made.json() == {"content": right}
    for name, value in wrong.items():
        refused = await _create(owner, {name: value}, "/data/KINDS/1.0")
        assert refused.status_code == 400, name
        assert refused.json()["errors"][0]["pointer"].startswith(f"#/write/content/{name}")


async def test_a_pattern_runs_in_linear_time(owner, publish):
    await publish(owner, "SLOW", {"properties": {"a": {"type": "string", "pattern": "^(a+)+$"}}})
    refused = await asyncio.wait_for(
        _create(owner, {"a": "a" * 50_000 + "!"}, "/data/SLOW/1.0"), timeout=3
    )
    assert refused.status_code == 400


_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False, min_value=-1e15, max_value=1e15)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")),
    lambda inside: (
        st.lists(inside, max_size=4)
        | st.dictionaries(
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")),
            inside,
            max_size=4,
        )
    ),
    max_leaves=8,
)


async def test_any_json_comes_back_as_it_went_in(open_registry, publish):
    await publish(open_registry, "ANY", {"properties": {"value": {"type": "array"}}})
    loop = asyncio.get_running_loop()

    async def round_trip(value):
        made = await _create(open_registry, {"value": [value]}, "/data/ANY/1.0")
        assert made.status_code == 200, made.text
        assert made.json()["content"] == {"value": [value]}

    @given(_json)
    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def holds(value):
        asyncio.run_coroutine_threadsafe(round_trip(value), loop).result(20)

    await asyncio.to_thread(holds)


async def test_many_at_once_get_distinct_numbers(open_registry, publish, mcts_schema):
    await publish(open_registry, "MCTS", mcts_schema)
    made = await asyncio.gather(*(_create(open_registry, {}) for _ in range(64)))
    numbers = {answer.json()["content"]["ID"] for answer in made}
    assert numbers == {f"MCTS{n}" for n in range(1, 65)}


async def test_a_number_is_never_given_again(owner, mcts):
    await _create(owner, {})
    assert (await owner.delete(f"{BASE}/MCTS1/delete")).status_code == 204
    assert (await _create(owner, {})).json()["content"]["ID"] == "MCTS2"


UNIQUE = {
    "properties": {
        "id": {"type": "string", "primaryKey": True},
        "mail": {"type": "string", "unique": True},
        "first": {"type": "string"},
        "age": {"type": "number"},
    },
    "fieldsUniques": [["first", "age"], [""]],
}


async def test_of_two_at_once_with_the_same_value_one_is_refused(open_registry, publish):
    await publish(open_registry, "U", UNIQUE)
    for attempt in range(5):
        made = await asyncio.gather(
            *(_create(open_registry, {"id": f"k{attempt}"}, "/data/U/1.0") for _ in range(4))
        )
        assert sorted(answer.status_code for answer in made) == [200, 409, 409, 409]
    assert (await open_registry.get("/data/U/1.0")).json()["count"] == 5


async def test_a_taken_value_is_named(owner, publish, entries):
    await publish(owner, "U", UNIQUE)
    await _create(owner, {"id": "1", "mail": "a", "first": "x", "age": 1}, "/data/U/1.0")
    refused = await _create(owner, {"id": "2", "mail": "a"}, "/data/U/1.0")
    assert refused.status_code == 409
    assert [error["pointer"] for error in refused.json()["errors"]] == ["#/write/content/mail"]
    refused = await _create(owner, {"id": "3", "first": "x", "age": 1.0}, "/data/U/1.0")
    assert [error["pointer"] for error in refused.json()["errors"]] == [
        "#/write/content/first",
        "#/write/content/age",
    ]


async def test_an_update_or_create_is_refused_as_an_update_and_a_create_are(owner, publish):
    base = "/data/U/1.0"
    await publish(owner, "U", UNIQUE)
    await _create(owner, {"id": "1", "mail": "a"}, base)
    await _create(owner, {"id": "2", "mail": "b"}, base)
    for number in ("2", "3"):
        content = {"id": number, "mail": "a"}
        assert (await _upsert(owner, {"id": number}, content, base)).status_code == 409
    assert (await owner.get(base)).json()["count"] == 2


NOTES = {"properties": {"id": {"type": "string", "primaryKey": True}, "n": {"type": "number"}}}


async def test_what_is_published_between_two_creates_counts_for_the_second(owner, publish):
    base = "/data/NOTES/1.0"
    number = await publish(owner, "NOTES", NOTES)
    assert (await _create(owner, {"id": "1", "n": 5}, base)).status_code == 200
    await publish(owner, "NOTES", {**NOTES, "fieldsUniques": [["n"]]})
    refused = await _create(owner, {"id": "2", "n": 5}, base)
    assert refused.status_code == 409
    assert refused.json()["errors"][0]["pointer"] == "#/write/content/n"
    assert (await _create(owner, {"id": "3", "n": 6}, base)).status_code == 200
    assert (await owner.post(f"/database/{number}/archive")).is_success
    assert (await _create(owner, {"id": "4", "n": 7}, base)).status_code == 409
    assert (await owner.get(base)).json()["count"] == 2


async def test_a_refusal_by_rules_that_are_no_longer_does_not_stand(owner, other, publish):
    base = "/data/NOTES/1.0"
    number = await publish(owner, "NOTES", NOTES)
    assert (await _create(owner, {"id": "1"}, base)).status_code == 200
    assert (await _create(other, {"id": "2"}, base)).status_code == 200
    rights = {"policies": []}
    assert (await owner.put(f"/database/{number}/rights", json=rights)).is_success
    for key in ("3", "4"):  # the second by what the first found
        assert (await _create(owner, {"id": key}, base)).status_code == 200
    assert (await _create(other, {"id": "5"}, base)).status_code == 403
    anybody = {"name": "p", "subject": {"members": ["TEST/GOV/2002"]}, "actions": ["create"]}
    rights["policies"].append(anybody)
    assert (await owner.put(f"/database/{number}/rights", json=rights)).is_success
    assert (await _create(other, {"id": "5"}, base)).status_code == 200


async def test_the_entry_of_a_creation_states_the_number_the_record_was_given(
    owner, publish, entries, database
):
    await publish(owner, "NOTES", NOTES)
    made = [await _create(owner, {"id": str(n)}, "/data/NOTES/1.0") for n in (1, 2)]
    async with database.connection() as connection:
        rows = await connection.fetch(
            """
            SELECT r.number, e.id, e.facts::text, e.canonical, e.leaf
            FROM evidence_entry e JOIN record r ON e.object LIKE '%/record:' || r.id
            ORDER BY r.number
            """
        )
    for number, (row, answer) in enumerate(zip(rows, made, strict=True), 1):
        facts = json.loads(row["facts"])
        assert row["number"] == facts["recordNumber"] == number
        assert json.loads(row["canonical"])["facts"] == facts
        assert row["leaf"] == leaf_hash(row["canonical"])
        promised = json.loads(from_base64url(answer.headers[promises.HEADER].split(".")[1]))
        [named] = promised["entries"]
        assert (named["id"], named["leaf"]) == (str(row["id"]), row["leaf"].hex())


async def test_a_value_is_free_again_when_its_record_gives_it_up(open_registry, publish):
    client, base = open_registry, "/data/U/1.0"
    await publish(client, "U", UNIQUE)
    await _create(client, {"id": "1", "mail": "a"}, base)
    assert (await _update(client, {"id": "1"}, {"mail": "b"}, base)).status_code == 200
    assert (await _create(client, {"id": "2", "mail": "a"}, base)).status_code == 200
    assert (await _update(client, {"id": "2"}, {"mail": "b"}, base)).status_code == 409
    assert (await client.delete(f"{base}/1/delete")).status_code == 204
    assert (await _update(client, {"id": "2"}, {"mail": "b"}, base)).status_code == 200
    assert (await _create(client, {"id": "1"}, base)).status_code == 200


async def test_an_update_merges_deeply_and_null_removes(owner, mcts):
    await _create(owner, {"child": CHILD, "village": "Longroad"})
    done = await _update(owner, {"ID": "MCTS1"}, {"child": {"firstName": "Ann"}, "village": None})
    assert (done.status_code, done.content) == (200, b"")
    assert (await _read(owner, ID="MCTS1")).json()["content"] == {
        "ID": "MCTS1",
        "child": {**CHILD, "firstName": "Ann"},
    }


async def test_a_repeated_update_answers_the_same_and_leaves_one_entry(owner, mcts, entries):
    await _create(owner, {"child": CHILD, "village": "A"})
    for _ in range(3):
        assert (await _update(owner, {"village": "A"}, {"village": "B"})).status_code == 200
    assert len(await entries("record.updated")) == 1
    assert (await _update(owner, {"village": "X"}, {"village": "Y"})).status_code == 404


async def test_an_update_without_a_query_means_the_primary_key(owner, publish):
    base = "/data/U/1.0"
    await publish(owner, "U", UNIQUE)
    await _create(owner, {"id": "1", "mail": "a"}, base)
    body = {"write": {"content": {"id": "1", "mail": "b"}}}
    assert (await owner.put(f"{base}/update", json=body)).status_code == 200
    assert (await _read(owner, base, id="1")).json()["content"]["mail"] == "b"
    body = {"write": {"content": {"mail": "b"}}}
    assert (await owner.put(f"{base}/update", json=body)).status_code == 400
    body = {"query": {"content": {}}, "write": {"content": {"mail": "b"}}}
    assert (await owner.put(f"{base}/update", json=body)).status_code == 400


async def test_an_update_that_does_not_fit_is_refused(owner, mcts):
    await _create(owner, {"village": "A"})
    for content in ({"village": 1}, {"other": 1}, {"ID": "MCTS9"}, {"ID": None}):
        refused = await _update(owner, {"ID": "MCTS1"}, content)
        assert refused.status_code == 400, content
    refused = await _update(owner, {"other": 1}, {"village": "B"})
    assert refused.json()["errors"][0]["pointer"] == "#/query/content/other"
    assert (await _update(owner, {"ID": "MCTS1"}, {"ID": "MCTS1"})).status_code == 200


async def test_a_persons_identifier_never_changes(owner, mcts):
    await _create(owner, {"child": {"firstName": "Usha"}})
    assert (await _update(owner, {"ID": "MCTS1"}, {"child": {"id": "EE5"}})).status_code == 200
    for other in ("EE6", None):
        refused = await _update(owner, {"ID": "MCTS1"}, {"child": {"id": other}})
        assert refused.status_code == 409
        assert refused.json()["errors"][0]["pointer"] == "#/write/content/child/id"
        assert "EE5" not in refused.text
    assert (await _update(owner, {"ID": "MCTS1"}, {"child": None})).status_code == 409


async def test_update_or_create_creates_then_changes_then_does_nothing(owner, publish, entries):
    base = "/data/U/1.0"
    await publish(owner, "U", UNIQUE)
    made = [await _upsert(owner, {"mail": "a"}, {"id": "1", "mail": "b"}, base) for _ in range(3)]
    assert [answer.json() for answer in made] == [{"content": {"id": "1", "mail": "b"}}] * 3
    changed = [await _upsert(owner, {"id": "1"}, {"first": "x"}, base) for _ in range(3)]
    assert [answer.json()["content"]["first"] for answer in changed] == ["x"] * 3
    kinds = [entry.kind for entry in await entries("record.created", "record.updated")]
    assert kinds == ["record.created", "record.updated"]
    assert (await owner.get(base)).json()["count"] == 1


async def test_update_or_create_by_an_old_query_finds_the_record_by_its_key(owner, publish):
    base = "/data/U/1.0"
    await publish(owner, "U", UNIQUE)
    await _create(owner, {"id": "1", "mail": "new"}, base)
    done = await _upsert(owner, {"id": "1", "mail": "old"}, {"id": "1", "first": "x"}, base)
    assert done.json() == {"content": {"id": "1", "mail": "new", "first": "x"}}


async def test_update_or_create_keeps_the_query_in_what_it_creates(owner, mcts):
    for _ in range(2):
        done = await _upsert(owner, {"child": {"id": "EE8"}}, {"village": "A"})
    assert done.json()["content"] == {"ID": "MCTS1", "child": {"id": "EE8"}, "village": "A"}
    assert (await _upsert(owner, {"ID": "MCTS99"}, {"village": "Z"})).json()["content"] == {
        "ID": "MCTS2",
        "village": "Z",
    }
    body = {"write": {"content": {"village": "W"}}}
    done = await owner.post(f"{BASE}/updateOrCreate", json=body)
    assert done.json()["content"]["ID"] == "MCTS3"


async def test_update_or_create_that_shows_more_than_was_sent_is_a_read(owner, mcts, entries):
    await _create(owner, {"child": CHILD})
    assert (await _upsert(owner, {"ID": "MCTS1"}, {"child": CHILD})).status_code == 200
    assert await entries("record.read") == []
    shown = await _upsert(owner, {"ID": "MCTS1"}, {"village": "A"})
    assert shown.json()["content"]["child"] == CHILD
    [read] = await entries("record.read")
    assert read.facts["operation"] == "updateOrCreate"
    assert "child.firstName" in read.facts["fields"]


async def test_who_may_only_write_is_shown_only_what_they_wrote(owner, client_for, mcts):
    await _create(owner, {"child": CHILD})
    async with client_for(scopes={"records:write"}, client="TEST/GOV/1001/registrar") as writer:
        done = await _upsert(writer, {"ID": "MCTS1"}, {"village": "A"})
    assert done.json() == {"content": {"village": "A"}}


async def test_update_or_create_at_once_makes_one_record(open_registry, publish):
    base = "/data/U/1.0"
    await publish(open_registry, "U", UNIQUE)
    made = await asyncio.gather(
        *(_upsert(open_registry, {"id": "1"}, {"id": "1", "mail": "a"}, base) for _ in range(8))
    )
    assert {answer.status_code for answer in made} == {200}
    assert (await open_registry.get(base)).json()["count"] == 1


async def test_a_deleted_record_is_gone_and_kept_for_the_audit(owner, mcts, entries, database):
    await _create(owner, {"child": CHILD})
    for _ in range(3):
        assert (await owner.delete(f"{BASE}/MCTS1/delete")).status_code == 204
    assert (await _read(owner, ID="MCTS1")).status_code == 404
    assert (await owner.get(BASE)).json() == {"count": 0, "results": []}
    [entry] = await entries("record.deleted")
    assert entry.detail["before"]["child.firstName"] == "Usha"
    async with database.connection() as connection:
        [row] = await connection.driver.fetch("SELECT content FROM record")
        assert row["content"]["child"] == CHILD


async def test_a_record_can_be_deleted_by_its_id(owner, mcts, entries):
    await _create(owner, {})
    [entry] = await entries("record.created")
    assert (await owner.delete(f"{BASE}/{entry.object.split(':')[-1]}/delete")).status_code == 204
    assert (await owner.get(BASE)).json()["count"] == 0


async def test_every_write_leaves_one_entry_with_what_changed(owner, mcts, entries):
    headers = {"x-legal-basis": "Health Act 5"}
    body = {"write": {"content": {"child": CHILD}}}
    await owner.post(f"{BASE}/create", json=body, headers=headers)
    await _update(owner, {"ID": "MCTS1"}, {"child": {"firstName": "Ann"}})
    await _upsert(owner, {"ID": "MCTS1"}, {"village": "A"})
    await owner.delete(f"{BASE}/MCTS1/delete")
    found = await entries("record.created", "record.updated", "record.deleted")
    assert [(e.kind, sorted(e.facts["fields"])) for e in found] == [
        ("record.created", ["ID", "child.birthdate", "child.firstName", "child.id"]),
        ("record.updated", ["child.firstName"]),
        ("record.updated", ["village"]),
        ("record.deleted", ["ID", "child.birthdate", "child.firstName", "child.id", "village"]),
    ]
    assert found[0].detail["legalBasis"] == "Health Act 5"
    assert "Health Act" not in str([e.facts for e in found])
    assert {e.tenant for e in found} == {"TEST/GOV/1001"}
    assert found[1].detail["before"] == {"child.firstName": "Usha"}
    assert found[1].detail["after"] == {"child.firstName": "Ann"}
    assert found[1].detail["readerId"] == "EE1"
    assert "Usha" not in str([e.facts for e in found])


async def test_a_change_of_a_record_about_nobody_is_kept_as_digests(owner, publish, entries):
    await publish(owner, "N", {"properties": {"n": {"type": "integer"}}})
    await _create(owner, {"n": 2**70}, "/data/N/1.0")
    [entry] = await entries("record.created")
    assert entry.detail is None
    assert entry.facts["fields"] == ["n"]
    assert len(entry.facts["after"]) == 64


async def test_a_legal_basis_is_sealed_where_a_record_is_about_nobody_too(owner, publish, entries):
    await publish(owner, "N", {"properties": {"n": {"type": "integer"}}})
    body = {"write": {"content": {"n": 1}}}
    headers = {"x-legal-basis": "as Mari Maasikas asked"}
    await owner.post("/data/N/1.0/create", json=body, headers=headers)
    [entry] = await entries("record.created")
    assert entry.detail == {"legalBasis": "as Mari Maasikas asked"}
    assert "Mari" not in str(entry.facts)


async def test_large_numbers_are_kept_and_logged(owner, publish, entries):
    schema = {
        "properties": {
            "id": {"type": "integer", "x-personalDataId": True, "primaryKey": True},
            "n": {"type": "array"},
        }
    }
    await publish(owner, "N", schema)
    made = await _create(owner, {"id": 5, "n": [2**70, {"a": 1.5}]}, "/data/N/1.0")
    assert made.json()["content"]["n"] == [2**70, {"a": 1.5}]
    [entry] = await entries("record.created", subject="5")
    assert entry.detail["after"]["n"] == [str(2**70), {"a": 1.5}]


async def test_a_key_longer_than_an_index_keeps_is_refused(owner, publish):
    await publish(owner, "U", UNIQUE)
    assert (await _create(owner, {"id": "x" * 201}, "/data/U/1.0")).status_code == 400
    assert (
        await _create(owner, {"id": "1", "mail": "x" * 100_000}, "/data/U/1.0")
    ).status_code == 200


async def test_a_trigger_fires_only_when_its_conditions_hold(owner, publish):
    def trigger(value, *conditions):
        return {"conditions": list(conditions), "actions": [{"type": "set-value", "value": value}]}

    unless = {"logic": "!=", "value": "keep", "gate": "&&"}
    empty = {"logic": "==", "value": ""}
    either = {"logic": "==", "value": "x", "gate": "||"}
    schema = {
        "properties": {
            "code": {"type": "string", "triggers": [trigger("{code}-{indexNoByCode}", unless)]},
            "index": {"type": "integer", "triggers": [trigger("{indexNoByCode}", empty)]},
            "inner": {
                "properties": {
                    "kind": {"type": "string", "triggers": [trigger("K", empty, either)]}
                }
            },
            "flag": {"type": "boolean", "triggers": [trigger(True, empty)]},
        }
    }
    await publish(owner, "T", schema)
    made = await _create(owner, {"inner": {"kind": "x"}}, "/data/T/1.0")
    assert made.json()["content"] == {
        "code": "T-1",
        "index": 1,
        "inner": {"kind": "K"},
        "flag": True,
    }
    kept = {"code": "keep", "index": 9, "inner": {"kind": "y"}, "flag": False}
    assert (await _create(owner, kept, "/data/T/1.0")).json()["content"] == kept


ONE = {
    "properties": {
        "id": {"type": "string", "primaryKey": True},
        "a": {"type": "string"},
        "in": {"properties": {"x": {"type": "string"}}},
        "list": {"type": "array", "items": {"properties": {"p": {"type": "string"}}}},
    }
}
TWO = {
    "properties": {
        "id": {"type": "string", "primaryKey": True},
        "a": {"type": "string"},
        "b": {"type": "string"},
        "in": {"properties": {"x": {"type": "string"}, "y": {"type": "string"}}},
        "list": {
            "type": "array",
            "items": {"properties": {"p": {"type": "string"}, "q": {"type": "string"}}},
        },
    }
}


async def test_each_version_shows_its_own_fields_of_records_written_by_the_other(owner, publish):
    await publish(owner, "V", ONE)
    await _create(owner, {"id": "1", "a": "A", "in": {"x": "X"}}, "/data/V/1.0")
    await publish(owner, "V", TWO)
    two = {
        "id": "2",
        "a": "A",
        "b": "B",
        "in": {"x": "X", "y": "Y"},
        "list": [{"p": "P", "q": "Q"}],
    }
    await _create(owner, two, "/data/V/2.0")
    assert (await _read(owner, "/data/V/2.0", id="1")).json()["content"] == {
        "id": "1",
        "a": "A",
        "in": {"x": "X"},
    }
    assert (await _read(owner, "/data/V/1.0", id="2")).json()["content"] == {
        "id": "2",
        "a": "A",
        "in": {"x": "X"},
        "list": [{"p": "P"}],
    }
    assert (await _read(owner, "/data/V/1.0", b="B")).status_code == 400
    value = await owner.get("/data/V/1.0/2/readValue/in.json")
    assert value.json() == {"x": "X"}


async def test_a_change_by_an_older_version_keeps_the_newer_fields(owner, publish):
    await publish(owner, "V", ONE)
    await publish(owner, "V", TWO)
    await _create(owner, {"id": "1", "b": "B", "in": {"y": "Y"}}, "/data/V/2.0")
    done = await _update(owner, {"id": "1"}, {"a": "A", "in": {"x": "X"}}, "/data/V/1.0")
    assert done.status_code == 200
    assert (await _read(owner, "/data/V/2.0", id="1")).json()["content"] == {
        "id": "1",
        "a": "A",
        "b": "B",
        "in": {"x": "X", "y": "Y"},
    }
    assert (await _read(owner, "/data/V/1.0", id="1")).json()["content"] == {
        "id": "1",
        "a": "A",
        "in": {"x": "X"},
    }


@pytest.mark.parametrize("path", ["NONE/1.0", "MCTS/2.0", "MCTS/1", "MCTS/01.0", "MCTS/v1.0"])
async def test_an_unknown_registry_or_version_is_not_found(owner, mcts, path):
    base = f"/data/{path}"
    answers = [
        await _create(owner, {}, base),
        await _update(owner, {"ID": "1"}, {}, base),
        await _upsert(owner, {"ID": "1"}, {}, base),
        await owner.delete(f"{base}/1/delete"),
        await _read(owner, base, ID="1"),
        await owner.post(f"{base}/exists", json={"ID": "1"}),
        await owner.get(base),
        await owner.get(f"{base}/1/readValue/ID.json"),
    ]
    for answer in answers:
        assert answer.status_code == 404
        assert answer.json()["title"] == "Registry or version not found"


async def test_a_draft_answers_no_data_calls(owner, mcts_schema):
    await owner.post("/database/modify", json={"code": "MCTS", "schema": mcts_schema})
    assert (await _create(owner, {})).status_code == 404
