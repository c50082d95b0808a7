"""The development issuer served alone, for the demo profile of compose.yaml: ``ISSUER_*``.

``python -m stack.serving`` makes a key when it starts, and forgets it when it ends; the gateway
reads the new one when it meets it.
"""

from typing import Any, cast

import uvicorn
from joserfc.jwk import ECKey
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from kit.serve.protocol import Protocol
from stack.issuer import Issuer


class Settings(BaseSettings):
    """Where the issuer listens, and the name it signs with."""

    model_config = SettingsConfigDict(env_prefix="ISSUER_", frozen=True, extra="ignore")

    url: str = "http://127.0.0.1:8081/issuer"
    """The ``iss`` of its tokens: the gateway's ``oidc_issuer``."""
    host: str = "127.0.0.1"
    """The address it listens on."""
    port: int = Field(default=8080, ge=0, le=65535)
    """The port it listens on."""


def create_app(settings: Settings) -> Starlette:
    """Return the issuer's pages with a fresh key, and its health."""
    key = ECKey.generate_key("P-256")
    key.ensure_kid()
    issuer = Issuer(settings.url, cast("dict[str, Any]", key.as_dict(private=True)))
    app = issuer.app()
    app.router.routes.append(Route("/health", _health))
    return app


async def _health(_request: Request) -> Response:
    return JSONResponse({"status": "ok"})


if __name__ == "__main__":
    chosen = Settings()
    uvicorn.run(
        create_app(chosen),
        host=chosen.host,
        port=chosen.port,
        http=Protocol,
        log_level="warning",
        access_log=False,
        server_header=False,
    )
