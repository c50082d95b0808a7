"""The committed contracts are what the code makes, and valid OpenAPI 3.1 that says everything."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from kit.web import operations
from stack import contracts

BLOCKS = sorted(contracts.BLOCKS)
Documents = dict[str, dict[str, Any]]


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    """Return every object of a document."""
    if isinstance(value, dict):
        yield value
        for child in value.values():
            yield from nodes(child)
    elif isinstance(value, list):
        for child in value:
            yield from nodes(child)


def resolve(document: dict[str, Any], reference: str) -> Any:
    found: Any = document
    for part in reference.removeprefix("#/").split("/"):
        found = found[part.replace("~1", "/").replace("~0", "~")]
    return found


@pytest.mark.parametrize("block", BLOCKS)
def test_the_committed_contract_is_what_the_code_makes(
    generated: dict[str, str], block: str
) -> None:
    file = contracts.FOLDER / f"{block}.yaml"
    committed = file.read_text(encoding="utf-8") if file.is_file() else ""
    assert committed == generated[block], f"{file.name} is stale: run `make contracts`"


def test_the_check_names_the_files_that_differ(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert contracts.main(["--folder", str(tmp_path)]) == 0
    assert {file.stem for file in tmp_path.iterdir()} == set(BLOCKS)
    assert contracts.main(["--check", "--folder", str(tmp_path)]) == 0
    (tmp_path / "consent.yaml").write_text("openapi: 3.1.0\n", encoding="utf-8")
    assert contracts.main(["--check", "--folder", str(tmp_path)]) == 1
    assert "consent.yaml" in capsys.readouterr().err


@pytest.mark.parametrize("block", BLOCKS)
def test_a_contract_is_valid_openapi_and_its_schemas_are_valid(
    documents: Documents, block: str
) -> None:
    document = documents[block]
    assert document["openapi"].startswith("3.1.")
    assert [str(e) for e in OPENAPI_31_VALIDATOR.iter_errors(document)] == []
    for schema in document["components"]["schemas"].values():
        jsonschema_rs.meta.validate(schema)


@pytest.mark.parametrize("block", BLOCKS)
def test_every_example_fits_its_schema(documents: Documents, block: str) -> None:
    components = {"components": documents[block]["components"]}
    for schema in nodes(documents[block]):
        if isinstance(schema.get("examples"), list) and not schema.get("in"):
            fits = jsonschema_rs.Draft202012Validator({**schema, **components})
            for example in schema["examples"]:
                assert [str(error) for error in fits.iter_errors(example)] == []


@pytest.mark.parametrize("block", BLOCKS)
def test_every_reference_leads_somewhere(documents: Documents, block: str) -> None:
    document = documents[block]
    for node in nodes(document):
        if isinstance(node.get("$ref"), str):
            assert resolve(document, node["$ref"]) is not None


@pytest.mark.parametrize("block", BLOCKS)
def test_every_operation_has_a_name_of_its_own_and_says_what_it_does(
    documents: Documents, block: str
) -> None:
    found = list(operations(documents[block]["paths"]))
    names = Counter(operation["operationId"] for _method, _path, operation in found)
    assert [name for name, count in names.items() if count > 1] == []
    for method, path, operation in found:
        assert operation.get("description"), f"{method} {path} has no docstring"
        assert "422" not in operation["responses"]
        assert [status for status in operation["responses"] if status.startswith("2")]


@pytest.mark.parametrize("block", BLOCKS)
def test_every_part_of_a_path_is_declared(documents: Documents, block: str) -> None:
    for method, path, operation in operations(documents[block]["paths"]):
        declared = {p["name"] for p in operation.get("parameters", []) if p["in"] == "path"}
        in_path = {part.partition("}")[0] for part in path.split("{")[1:]}
        assert declared == in_path, f"{method} {path}"


@pytest.mark.parametrize("block", BLOCKS)
def test_every_credential_an_operation_asks_for_is_described(
    documents: Documents, block: str
) -> None:
    schemes = documents[block]["components"]["securitySchemes"]
    scopes = schemes["oauth2"]["flows"]["clientCredentials"]["scopes"]
    for _method, _path, operation in operations(documents[block]["paths"]):
        for way in operation["security"]:
            assert set(way) <= set(schemes)
            assert set(way.get("oauth2", [])) <= set(scopes)
