"""The registry application."""

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from kit import audit, web
from registry.access_templates import api as access_templates
from registry.batches import api as batches
from registry.changes import api as changes
from registry.databases import api as databases
from registry.delegations import api as delegations
from registry.records import api as records
from registry.records.models import RecordNotFound
from registry.releases.v1_0.api import RELEASE as RELEASE_1_0
from registry.rights import api as rights
from registry.roles import api as roles
from registry.settings import Settings
from registry.subscriptions import api as subscriptions
from registry.usage import api as usage

BLOCK = "registry"

# the usage report's addresses stand before the registries' own, which could swallow them
_ROUTERS = (
    databases.router,
    databases.one,
    rights.router,
    roles.router,
    access_templates.router,
    delegations.router,
    subscriptions.router,
    subscriptions.one,
    usage.router,
    usage.of_registry,
    records.router,
    changes.router,
    batches.router,
    records.one,  # /{uuid} would take every word that stands in its place: last under /data
    audit.router,
)


def create_app(settings: Settings) -> FastAPI:
    """Put the registry together; GovStack fixes the body of a record that is not found."""
    app = web.create_app(
        BLOCK,
        "Registry",
        "Databases with schemas and versions, their records, and who read them.",
        settings,
        _ROUTERS,
        releases=(RELEASE_1_0,),
    )
    app.add_exception_handler(RecordNotFound, _no_record)
    return app


async def _no_record(_request: Request, _error: Exception) -> JSONResponse:
    return JSONResponse({"detail": RecordNotFound.title}, RecordNotFound.status)
