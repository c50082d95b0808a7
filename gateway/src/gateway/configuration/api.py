"""What a route's signature may ask for: the configuration as of now, or the book it stands in."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, Request

from gateway.configuration.models import Configuration
from gateway.configuration.service import Book
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
    ledger: Ledger, caller: Caller, about: str, operation: str
) -> AsyncGenerator[None]:
    """Note a change that is refused; use it before the transaction, which would roll it back."""
    try:
        yield
    except Problem as problem:
        facts = {"operation": operation, "reason": type(problem).title}
        await ledger.note(Entry("change.refused", caller.client, about, facts=facts))
        raise
