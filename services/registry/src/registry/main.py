"""The registry application."""

import re
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from kit import audit, deliveries, jobs, web
from kit.database import Database
from kit.decisions import Decisions
from kit.evidence import Ledger
from kit.mediator import Mediator
from kit.sealing import Keyring
from registry.access_templates import api as access_templates
from registry.announcements import jobs as announcing
from registry.announcements.service import Desk
from registry.audit_logs import api as audit_logs
from registry.automations import api as automations
from registry.batches import api as batches
from registry.changes import api as changes
from registry.copies import api as copies
from registry.counters import api as counters
from registry.counters import jobs as counting
from registry.databases import api as databases
from registry.decisions import api as decisions
from registry.definitions import api as definitions
from registry.delegations import api as delegations
from registry.descriptions import api as descriptions
from registry.exports import api as exports
from registry.feed import api as feed
from registry.files import api as files
from registry.history import api as history
from registry.impact import api as impact
from registry.imports import api as imports
from registry.imports import jobs as importing
from registry.imports.service import Tools
from registry.listing import api as listing
from registry.notices import Notices
from registry.records import api as records
from registry.records.models import RecordNotFound
from registry.relations import api as relations
from registry.releases.v1_0.api import RELEASE as RELEASE_1_0
from registry.reports import api as reports
from registry.rights import api as rights
from registry.roles import api as roles
from registry.runs import api as runs
from registry.runs import jobs as running
from registry.runs.service import Context
from registry.runs.service import clear as clear_runs
from registry.secrets import api as secrets
from registry.services import api as services
from registry.settings import Settings
from registry.shares import api as shares
from registry.statistics import api as statistics
from registry.subjects import api as subjects
from registry.subscriptions import api as subscriptions
from registry.templates import api as templates
from registry.usage import api as usage
from registry.versions import api as versions
from registry.views import api as views

BLOCK = "registry"
_CONNECTIONS = 6  # of the jobs, besides those that listen: a run holds one while it goes on
_CALLBACKS = 16  # endpoints that are delivered to at once
_POLL = timedelta(seconds=1)  # between two looks for what is due to be tried again
_RUNS = 2  # automations that run at once

# the usage report's addresses stand before the registries' own, which could swallow them
_ROUTERS = (
    databases.router,
    databases.one,
    versions.router,
    impact.router,
    definitions.router,
    services.router,
    templates.router,
    secrets.router,
    rights.router,
    decisions.router,
    roles.router,
    access_templates.router,
    delegations.router,
    subscriptions.router,
    subscriptions.one,
    automations.router,
    automations.one,
    runs.router,
    runs.triggers,
    counters.router,
    shares.router,
    descriptions.router,
    descriptions.one,
    usage.router,
    usage.of_registry,
    audit_logs.router,
    subjects.router,
    statistics.router,
    statistics.one,
    reports.router,
    reports.one,
    views.router,
    views.one,
    views.data,
    listing.router,
    feed.router,
    history.router,
    records.router,
    changes.router,
    copies.router,
    batches.router,
    imports.router,
    exports.router,
    relations.router,
    files.router,
    records.one,  # /{uuid} would take every word that stands in its place: last under /data
    audit.router,
)
_IMPORTS = re.compile(r"/data/[^/]+/[^/]+/imports$")
_FILES = re.compile(r"/data/[^/]+/[^/]+/[^/]+/files/[^/]+$")
"""Where bodies are read as streams, and may be larger than others."""


def create_app(settings: Settings) -> FastAPI:
    """Put the registry together; GovStack fixes the body of a record that is not found."""
    app = web.create_app(
        BLOCK,
        "Registry",
        "Databases with schemas and versions, their records, and who read them.",
        settings,
        _ROUTERS,
        opening=_open,
        releases=(RELEASE_1_0,),
        layers=(Notices,),
        larger=lambda scope: _larger(settings, scope["path"]),
    )
    app.add_exception_handler(RecordNotFound, _no_record)
    return app


def _larger(settings: Settings, path: str) -> int | None:
    """Return how many bytes a body may have where it is read as a stream, None elsewhere."""
    if _IMPORTS.search(path):
        return settings.upload_limit
    return settings.file_limit if _FILES.search(path) else None


async def _open(app: FastAPI, stack: AsyncExitStack) -> None:
    state = app.state
    await stack.enter_async_context(counting.writing(state.database))
    state.decisions = Decisions(state.mediator)
    url = state.settings.database_url.get_secret_value()
    await stack.enter_async_context(state.decisions.opened(url))


async def _no_record(_request: Request, _error: Exception) -> JSONResponse:
    return JSONResponse({"detail": RecordNotFound.title}, RecordNotFound.status)


@asynccontextmanager
async def create_jobs(settings: Settings) -> AsyncGenerator[None]:
    """Do the registry's background work while this is open; any number of processes may."""
    url = settings.database_url.get_secret_value()
    database = Database(url, _CONNECTIONS)
    keyring = Keyring(settings.sealing_key.get_secret_value())
    ledger, mediator = Ledger(BLOCK, keyring, database), Mediator(settings)
    outside = deliveries.Outside(
        deliveries.Networks(settings.delivery_networks), settings.delivery_timeout
    )
    delivering = deliveries.Context(
        database,
        keyring,
        deliveries.Couriers(outside, mediator),
        settings.delivery_timeout,
        prepare=Desk(database, ledger).prepare,
    )
    runs_with = Context(database, ledger, keyring, outside)
    told = {
        **deliveries.handlers(delivering),
        **announcing.handlers(database, keyring),
        **importing.handlers(Tools(database, ledger, keyring)),
    }
    try:
        async with (
            jobs.running(url, told, together=_CALLBACKS, poll=_POLL),
            jobs.running(url, running.handlers(runs_with), together=_RUNS),
            running.timing(database),
            jobs.clearing(database, deliveries.clear, settings.delivery_log_days),
            jobs.clearing(database, clear_runs, settings.run_log_days),
        ):
            yield
    finally:
        await mediator.close()
        await ledger.close()
        await database.close()
