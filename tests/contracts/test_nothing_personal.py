"""Nothing personal in the clear: whatever a client writes wherever, no entry or log repeats it.

Names that administrators give to things are no secrets: whoever names a register after a person has
published it. ``NAMES`` lists those places; everything else is tried with a person's code and name.
"""

import logging
import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from httpx import AsyncClient
from stage import BLOCKS, EVERYTHING, Request, Stage, operations_of, staged

from kit.access import Caller

CODE, NAME = "48905120013", "maasikas"
SEED = f"{NAME}-{CODE}"
WORDS = f"Mari {NAME.title()} {CODE}"
HEADERS = {
    "X-Request-Id": SEED,
    "ConsentReference": WORDS,
    "X-Legal-Basis": WORDS,
    "X-Road-UserId": WORDS,
    "User-Agent": WORDS,
    "traceparent": SEED,
}
PERSON = replace(EVERYTHING, person=f"EE{CODE}", person_name=WORDS, reader=WORDS, member_name=WORDS)
ADMINISTRATOR = replace(PERSON, roles=frozenset({"administrator"}))
NAMES = (
    r"(modify|importDefinition|instantiateTemplate) body /code",  # a register's
    r"(create|import)Template body /code",  # a template's
    r"(create|put|delete)_view (body /name|path viewName)|listView path viewName",
    r"(put|delete)_(role|group|access_template) path name",
    r"make_delegation body /databases/[0-9]+",  # registers' again
    r"(create|put|delete)(Entry|Reuse) (body /id|path (entry|reuse)Id)",  # in the catalogue
    r"give_key body /id|withdraw_key path keyId",
    r"(create|delete)EventType (body /|path )eventType",
    r"\w+IMconf body .*/(instance|class|code|id|member|application)",
)


def places(value: Any, pointer: str = "") -> Iterator[str]:
    """Return where text stands in a body, as JSON Pointers."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from places(each, f"{pointer}/{key}")
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from places(each, f"{pointer}/{number}")
    elif isinstance(value, str):
        yield pointer


def put(document: Any, pointer: str, value: str) -> Any:
    """Return a copy of a document with other text in one place."""
    made = deepcopy(document)
    *parents, last = pointer.split("/")[1:]
    part = made
    for each in parents:
        part = part[int(each)] if isinstance(part, list) else part[each]
    part[int(last) if isinstance(part, list) else last] = value
    return made


def variants(request: Request) -> Iterator[tuple[str, Request]]:
    """Return a request with a person's words in one place after another."""
    yield "headers", request
    for part in ("path", "query", "form"):
        given: dict[str, Any] = getattr(request, part) or {}
        for name in given:
            for said in (SEED, WORDS):
                yield f"{part} {name}", replace(request, **{part: {**given, name: said}})
    yield "query", replace(request, query={**request.query, "name": WORDS})
    for pointer in places(request.body):
        for said in (SEED, WORDS):
            yield f"body {pointer}", replace(request, body=put(request.body, pointer, said))


async def said_of(stage: Stage, client: AsyncClient, request: Request) -> list[str]:
    """Return what the ledger says in the clear of a request; nothing of it stays."""
    async with stage.rolled_back():
        await request.send(client, headers={**request.headers, **HEADERS})
        async with stage.app.state.database.connection() as connection:
            rows = await connection.driver.fetch(
                """
                SELECT convert_from(canonical, 'UTF8') || facts::text || kind || object || actor
                    || tenant AS said
                FROM evidence_entry WHERE xid = pg_current_xact_id()
                """
            )
    return [row["said"] for row in rows]


def is_name(operation: str, place: str) -> bool:
    """Tell whether a place is where a thing that everybody may know is named."""
    return any(re.fullmatch(known, f"{operation} {place}") for known in NAMES)


def has_person(said: str) -> bool:
    return CODE in said or NAME in said.lower()


@pytest.mark.parametrize(
    ("block", "caller"),
    [*((block, PERSON) for block in BLOCKS), ("consent", ADMINISTRATOR)],
    ids=[*BLOCKS, "consent to an administrator"],
)
async def test_no_entry_and_no_log_repeats_what_a_client_writes_of_a_person(
    block: str, caller: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    broken: list[str] = []
    written = 0
    async with staged(block) as stage:
        credentials = await stage.credentials()
        async with stage.client(caller, **credentials) as client:
            for name in operations_of(block):
                for place, request in variants(stage.good(name)):
                    if is_name(name, place):
                        continue
                    said = await said_of(stage, client, request)
                    written += len(said)
                    broken += [f"{name} {place}" for each in said if has_person(each)]
    records = [r for r in caplog.records if not r.name.startswith(("http", "asyncio"))]
    broken += [f"log {r.name}" for r in records if has_person(f"{r.getMessage()} {r.__dict__}")]
    assert not broken
    assert written > len(operations_of(block)) / 2
