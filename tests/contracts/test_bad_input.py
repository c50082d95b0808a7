"""What strangers send (``bad_input.yaml``), tried on every operation that it fits."""

import base64
import copy
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import yaml
from httpx import Response
from stage import CONTRACTS, Operation, Request, Stage, ask, operations_of

CORPUS: dict[str, list[dict[str, Any]]] = yaml.load(
    (Path(__file__).parent / "bad_input.yaml").read_text(encoding="utf-8"), yaml.CSafeLoader
)
JSON = "application/json"
OPERATIONS = [(block, name) for block in CONTRACTS for name in operations_of(block)]
SAFE = {"GET"}
ROUTER = {404, 405}
"""What the router says of an address that is no operation's any more."""

Stages = Callable[[str], Awaitable[Stage]]


def text_of(entry: dict[str, Any]) -> str:
    """Return what an entry holds as text."""
    if "repeat" in entry:
        closing = entry.get("closing", "") * entry["times"]
        return str(entry["repeat"]) * int(entry["times"]) + closing
    return str(entry.get("text", entry.get("value", "")))


def bytes_of(entry: dict[str, Any]) -> bytes:
    return base64.b64decode(entry["base64"]) if "base64" in entry else text_of(entry).encode()


def json_of(entry: dict[str, Any]) -> str:
    """Return what an entry holds as a JSON value."""
    if "escaped" in entry:
        return str(entry["escaped"])
    return text_of(entry) if "closing" in entry else json.dumps(text_of(entry))


@dataclass
class Trial:
    """One operation under trial, in a transaction that is rolled back."""

    stage: Stage
    credentials: dict[str, str]
    request: Request
    rows: Callable[[], Awaitable[dict[str, str]]]
    known: dict[str, str] | None = None
    """The rows as they are; None when the last request may have changed them."""

    @property
    def operation(self) -> Operation:
        return self.request.operation

    @property
    def refusal(self) -> int:
        """Return the status with which this block answers what it cannot read."""
        return 405 if self.stage.block == "messaging" else 400

    async def send(
        self,
        what: str,
        request: Request,
        *,
        target: str = "",
        content: bytes | None = None,
        **headers: str | bytes,
    ) -> Response:
        """Send a request; see that its answer is declared, and a refusal left every row alone."""
        changes = self.operation.method not in SAFE
        if changes and self.known is None:
            self.known = await self.rows()
        given, body = _sent(request, content)
        answer = await ask(
            self.stage.asked_by(),
            self.operation.method,
            target or request.target,
            {**self.credentials, **given, **headers},
            body,
        )
        said = f"{what}: {answer.status_code} {answer.text[:300]}"
        allowed = self.operation.statuses | (ROUTER if self.operation.path.count("{") else set())
        assert answer.status_code in allowed, said
        assert answer.status_code < 500, said
        if answer.status_code >= 400:
            self._is_problem(answer, said)
            if changes:
                assert await self.rows() == self.known, said
        else:
            self.known = None
        return answer

    def _is_problem(self, answer: Response, said: str) -> None:
        media_type = answer.headers["content-type"].partition(";")[0]
        declared = self.operation.said["responses"].get(str(answer.status_code))
        assert declared is None or media_type in declared["content"], said
        if answer.headers["content-type"] == "application/problem+json":
            body = answer.json()
            assert body["status"] == answer.status_code, said
            assert body["title"], said
            for error in body.get("errors", []):
                assert error["pointer"].startswith("#"), said
                assert error["reason"], said
        else:  # the contract's own words: the directory, the token endpoint, a missing row
            assert declared is not None, said

    def refused(self, what: str, answer: Response) -> list[str]:
        """See that an answer refuses what was sent; return the fields that it names."""
        said = f"{what}: {answer.status_code} {answer.text[:300]}"
        assert answer.status_code == self.refusal, said
        body = answer.json()
        pointers = [error["pointer"] for error in body.get("errors", [])]
        assert pointers or body["detail"], said
        return pointers


