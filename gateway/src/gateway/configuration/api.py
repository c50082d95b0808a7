"""What a route's signature may ask for: the configuration as of now, or the book it stands in."""

from typing import Annotated

from fastapi import Depends, Request

from gateway.configuration.models import Configuration
from gateway.configuration.service import Book


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
