"""What a caller can ask of a copied service: what it is a copy of, done for its fields."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kit.access import Caller, ScopeMissing
from kit.database import Session
from kit.decisions import Decisions
from kit.evidence import Ledger
from registry.changes import service as changes
from registry.changes.service import Asked
from registry.databases import service as databases
from registry.databases.models import DatabaseNotFound, RegistryNotFound
from registry.records import service as records
from registry.records.models import QueryInvalid
from registry.records.service import Call
from registry.services.models import Own, Services


@dataclass(frozen=True, slots=True)
class Tools:
    """What a copy may need: a session to read by, one to write by, the ledger and decisions."""

    reading: Session
    writing: Session
    ledger: Ledger
    decisions: Decisions


@dataclass(frozen=True, slots=True)
class Said:
    """What is sent to a copied service, as to the one it is a copy of."""

    query: Mapping[str, Any] | None
    write: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Answer:
    """The JSON text of an answer, empty for none, and the tag of the record it is about."""

    text: str
    tag: str | None = None


async def find(session: Session, caller: Caller, registry: str, name: str, method: str) -> Own:
    """Return the copy that answers under a name; raise RegistryNotFound or ServiceHidden."""
    try:
        found = await databases.find_named(session, caller.tenant, registry)
    except DatabaseNotFound as error:
        raise RegistryNotFound("there is no such registry") from error
    return Services.parse(found.settings).copy_of(name, method)


async def answer(tools: Tools, call: Call, copied: Own, said: Said) -> Answer:
    """Do what a copied service does; raise as the one it is a copy of.

    Raise ScopeMissing when the caller's right does not cover that one, and QueryInvalid when the
    part of the body that it reads is not there.
    """
    scope, do = _DONE[copied.of]
    if not call.caller.may(scope):
        raise ScopeMissing(f"the scope {scope} is missing")
    return await do(tools, call, said)


def _content(said: Mapping[str, Any] | None, name: str) -> Mapping[str, Any]:
    if said is None:
        raise QueryInvalid(f"say {name}.content")
    return said


async def _exists(tools: Tools, call: Call, said: Said) -> Answer:
    query = _content(said.query, "query")
    found = await records.exists(tools.reading, tools.ledger, call, query)
    message = "Object found from database" if found else "no record found"
    return Answer(json.dumps({"answer": {"status": found, "message": message}}))


async def _read(tools: Tools, call: Call, said: Said) -> Answer:
    query = _content(said.query, "query")
    shown = await records.read(tools.reading, tools.ledger, tools.decisions, call, query)
    return Answer(f'{{"content":{shown.text}}}', shown.tag)


async def _create(tools: Tools, call: Call, said: Said) -> Answer:
    content = _content(said.write, "write")
    done = await changes.create(tools.writing, tools.ledger, call, content)
    return Answer(f'{{"content":{done.text}}}', done.tag)


async def _update(tools: Tools, call: Call, said: Said) -> Answer:
    asked = Asked(_content(said.write, "write"), said.query)
    return Answer("", await changes.update(tools.writing, tools.ledger, call, asked))


async def _upsert(tools: Tools, call: Call, said: Said) -> Answer:
    asked = Asked(_content(said.write, "write"), said.query)
    done = await changes.update_or_create(tools.writing, tools.ledger, call, asked)
    return Answer(f'{{"content":{done.text}}}', done.tag)


_Do = Callable[[Tools, Call, Said], Awaitable[Answer]]
_DONE: dict[str, tuple[str, _Do]] = {
    "data-exists": ("records:exists", _exists),
    "data-read": ("records:read", _read),
    "data-create": ("records:write", _create),
    "data-update": ("records:write", _update),
    "data-update-or-create": ("records:write", _upsert),
}
