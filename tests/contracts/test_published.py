"""What GovStack publishes is in our contracts: operations, parameters, fields and answers.

``published.json`` holds facts of the published files (names, places, shapes; no text of theirs),
with the faults of those files absorbed: names that are referenced in another spelling than they are
defined, a request body given as a query parameter, fields of an example registry (left out), parts
of a path that release 1.0 names in lower case (the names never travel).
"""

import json
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

FACTS: dict[str, list[dict[str, Any]]] = json.loads(
    (Path(__file__).parent / "published.json").read_text(encoding="utf-8")
)

NOT_YET: dict[tuple[str, str, str], str] = {
    ("messaging", "post", "/callback/email"): "a reply is handed on to a client",
}
"""Published operations that this version does not have, each with its reason."""

WITHOUT: dict[tuple[str, str, str, str], str] = {}
"""Published parameters that an operation of ours does not declare, each with its reason."""

OTHERWISE: dict[tuple[str, str], str] = {
    ("registry", "* answer 200 value"): "the tests of release 1.0 read a bare value",
    ("registry", "* /database/modify answer 200 incrementIndex"): "in the schema as it was sent",
    ("registry", "* /database/modify answer 200 required"): "in the schema as it was sent",
    ("registry-1.0", "* answer 200 value"): "its own tests read a bare value",
    (
        "registry-1.0",
        "* /database/modify answer 200 incrementIndex",
    ): "in the schema as it was sent",
    ("registry-1.0", "* /database/modify answer 200 required"): "in the schema as it was sent",
    ("gateway", "* */pull/v1/* answer 409"): "a request that cannot be read is 400, as elsewhere",
    ("consent", "* answer *authorizedByIndividual.*"): "an individual is named by id alone",
    ("consent", "* answer *consentRecord*.individual.*"): "an individual is named by id alone",
    ("consent", "* answer *dataAgreement*.signature*"): "only consent is signed, not agreements",
    ("consent", "* request dataAgreement.signature*"): "only consent is signed, not agreements",
    ("consent", "* request dataAgreement.policy.*"): "an agreement names its policy by id",
    ("consent", "* request consentRecord.dataAgreement*"): "the agreement is named by id",
    ("consent", "* request consentRecord.individual*"): "the individual is named by id",
    ("consent", "* request consentRecord.id"): "the block gives it; read over when sent",
    ("consent", "* request consentRecord.state"): "the block decides it; read over when sent",
    ("consent", "* request consentRecord.signature*"): "sent beside the record, as `signature`",
    ("consent", "* request signature.id"): "the block gives it; read over when sent",
    ("consent", "* request signature.signedWithoutObjectReference"): "the block knows it",
    ("consent", "* request signature.object*"): "the block knows what is signed",
    ("messaging", "* request callbackURI*"): "taken as another name of `callback`",
}
"""Published fields and statuses that ours lacks, by block and pattern, each with its reason.

A pattern is matched with ``METHOD PATH request FIELD`` or ``METHOD PATH answer STATUS FIELD``.
"""

Documents = dict[str, dict[str, Any]]
CASES = [
    (block, fact)
    for block, facts in FACTS.items()
    for fact in facts
    if (block, fact["method"], fact["path"]) not in NOT_YET
]
NAMES = [f"{block} {fact['method']} {fact['path']}" for block, fact in CASES]


def key(block: str, fact: dict[str, Any]) -> tuple[str, str, str]:
    return block, fact["method"], fact["path"]


def ours(documents: Documents, block: str, fact: dict[str, Any]) -> dict[str, Any]:
    """Return our operation at the published method and path."""
    operation = documents[block]["paths"].get(fact["path"], {}).get(fact["method"])
    assert operation is not None, f"{key(block, fact)} is published and not ours"
    return operation


def test_what_is_not_there_yet_is_not_there(documents: Documents) -> None:
    for block, method, path in NOT_YET:
        assert method not in documents[block]["paths"].get(path, {}), f"{path}: off NOT_YET"


