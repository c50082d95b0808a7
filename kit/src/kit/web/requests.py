"""What a route may ask for, and the texts it may take."""

import inspect
import math
import re
from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime
from typing import Annotated, Any, cast

from fastapi import Depends, Request
from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field

from kit import database, decisions, evidence
from kit.mediator import Mediator
from kit.sealing import Keyring

_NOT_TEXT = re.compile("[\x00\ud800-\udfff]")
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]")
_DEEPEST = 100
"""Levels of a JSON value; what is deeper could be kept and not be written again."""


async def _reading(request: Request) -> database.Reading:
    return database.Reading(request.app.state.database)


async def _begin(request: Request) -> AsyncGenerator[database.Transaction]:
    async with database.Transaction(request.app.state.database) as session:
        yield session


async def _ledger(request: Request) -> evidence.Ledger:
    return request.app.state.ledger


async def _mediator(request: Request) -> Mediator:
    return request.app.state.mediator


async def _decisions(request: Request) -> decisions.Decisions:
    return request.app.state.decisions


async def _keyring(request: Request) -> Keyring:
    return request.app.state.keyring


Reading = Annotated[database.Reading, Depends(_reading)]
"""Statements without a transaction, for routes that change nothing."""

Transaction = Annotated[database.Transaction, Depends(_begin, scope="function")]
"""The request's one transaction: committed before the answer leaves, or rolled back."""

Evidence = Annotated[evidence.Ledger, Depends(_ledger)]
"""The block's ledger."""

Neighbours = Annotated[Mediator, Depends(_mediator)]
"""The way to other blocks, through the gateway."""

Deciding = Annotated[decisions.Decisions, Depends(_decisions)]
"""What another block decides about a use of data, in a block that has opened ``kit.decisions``."""

Keys = Annotated[Keyring, Depends(_keyring)]
"""What the block seals with."""


def _text(value: str) -> str:
    if _NOT_TEXT.search(value):
        message = "a NUL character or half a surrogate pair cannot be kept"
        raise ValueError(message)
    return value


def _json(value: dict[str, Any]) -> dict[str, Any]:
    found = _unkeepable(value)
    if found:
        raise ValueError(found)
    return value


def _unkeepable(value: object) -> str:
    """Say why a JSON value cannot be kept as jsonb; empty when it can."""
    level = [value]
    for _ in range(_DEEPEST):
        if not level:
            return ""
        below: list[object] = []
        for item in level:
            if reason := _unkeepable_itself(item):
                return reason
            if isinstance(item, dict):
                members = cast("dict[str, object]", item)
                below += [*members, *members.values()]
            elif isinstance(item, list):
                below += cast("list[object]", item)
        level = below
    return f"nested more than {_DEEPEST} deep"


def _unkeepable_itself(item: object) -> str:
    if isinstance(item, str) and _NOT_TEXT.search(item):
        return "a NUL character or half a surrogate pair cannot be kept"
    if isinstance(item, float) and not math.isfinite(item):
        return "NaN and infinity are not JSON"
    return ""


def _written(value: object) -> object:
    """Refuse what pydantic would take for seconds since 1970."""
    if isinstance(value, datetime) or (isinstance(value, str) and _DATE_TIME.match(value)):
        return value
    raise ValueError("a time is written as RFC 3339 has it, as 2026-01-31T00:00:00Z")


Text = Annotated[str, AfterValidator(_text)]
"""Text PostgreSQL can keep."""

Moment = Annotated[
    AwareDatetime,
    Field(ge=datetime(1900, 1, 1, tzinfo=UTC), le=datetime(9000, 1, 1, tzinfo=UTC)),
    BeforeValidator(_written),
]
"""A time with its offset as RFC 3339 writes it, far enough from the calendar's ends for UTC."""

JsonObject = Annotated[dict[str, Any], AfterValidator(_json)]
"""Any JSON object PostgreSQL can keep."""


def gathered(kind: Callable[..., Any]) -> Any:
    """Gather a dataclass's fields from the request, each as its annotation says.

    ``Depends(kind)`` would do the same, but FastAPI runs what is not a coroutine in a thread, and
    the way there and back takes longer than everything else it does for a request.
    """

    async def gather(**values: Any) -> Any:
        return kind(**values)

    gather.__dict__["__signature__"] = inspect.signature(kind)
    return Depends(gather)
