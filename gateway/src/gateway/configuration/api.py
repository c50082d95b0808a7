"""What a route's signature may ask for: the configuration as of now, or the book it stands in."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, Request

from gateway.configuration.models import Configuration, member_of
from gateway.configuration.service import Book
from gateway.identity.service import Identity
from kit.access import Caller
from kit.evidence import Entry, Ledger
from kit.problems import Problem


async def _book(request: Request) -> Book:
    return request.app.state.book


async def _current(request: Request) -> Configuration:
    return await request.app.state.book.current(request.app.state.database)


async def _instance(request: Request) -> str:
    return request.app.state.settings.instance


Books = Annotated[Book, Depends(_book)]
"""The book, for changes."""

Configured = Annotated[Configuration, Depends(_current)]
"""The configuration as of the last change anybody committed."""

Instance = Annotated[str, Depends(_instance)]
"""The GovStack instance this gateway serves."""


@asynccontextmanager
async def refusals_noted(
    request: Request, caller: Caller, now: Configuration, about: str, operation: str
) -> AsyncGenerator[None]:
    """Note a change that is refused; use it before the transaction, which would roll it back.

    Who watches is told when it is refused for who asks.

    ``about`` is an instance or an application; one that is not known is not repeated in the log.
    """
    try:
        yield
    except Problem as problem:
        facts = {
            "operation": operation,
            "reason": type(problem).title,
            "requestId": caller.request_id,
        }
        known = about if about in now.instances or about in now.applications else ""
        entry = Entry("change.refused", caller.client, known, facts=facts, tenant=member_of(known))
        identity: Identity = request.app.state.identity
        known_as = now, caller.client
        identity.tell(
            problem, request.scope, *known_as, request_id=caller.request_id, about=operation
        )
        ledger: Ledger = request.app.state.ledger
        await ledger.note(entry)
        raise
