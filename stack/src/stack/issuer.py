"""The development token issuer: a small OpenID provider for people who do not exist.

It signs a token for whoever is named, so it exists only inside ``govblocks up`` and in the
demo profile of ``compose.yaml`` (``stack.serving``); a deployment names its real OIDC issuer in the
gateway's settings instead.
"""

import time
from typing import Any, cast

from joserfc import jwt
from joserfc.jwk import ECKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

AUDIENCE = "govblocks"
LIFETIME = 3600
_LONGEST = 200


class Issuer:
    """Signs and publishes the key; ``url`` is the ``iss`` of its tokens."""

    def __init__(self, url: str, key: dict[str, Any]) -> None:
        self.url = url
        self._key = ECKey.import_key(key)

    def token(self, person: str, name: str | None = None, roles: tuple[str, ...] = ()) -> str:
        """Return a token (ES256, one hour) for a person."""
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": person,
            "iat": now,
            "exp": now + LIFETIME,
            "roles": list(roles),
        }
        if name:
            claims["name"] = name
        return jwt.encode({"alg": "ES256", "kid": self._key.kid}, claims, self._key)

    def app(self) -> Starlette:
        """Return the provider's pages: discovery, keys and the token for a named person."""
        return Starlette(
            routes=[
                Route("/issuer/.well-known/openid-configuration", self._discovery),
                Route("/issuer/jwks", self._jwks),
                Route("/issuer/token", self._token, methods=["POST"]),
            ]
        )

    async def _discovery(self, _request: Request) -> Response:
        return JSONResponse(
            {
                "issuer": self.url,
                "jwks_uri": f"{self.url}/jwks",
                "token_endpoint": f"{self.url}/token",
                "id_token_signing_alg_values_supported": ["ES256"],
                "subject_types_supported": ["public"],
                "response_types_supported": ["id_token"],
            }
        )

    async def _jwks(self, _request: Request) -> Response:
        return JSONResponse({"keys": [self._key.as_dict(private=False)]})

    async def _token(self, request: Request) -> Response:
        try:
            asked = await request.json()
        except ValueError:
            asked = {}
        asked = cast("dict[str, object]", asked if isinstance(asked, dict) else {})
        person = asked.get("person")
        if not isinstance(person, str) or not 0 < len(person) <= _LONGEST:
            return JSONResponse(
                {"error": "invalid_request", "error_description": "name a person: {person, name}"},
                400,
            )
        name = asked.get("name")
        token = self.token(person, name if isinstance(name, str) else None)
        return JSONResponse(
            {"access_token": token, "token_type": "Bearer", "expires_in": LIFETIME},
            headers={"Cache-Control": "no-store"},
        )