@pytest.mark.parametrize(("block", "fact"), CASES, ids=NAMES)
def test_a_published_operation_is_ours_under_its_name(
    documents: Documents, block: str, fact: dict[str, Any]
) -> None:
    operation = ours(documents, block, fact)
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
    assert unexcused(block, fact, lacking_request(documents, block, fact)) == []
    demanded = body_fields(documents[block], body, only_required=True)
    assert sorted(demanded - set(fact["requestFields"])) == []


@pytest.mark.parametrize(("block", "fact"), CASES, ids=NAMES)
def test_its_answers_are_declared_with_their_fields(
    documents: Documents, block: str, fact: dict[str, Any]
) -> None:
    ours(documents, block, fact)
    assert unexcused(block, fact, lacking_answers(documents, block, fact)) == []


def test_a_reader_is_tolerant_but_where_rights_are_given(documents: Documents) -> None:
    """A misspelled field of the gateway's administration would leave open what it was to close.

    So would one of a share, which would never end, and of a view, which would show another column.
    """
    rights = ("IMapplication", "IMcertificate", "IMconf", "IMmember", "IMright", "IMservice")
    closed = {
        "gateway": {*rights, "NewKey", "ServiceAccessRight"},
        "registry": {"ChangedShare", "NewShare", "Column"},
    }
    for block in FACTS:
        schemas = documents[block]["components"]["schemas"].items()
        found = {n for n, schema in schemas if schema.get("additionalProperties") is False}
        assert found == closed.get(block, set())


def test_every_exception_is_still_needed(documents: Documents) -> None:
    published = {key(block, fact) for block, facts in FACTS.items() for fact in facts}
    assert {*NOT_YET, *(k[:3] for k in WITHOUT)} <= published
    assert all([*NOT_YET.values(), *WITHOUT.values(), *OTHERWISE.values()])
    lines = [
        (block, line)
        for block, fact in CASES
        for lacking in (lacking_request, lacking_answers)
        for line in lacking(documents, block, fact)
    ]
    for block, pattern in OTHERWISE:
        assert any(b == block and fnmatchcase(line, pattern) for b, line in lines), pattern


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


def lacking_request(documents: Documents, block: str, fact: dict[str, Any]) -> list[str]:
    """Return the published request fields that our operation does not have."""
    operation = documents[block]["paths"].get(fact["path"], {}).get(fact["method"], {})
    accepted = body_fields(documents[block], operation.get("requestBody", {}))
    fields = [field for field in fact["requestFields"] if not covers(accepted, field)]
    return [line(fact, "request", field) for field in fields]


def lacking_answers(documents: Documents, block: str, fact: dict[str, Any]) -> list[str]:
    """Return the published statuses and their fields that our operation does not declare."""
    operation = documents[block]["paths"].get(fact["path"], {}).get(fact["method"], {})
    lacking: list[str] = []
    for status, wanted in fact["responses"].items():
        response = operation.get("responses", {}).get(status)
        if response is None and status != "500":  # nobody promises to fail
            lacking.append(line(fact, f"answer {status}"))
        elif response is not None:
            given = body_fields(documents[block], response)
            fields = [field for field in wanted if not covers(given, field)]
            lacking += [line(fact, f"answer {status}", field) for field in fields]
    return lacking


def line(fact: dict[str, Any], *words: str) -> str:
    """Say what is lacking in a way that patterns match: without the marks of arrays."""
    return " ".join([fact["method"], fact["path"], *words]).replace("[]", "")


def unexcused(block: str, fact: dict[str, Any], lacking: list[str]) -> list[str]:
    """Return what is lacking without a reason."""
    patterns = [pattern for b, pattern in OTHERWISE if b == block]
    return [text for text in lacking if not any(fnmatchcase(text, p) for p in patterns)]


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
