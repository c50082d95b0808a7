"""The gateway, put together."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from fastapi import APIRouter, FastAPI
from starlette.types import ASGIApp

import gateway.configuration.service as configuration
import gateway.directory.api
import gateway.events.api
import gateway.evidence.api
import gateway.health.api
import gateway.identity.api
import gateway.keys.api
import gateway.members.api
import gateway.pages.api
import gateway.rights.api
from gateway.arrivals.models import Proxies
from gateway.attempts.models import SourceHeld
from gateway.attempts.service import Attempts
from gateway.exchange.api import Exchanges
from gateway.identity.models import Issuer
from gateway.identity.service import Identity, Persons
from gateway.providers.service import Providers
from gateway.settings import Settings
from gateway.transmissions.jobs import reporting
from kit import audit, web
from kit.access import Signer

BLOCK = "gateway"
MIGRATIONS = Path(__file__).parents[2] / "migrations"
_GUARDED = APIRouter(responses=web.may_answer(SourceHeld))
"""Routes that ask who is calling; too many wrong answers and nobody listens for a while."""
for _router in (
    gateway.members.api.router,
    gateway.keys.api.router,
    gateway.rights.api.router,
    gateway.directory.api.router,
    gateway.events.api.router,
    gateway.evidence.api.router,
    audit.ledger_router,
):
    _GUARDED.include_router(_router)
_ROUTERS = (
    gateway.identity.api.router,
    _GUARDED,
    gateway.health.api.router,
    gateway.pages.api.router,
)


def create_app(settings: Settings, blocks: Mapping[str, ASGIApp] | None = None) -> FastAPI:
    """Return the gateway; ``blocks`` are those that run in this process, already started."""

    async def opening(app: FastAPI, stack: AsyncExitStack) -> None:
        await _open(app, settings, blocks or {}, stack)

    app = web.create_app(
        BLOCK,
        "Information mediator",
        "Every exchange identified, allowed, forwarded unchanged and logged",
        settings,
        _ROUTERS,
        opening=opening,
        identify=gateway.identity.api.identify,
        layers=[Exchanges],
    )
    app.state.refused = gateway.identity.api.note_refusal
    return app


@asynccontextmanager
async def create_jobs(settings: Settings) -> AsyncGenerator[None]:
    """Do the gateway's background work while this is open; any number of processes may."""
    async with reporting(settings):
        yield


async def _open(
    app: FastAPI, settings: Settings, blocks: Mapping[str, ASGIApp], stack: AsyncExitStack
) -> None:
    state = app.state
    providers = Providers(blocks, settings.blocks, settings.connect_timeout, settings.idle_timeout)
    state.providers = await stack.enter_async_context(providers.opened())
    issuer = Issuer(
        settings.oidc_issuer,
        settings.oidc_audience,
        settings.oidc_jwks_url,
        settings.oidc_jwks,
        settings.oidc_administrators,
        settings.oidc_clock_skew,
        settings.oidc_represents_claim,
    )
    state.identity = Identity(
        settings.key,
        settings.gateway_url,
        state.keyring,
        Persons(issuer, state.providers.fetch),
        Attempts(lambda: state.database, state.keyring, settings.free_attempts),
        tuple(settings.trusted_networks),
        Proxies(tuple(settings.proxy_networks), settings.proxies_verify_certificates),
        settings.administrator_id,
        settings.administrator_secret.get_secret_value(),
    )
    state.signer = Signer(settings.key)
    state.book = configuration.Book()
    listener = asyncio.create_task(state.book.listen(settings.database_url.get_secret_value()))
    stack.push_async_callback(_stop, listener)


async def _stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
