"""What GovStack publishes is in our contracts: operations, parameters, fields and answers.

``published.json`` holds facts of the published files (names, places, shapes; no text of theirs),
with the faults of those files absorbed: names that are referenced in another spelling than they are
defined, a request body given as a query parameter, fields of an example registry (left out).
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

FACTS: dict[str, list[dict[str, Any]]] = json.loads(
    (Path(__file__).parent / "published.json").read_text(encoding="utf-8")
)

NOT_YET: dict[tuple[str, str, str], str] = {}
"""Published operations that this version does not have, each with its reason."""

WITHOUT: dict[tuple[str, str, str, str], str] = {
    ("registry", "get", "/data/{registryName}/{versionNumber}", "query.<fieldName>"): (
        "stands for any field of the registry, which no document can list by name"
    ),
}
"""Published parameters that an operation of ours does not declare, each with its reason."""

OTHERWISE: dict[tuple[str, str, str, str], str] = {}
"""Published fields and statuses that an operation of ours gives otherwise, with the reason."""

Documents = dict[str, dict[str, Any]]
CASES = [(block, fact) for block, facts in FACTS.items() for fact in facts]
NAMES = [f"{block} {fact['method']} {fact['path']}" for block, fact in CASES]


def key(block: str, fact: dict[str, Any]) -> tuple[str, str, str]:
    return block, fact["method"], fact["path"]


def ours(documents: Documents, block: str, fact: dict[str, Any]) -> dict[str, Any]:
    """Return our operation at the published method and path; skip what is not there yet."""
    operation = documents[block]["paths"].get(fact["path"], {}).get(fact["method"])
    if operation is None and key(block, fact) in NOT_YET:
        pytest.skip(f"not yet: {NOT_YET[key(block, fact)]}")
    assert operation is not None, f"{key(block, fact)} is published and not ours"
    return operation


@pytest.mark.parametrize(("block", "fact"), CASES, ids=NAMES)
def test_a_published_operation_is_ours_under_its_name(
    documents: Documents, block: str, fact: dict[str, Any]
) -> None:
    operation = ours(documents, block, fact)
    assert key(block, fact) not in NOT_YET, "it is there: take it off NOT_YET"
    if fact["operationId"]:
        assert operation["operationId"] == fact["operationId"]


@pytest.mark.parametrize(("block", "fact"), CASES, ids=NAMES)
def test_its_parameters_are_ours_and_none_is_stricter(
    documents: Documents, block: str, fact: dict[str, Any]
) -> None:
    operation = ours(documents, block, fact)
    declared = parameters(documents[block], operation)
    for published in fact["parameters"]:
        place = (published["in"], published["name"].lower())
        excepted = (*key(block, fact), published["name"]) in WITHOUT
        assert (place in declared) != excepted, f"{place}: declared {sorted(declared)}"
        if not published["required"] and not excepted:
            assert not declared[place], f"{place} is optional where it is published"
    known = {(p["in"], p["name"].lower()) for p in fact["parameters"]}
    assert {place for place, required in declared.items() if required} <= known


@pytest.mark.parametrize(("block", "fact"), CASES, ids=NAMES)
def test_its_request_fields_are_accepted_and_no_other_is_demanded(
    documents: Documents, block: str, fact: dict[str, Any]
) -> None:
    operation = ours(documents, block, fact)
    body = operation.get("requestBody", {})
    accepted = body_fields(documents[block], body)
    missing = [f for f in fact["requestFields"] if not covers(accepted, f)]
    assert unexcused(block, fact, "request", missing) == []
    demanded = body_fields(documents[block], body, only_required=True)
    assert sorted(demanded - set(fact["requestFields"])) == []


@pytest.mark.parametrize(("block", "fact"), CASES, ids=NAMES)
def test_its_answers_are_declared_with_their_fields(
    documents: Documents, block: str, fact: dict[str, Any]
) -> None:
    operation = ours(documents, block, fact)
    missing: list[str] = []
    for status, wanted in fact["responses"].items():
        if status == "500":  # nobody promises to fail: a 500 says nothing but a request id
            continue
        response = operation["responses"].get(status)
        if response is None:
            missing.append(status)
            continue
        given = body_fields(documents[block], response)
        missing += [f"{status} {field}" for field in wanted if not covers(given, field)]
    assert unexcused(block, fact, "answer", missing) == []


def test_the_exceptions_name_published_operations() -> None:
    published = {key(block, fact) for block, fact in CASES}
    named = {*NOT_YET, *(k[:3] for k in WITHOUT), *(k[:3] for k in OTHERWISE)}
    assert named <= published
    assert all([*NOT_YET.values(), *WITHOUT.values(), *OTHERWISE.values()])


# -- reading documents ---------------------------------------------------------------------
# Field names are dotted, with [] for the items of an array; free JSON ends in .*; a schema
# that contains itself is followed once.


def parameters(document: dict[str, Any], operation: dict[str, Any]) -> dict[tuple[str, str], bool]:
    """Return an operation's parameters and whether each is required.

    A header that the document declares as the way to say who is calling is a parameter of every
    operation: the gateway reads it, and passes on what the provider's contract declares.
    """
    schemes = document["components"]["securitySchemes"].values()
    found = {(s["in"], s["name"].lower()): False for s in schemes if s["type"] == "apiKey"}
    for parameter in operation.get("parameters", []):
        place = (parameter["in"], parameter["name"].lower())
        found[place] = parameter.get("required", False)
    return found


def unexcused(block: str, fact: dict[str, Any], where: str, missing: list[str]) -> list[str]:
    """Return what is missing without a reason, and the reasons that nothing needs any more."""
    prefix = (*key(block, fact),)
    excused = {k[3] for k in OTHERWISE if k[:3] == prefix and k[3].startswith(f"{where} ")}
    found = {f"{where} {item}" for item in missing}
    return sorted(found ^ excused)


def resolve(document: dict[str, Any], reference: str) -> Any:
    """Return what a reference names; KeyError when it names nothing."""
    found: Any = document
    for part in reference.removeprefix("#/").split("/"):
        found = found[part.replace("~1", "/").replace("~0", "~")]
    return found


def body_fields(
    document: dict[str, Any], body: dict[str, Any], *, only_required: bool = False
) -> set[str]:
    """Return the fields of a request body or of a response, whatever its media types."""
    body = resolve(document, body["$ref"]) if "$ref" in body else body
    walk = required_fields if only_required else fields
    return {
        field
        for media in body.get("content", {}).values()
        for field in walk(document, media.get("schema", {}))
    }


def required_fields(document: dict[str, Any], schema: Any, prefix: str = "") -> Iterator[str]:
    """Return the fields that every accepted body has: those required all the way down."""
    if not isinstance(schema, dict):
        return
    if "$ref" in schema:
        yield from required_fields(document, resolve(document, schema["$ref"]), prefix)
        return
    for option in schema.get("allOf", []):
        yield from required_fields(document, option, prefix)
    if "items" in schema:
        yield from required_fields(document, schema["items"], f"{prefix}[]")
    for name in schema.get("required", []):
        here = f"{prefix}.{name}".lstrip(".")
        yield here
        yield from required_fields(document, schema.get("properties", {}).get(name), here)


def fields(
    document: dict[str, Any], schema: Any, prefix: str = "", path: tuple[str, ...] = ()
) -> Iterator[str]:
    if not isinstance(schema, dict):
        return
    if "$ref" in schema:
        if schema["$ref"] not in path:
            target = resolve(document, schema["$ref"])
            yield from fields(document, target, prefix, (*path, schema["$ref"]))
        return
    for option in (o for union in ("allOf", "anyOf", "oneOf") for o in schema.get(union, [])):
        yield from fields(document, option, prefix, path)
    if "items" in schema:
        yield from fields(document, schema["items"], f"{prefix}[]", path)
    if _is_free(schema):
        yield f"{prefix}.*".lstrip(".")
    for name, child in schema.get("properties", {}).items():
        here = f"{prefix}.{name}".lstrip(".")
        yield here
        yield from fields(document, child, here, path)


def _is_free(schema: dict[str, Any]) -> bool:
    return bool(schema.get("additionalProperties")) and schema.get("type") == "object"


def covers(ours: set[str], field: str) -> bool:
    """Tell whether ``ours`` has a field, by name or inside free JSON below the top of the body."""
    if field in ours:
        return True
    parts = field.split(".")
    return any(
        f"{'.'.join(parts[:length])}.*" in ours or f"{'.'.join(parts[:length])}[].*" in ours
        for length in range(1, len(parts))
    )
