"""The catalogue application."""

from fastapi import FastAPI

from catalogue.entries import api as entries
from catalogue.reuses import api as reuses
from catalogue.settings import Settings
from kit import audit, web

BLOCK = "catalogue"

_DESCRIPTION = """Practices, products, components, services and standards that governments reuse,
and who reuses them: every entry and every reuse names its source."""


def create_app(settings: Settings) -> FastAPI:
    """Put the catalogue together."""
    return web.create_app(
        BLOCK, "Catalogue", _DESCRIPTION, settings, [entries.router, reuses.router, audit.router]
    )
