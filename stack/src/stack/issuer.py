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

    def token(
        self,
        person: str,
        name: str | None = None,
        roles: tuple[str, ...] = (),
        represents: str | None = None,
    ) -> str:
        """Return a token (ES256, one hour) for a person, and for whom they speak if for another."""
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
        if represents:
            claims["represents"] = represents
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
        if not _is_code(person):
            return _refused("name a person: {person, name, represents}")
        name, represents = asked.get("name"), asked.get("represents")
        if represents is not None and not _is_code(represents):
            return _refused("represents names a person as person does")
        token = self.token(
            cast("str", person),
            name if isinstance(name, str) else None,
            represents=cast("str | None", represents),
        )
        return JSONResponse(
            {"access_token": token, "token_type": "Bearer", "expires_in": LIFETIME},
            headers={"Cache-Control": "no-store"},
        )


def _is_code(given: object) -> bool:
    return isinstance(given, str) and 0 < len(given) <= _LONGEST


def _refused(why: str) -> Response:
    return JSONResponse({"error": "invalid_request", "error_description": why}, 400)
