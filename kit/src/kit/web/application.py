"""A block's application, put together from its settings and its routers."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Request, Response
from pydantic import BaseModel, Field
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.types import ASGIApp

from kit import database, evidence
from kit.access import Caller, Identify, Verifier, by_assertion, public
from kit.mediator import KeySource, Mediator
from kit.problems import Problem
from kit.sealing import Keyring
from kit.settings import BlockSettings
from kit.web.contract import describe, routes_of
from kit.web.direct import Direct
from kit.web.door import Door, Larger
from kit.web.handlers import Handlers, handle
from kit.web.problems import ALWAYS, may_answer
from kit.web.releases import Release, Releases

Opening = Callable[[FastAPI, AsyncExitStack], Awaitable[None]]
"""What a block opens besides the database; it pushes what must be closed on the stack."""

Layer = Callable[[ASGIApp], ASGIApp]


class _Layered(FastAPI):
    """FastAPI with layers of ours outside its own, which a good request never reaches."""

    layers: Sequence[Layer] = ()
    contract: str = ""
    """Whose contract it keeps: the block's name, and the release's when it is an older one."""

    def build_middleware_stack(self) -> ASGIApp:
        """Put our layers around what FastAPI builds."""
        app = super().build_middleware_stack()
        if isinstance(app, ServerErrorMiddleware):  # the last word is the door's
            app = app.app
        for layer in self.layers:
            app = layer(app)
        return app


def create_app(  # noqa: PLR0913  each argument is one line of a block's main.py
    block: str,
    title: str,
    description: str,
    settings: BlockSettings,
    routers: Sequence[APIRouter],
    *,
    statuses: Mapping[type[Problem], int] | None = None,
    opening: Opening | None = None,
    identify: Identify = by_assertion,
    layers: Sequence[Layer] = (),
    releases: Sequence[Release] = (),
    larger: Larger | None = None,
) -> FastAPI:
    """Put a block's application together.

    ``statuses`` maps a kind of problem to the status a published contract fixes for it; ``layers``
    are put around the application, the last one outermost; ``releases`` are older ones of its
    contract; ``larger`` tells which requests may have a body beyond ``settings.body_limit``,
    because their routes read it as a stream.
    """
    handlers = Handlers(statuses or {})

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        async with AsyncExitStack() as stack:
            await _open(app, settings, stack)
            if opening:
                await opening(app, stack)
            yield

    app = _application(title, description, handlers, _with_health(routers), lifespan=lifespan)
    app.contract = app.state.block = block
    app.state.identify = identify

    def door(inner: ASGIApp) -> ASGIApp:
        return Door(inner, settings.body_limit, handlers.status, larger)

    older = {each.name: (each, _released(app, each, handlers, door)) for each in releases}
    app.state.releases = {name: released for name, (_, released) in older.items()}
    app.layers = [
        lambda inner: Direct(inner, of=app),
        door,
        lambda inner: Releases(inner, of=app, releases=older) if older else inner,
        *layers,
    ]
    return app


def _application(
    title: str,
    description: str,
    handlers: Handlers,
    routers: Sequence[APIRouter],
    **more: Any,
) -> _Layered:
    """Return an application with routes and a document, and nothing around it yet."""
    app = _Layered(
        title=title,
        description=description,
        version="0.1.0",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # paths may be personal
        responses=may_answer(*ALWAYS),
        separate_input_output_schemas=False,
        generate_unique_id_function=lambda route: route.name,
        **more,
    )
    for router in routers:
        app.include_router(router)
    handle(app, handlers)
    describe(app, handlers.statuses)
    return app


def _released(app: _Layered, release: Release, handlers: Handlers, door: Layer) -> _Layered:
    """Return what serves an older release: routes of its own, all else is the block's."""
    title = f"{app.title}, release {release.name}"
    older = _application(title, release.description, handlers, release.routers)
    older.contract = f"{app.contract}-{release.name}"
    older.state = app.state
    older.exception_handlers = app.exception_handlers
    older.layers = [lambda inner: Direct(inner, of=older), door]
    return older


def _with_health(routers: Sequence[APIRouter]) -> Sequence[APIRouter]:
    """Add the kit's health to a block that does not answer for its own."""
    routes = (route for router in routers for route in routes_of(router.routes))
    if any(getattr(route, "path", "") == "/health" for route in routes):
        return routers
    return (*routers, health_router)


async def _open(app: FastAPI, settings: BlockSettings, stack: AsyncExitStack) -> None:
    state = app.state
    state.settings = settings
    state.database = database.Database(settings.database_url.get_secret_value(), settings.pool_size)
    stack.push_async_callback(state.database.close)
    state.keyring = Keyring(settings.sealing_key.get_secret_value())
    state.evidence_signer = evidence.Signer(settings.evidence_keys.get_secret_value())
    state.ledger = evidence.Ledger(state.block, state.keyring, state.database)
    stack.push_async_callback(state.ledger.close)
    keys = KeySource(settings.gateway_jwks, settings.gateway_url)
    state.verifier = Verifier(keys, state.block)
    state.mediator = Mediator(settings)
    stack.push_async_callback(state.mediator.close)


class Health(BaseModel):
    """Whether a block can serve."""

    status: str = Field(examples=["ok"])
    block: str
    database: bool


health_router = APIRouter(tags=["health"])
Anyone = Annotated[Caller, public()]


@health_router.get("/health", responses={503: {"model": Health, "description": "Not ready"}})
@health_router.get("/healthcheck", include_in_schema=False)
async def health(request: Request, response: Response, _caller: Anyone) -> Health:
    """Tell whether the block can serve (govstack-cfr-architecture#15)."""
    ready = await request.app.state.database.is_ready()
    response.status_code = HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
    return Health(
        status="ok" if ready else "unavailable", block=request.app.state.block, database=ready
    )