def _sent(request: Request, content: bytes | None) -> tuple[dict[str, str], bytes]:
    """Return the headers and the body of a request, with a body in the place of its own."""
    headers = dict(request.headers)
    if request.form is not None:
        headers["content-type"] = "application/x-www-form-urlencoded"
        return headers, urlencode(request.form).encode() if content is None else content
    if request.content is not None:
        return headers, request.content.encode() if content is None else content
    if content is None and request.body is None:
        return headers, b""
    headers["content-type"] = JSON
    return headers, json.dumps(request.body).encode() if content is None else content


@asynccontextmanager
async def trial(stages: Stages, block: str, name: str) -> AsyncGenerator[Trial]:
    stage = await stages(block)
    async with stage.rolled_back() as rows:
        yield Trial(stage, await stage.credentials(), stage.good(name), rows)


def media_types(operation: Operation) -> set[str]:
    return set(operation.said.get("requestBody", {}).get("content", {}))


def takes_json(block: str, name: str) -> bool:
    """Tell whether an operation takes JSON; a file of records, JSON or not, has its own tests."""
    found = media_types(operations_of(block)[name])
    return JSON in found and "text/csv" not in found


def parameters(operation: Operation, place: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return the names and schemas of an operation's parameters in path, query or header."""
    for parameter in operation.said.get("parameters", []):
        if parameter["in"] == place:
            yield parameter["name"], parameter["schema"]


def types(schema: dict[str, Any]) -> set[str]:
    either = schema.get("anyOf", [schema])
    return {each.get("type", "") for each in either}


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Return the path of each leaf; of the items of a list, the first one's only."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from leaves(each, (*path, key))
    elif isinstance(value, list):
        yield from leaves(value[0], (*path, 0)) if value else ()
    else:
        yield path


def put(body: Any, path: tuple[str | int, ...], value: str) -> bytes:
    """Return a body as JSON with a JSON value in the place of one leaf."""
    changed = copy.deepcopy(body)
    found = changed
    for part in path[:-1]:
        found = found[part]
    found[path[-1]] = "\u2603"
    return json.dumps(changed).replace(json.dumps("\u2603"), value, 1).encode()


def everywhere(value: Any, text: str) -> Any:
    """Return a value with a text in the place of each text in it."""
    if isinstance(value, dict):
        return {key: everywhere(each, text) for key, each in value.items()}
    if isinstance(value, list):
        return [everywhere(each, text) for each in value]
    return text if isinstance(value, str) else value


WITH_JSON = [(block, name) for block, name in OPERATIONS if takes_json(block, name)]


@pytest.mark.parametrize(("block", "name"), WITH_JSON)
async def test_a_body_that_cannot_be_is_refused(stages: Stages, block: str, name: str) -> None:
    async with trial(stages, block, name) as tried:
        optional = not tried.operation.said["requestBody"].get("required")
        is_list = isinstance(tried.request.body, list)
        for entry in CORPUS["bodies"]:
            answer = await tried.send(entry["name"], tried.request, content=bytes_of(entry))
            free = (optional and entry.get("empty")) or (is_list and entry.get("array"))
            if entry.get("refused") and not free:
                pointers = tried.refused(entry["name"], answer)
                if "pointer" in entry and pointers:
                    assert pointers == [entry["pointer"]], entry["name"]


@pytest.mark.parametrize(("block", "name"), WITH_JSON)
async def test_a_body_that_is_not_declared_as_json_is_refused(
    stages: Stages, block: str, name: str
) -> None:
    async with trial(stages, block, name) as tried:
        for entry in CORPUS["media_types"]:
            said = {"content-type": entry["type"]}
            answer = await tried.send(entry["type"], tried.request, **said)
            if entry.get("refused"):
                tried.refused(entry["type"], answer)


@pytest.mark.parametrize(("block", "name"), WITH_JSON)
async def test_a_value_that_cannot_be_is_refused_by_its_field(
    stages: Stages, block: str, name: str
) -> None:
    async with trial(stages, block, name) as tried:
        for number, path in enumerate(leaves(tried.request.body)):
            pointer = "#/" + "/".join(map(str, path))
            text = CORPUS["texts"][number % len(CORPUS["texts"])]
            for entry in [*CORPUS["values"], text]:
                what = f"{entry['name']} at {pointer}"
                content = put(tried.request.body, path, json_of(entry))
                answer = await tried.send(what, tried.request, content=content)
                if entry.get("refused"):
                    for named in tried.refused(what, answer):
                        assert pointer.startswith(named) or named.startswith(pointer), what


@pytest.mark.parametrize(("block", "name"), WITH_JSON)
async def test_a_text_everywhere_is_only_a_text(stages: Stages, block: str, name: str) -> None:
    async with trial(stages, block, name) as tried:
        body = tried.request.body
        for entry in CORPUS["texts"]:
            changed = everywhere(body, text_of(entry))
            await tried.send(entry["name"], replace(tried.request, body=changed))


@pytest.mark.parametrize(("block", "name"), OPERATIONS)
async def test_a_text_in_a_parameter_is_only_a_text(stages: Stages, block: str, name: str) -> None:
    async with trial(stages, block, name) as tried:
        request = tried.request
        for entry in CORPUS["texts"]:
            text = text_of(entry)
            for part in request.path:
                changed = replace(request, path={**request.path, part: text})
                await tried.send(f"{entry['name']} as {part}", changed)
            for part, schema in parameters(tried.operation, "query"):
                if types(schema) & {"string", "array"}:
                    changed = replace(request, query={**request.query, part: text})
                    await tried.send(f"{entry['name']} as {part}", changed)
            for part, _schema in parameters(tried.operation, "header"):
                if entry.get("ascii"):
                    changed = replace(request, headers={**request.headers, part: text})
                    await tried.send(f"{entry['name']} as {part}", changed)


WITH_NUMBERS = [
    (block, name, part)
    for block, name in OPERATIONS
    for part, schema in parameters(operations_of(block)[name], "query")
    if "integer" in types(schema)
]


@pytest.mark.parametrize(("block", "name", "part"), WITH_NUMBERS)
async def test_a_number_that_cannot_be_is_refused_by_its_name(
    stages: Stages, block: str, name: str, part: str
) -> None:
    async with trial(stages, block, name) as tried:
        for entry in CORPUS["numbers"]:
            query = {**tried.request.query, part: entry["value"]}
            answer = await tried.send(entry["value"], replace(tried.request, query=query))
            if entry.get("refused"):
                assert tried.refused(entry["value"], answer) == [f"#/{part}"]


@pytest.mark.parametrize(("block", "name"), OPERATIONS)
async def test_an_address_is_text_or_refused(stages: Stages, block: str, name: str) -> None:
    async with trial(stages, block, name) as tried:
        request = tried.request
        for entry in CORPUS["addresses"]:
            raw = entry.get("raw") or text_of(entry)
            whole = request.operation.url(request.path)
            targets = [f"{whole}?x={raw}"]
            for part in request.path:
                path = request.operation.path.replace(f"{{{part}}}", raw)
                targets.append(replace(request.operation, path=path).url(request.path))
            for target in targets:
                what = f"{entry['name']} in {target[:80]}"
                answer = await tried.send(what, request, target=target)
                if entry.get("refused"):
                    tried.refused(what, answer)


@pytest.mark.parametrize(("block", "name"), OPERATIONS)
async def test_a_strange_header_changes_nothing_it_should_not(
    stages: Stages, block: str, name: str
) -> None:
    async with trial(stages, block, name) as tried:
        for entry in CORPUS["headers"]:
            header = {entry["name"].lower(): text_of(entry).encode()}
            answer = await tried.send(entry["name"], tried.request, **header)
            assert len(answer.headers["x-request-id"]) <= 128
