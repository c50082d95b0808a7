"""The house put together: every block's settings, its application, its background work."""

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import ModuleType

from joserfc.jwk import OKPKey
from pydantic import SecretStr
from starlette.types import ASGIApp, Receive, Scope, Send

import catalogue.main
import catalogue.settings
import consent.main
import consent.settings
import gateway.main
import gateway.settings
import messaging.main
import messaging.settings
import registry.main
import registry.settings
from kit import migrations
from kit.serve import background
from kit.settings import BlockSettings
from stack.home import BLOCKS, PARTS, Secrets
from stack.issuer import AUDIENCE, Issuer
from stack.mailbox import Mailbox
from stack.plan import ADMINISTRATOR, Plan
from stack.postgres import BlockDatabase, provision

__all__ = ["Mailbox", "jobs", "migrations_of", "prepare_database", "settings_of", "web"]

_MAINS: Mapping[str, ModuleType] = {
    "gateway": gateway.main,
    "registry": registry.main,
    "consent": consent.main,
    "messaging": messaging.main,
    "catalogue": catalogue.main,
}
_SETTINGS: Mapping[str, type[BlockSettings]] = {
    "gateway": gateway.settings.Settings,
    "registry": registry.settings.Settings,
    "consent": consent.settings.Settings,
    "messaging": messaging.settings.Settings,
    "catalogue": catalogue.settings.Settings,
}
INSTANCE = "DEV"
OPERATOR = "DEV/GOV/90001"
_CONNECTIONS = 75


async def prepare_database(admin_url: str, part: str, secrets: Secrets) -> BlockDatabase:
    """Provision and migrate one part's database on the server at ``admin_url``."""
    name = f"govblocks_{part}"
    passwords = secrets.owner_passwords[part], secrets.runtime_passwords[part]
    made = await provision(admin_url, name, passwords)
    await migrations.upgrade(migrations_of(part), made.owner_url, f"{name}_runtime")
    return made


def migrations_of(part: str) -> Path:
    """Return the folder of a part's migrations."""
    file = _MAINS[part].__file__
    if file is None:
        message = f"{part} is not installed from its folder"
        raise RuntimeError(message)
    return Path(file).parents[2] / "migrations"


def settings_of(part: str, plan: Plan, pool_size: int) -> BlockSettings:
    """Return one part's settings in this stack."""
    common = {
        "database_url": SecretStr(plan.databases[part].runtime_url),
        "owner_url": SecretStr(plan.databases[part].owner_url),
        "pool_size": pool_size,
        "gateway_url": plan.url,
        "gateway_jwks": _jwks(plan.secrets),
        "sealing_key": SecretStr(plan.secrets.sealing_keys[part]),
        "evidence_keys": SecretStr(plan.secrets.evidence_keys[part]),
        "client_id": f"{OPERATOR}/{part}",
        "client_secret": SecretStr(plan.secrets.block_clients[part]),
        "delivery_networks": ["127.0.0.0/8", "::1/128"],  # what a developer tries out
    }
    return _SETTINGS[part].model_validate(common | _own(part, plan))


def _own(part: str, plan: Plan) -> dict[str, object]:
    if part == "gateway":
        return {
            "instance": INSTANCE,
            "signing_key": SecretStr(json.dumps(plan.secrets.gateway_key)),
            "trusted_networks": ["127.0.0.0/8", "::1/128"],
            "gateway_url": plan.address,
            "mediator_url": plan.url,
            "evidence_witnesses": list(BLOCKS),
            "oidc_issuer": f"{plan.address}/issuer",
            "oidc_audience": AUDIENCE,
            "oidc_jwks_url": f"{plan.url}/issuer/jwks",
            "administrator_id": ADMINISTRATOR,
            "administrator_secret": SecretStr(plan.administrator),
        }
    if part in {"registry", "consent"}:
        return {"public_url": f"{plan.address}/{part}"}
    if part == "messaging":
        return {"smtp_url": f"smtp://127.0.0.1:{plan.smtp_port}"}
    return {}


def _jwks(secrets: Secrets) -> str:
    public = OKPKey.import_key(secrets.gateway_key).as_dict(private=False)
    return json.dumps({"keys": [public]})


@asynccontextmanager
async def web(plan: Plan) -> AsyncGenerator[ASGIApp]:
    """Run the gateway with all blocks inside, as one web worker does."""
    pool_size = max(2, _CONNECTIONS // (len(PARTS) * plan.workers))
    async with AsyncExitStack() as stack:
        blocks: dict[str, ASGIApp] = {}
        for block in BLOCKS:
            app = _MAINS[block].create_app(settings_of(block, plan, pool_size))
            await stack.enter_async_context(app.router.lifespan_context(app))
            blocks[block] = app
        front = gateway.main.create_app(settings_of("gateway", plan, pool_size), blocks)  # pyright: ignore[reportArgumentType]
        await stack.enter_async_context(front.router.lifespan_context(front))
        issuer = Issuer(f"{plan.address}/issuer", plan.secrets.issuer_key).app()
        yield _beside(front, issuer)


def _beside(front: ASGIApp, issuer: ASGIApp) -> ASGIApp:
    """Put the development issuer beside the gateway on one port."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        chosen = issuer if scope.get("path", "").startswith("/issuer/") else front
        await chosen(scope, receive, send)

    return app


@asynccontextmanager
async def jobs(plan: Plan) -> AsyncGenerator[None]:
    """Run every part's background work, as the jobs process does."""
    async with AsyncExitStack() as stack:
        for part in PARTS:
            settings = settings_of(part, plan, 2)
            await stack.enter_async_context(background.working(part, _MAINS[part], settings))
        yield
