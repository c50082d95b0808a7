"""The gateway as a block sees it: its public keys, and the way to other blocks through it.

A block calls another exactly as an outside application would: by the published contract, through
the information mediator, with its own client credentials (RFC 6749 section 4.4).
"""

import json
import time
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import httpx
from joserfc.jwk import KeySet

from kit.problems import Unavailable
from kit.settings import BlockSettings

_RENEW_KEYS = 300.0
_SPARE = 30.0
_STATUS_UNAUTHORIZED = 401
_STATUS_SERVER = 500


class NeighbourUnavailable(Unavailable):
    """Another block, or the way to it, does not answer."""

    title = "Another block does not answer"


class KeySource:
    """The gateway's public keys, given by settings or read from the gateway and kept a while."""

    def __init__(self, jwks: str, gateway_url: str) -> None:
        self._url = f"{gateway_url}/.well-known/jwks.json"
        self._given = bool(jwks)
        self._keys = _key_set(json.loads(jwks)) if jwks else None
        self._read_at = 0.0

    async def find(self) -> KeySet:
        """Return the keys, or raise NeighbourUnavailable."""
        if self._keys is None or (
            not self._given and time.monotonic() - self._read_at > _RENEW_KEYS
        ):
            self._keys = await self._read()
            self._read_at = time.monotonic()
        return self._keys

    async def _read(self) -> KeySet:
        try:
            async with httpx.AsyncClient(timeout=5) as client:
                answer = (await client.get(self._url)).raise_for_status()
            return _key_set(answer.json())
        except (httpx.HTTPError, ValueError) as error:
            raise NeighbourUnavailable("the gateway's keys cannot be read") from error


def _key_set(jwks: dict[str, Any]) -> KeySet:
    """Return the keys that say who calls; a ledger's, published beside them, say something else."""
    keys = [key for key in jwks["keys"] if key.get("ledger") is None]
    return KeySet.import_key_set({"keys": keys})


class Mediator:
    """The way to other blocks; one per process, closed with the application."""

    def __init__(self, settings: BlockSettings) -> None:
        self._client_id = settings.client_id
        self._secret = settings.client_secret.get_secret_value()
        self._url = settings.mediator_url or settings.gateway_url
        self._token = ""
        self._token_until = 0.0

    async def call(
        self, method: str, path: str, *, body: object = None, request_id: str = "", key: str = ""
    ) -> httpx.Response:
        """Send one call through the gateway; raise NeighbourUnavailable when it gets no answer.

        An answer of 5xx, or credentials that the gateway does not take, count as no answer; any
        other status is returned for the caller to read. A ``key`` is sent as Idempotency-Key.
        """
        sent = {"X-Request-Id": request_id, "Idempotency-Key": key}
        headers = {name: value for name, value in sent.items() if value}
        try:
            answer = await self._send(method, path, body, headers)
            if answer.status_code == _STATUS_UNAUTHORIZED:
                self._token_until = 0.0
                answer = await self._send(method, path, body, headers)
        except httpx.HTTPError as error:
            raise NeighbourUnavailable("no answer came through the gateway") from error
        if answer.status_code >= _STATUS_SERVER or answer.status_code == _STATUS_UNAUTHORIZED:
            raise NeighbourUnavailable(f"the gateway answered {answer.status_code}")
        return answer

    async def close(self) -> None:
        """Close the connections, if there are any."""
        if "_http" in self.__dict__:
            await self._http.aclose()

    @cached_property
    def _http(self) -> httpx.AsyncClient:
        """The client, made when it is first needed: to read all certificates takes a while."""
        return httpx.AsyncClient(base_url=self._url, timeout=httpx.Timeout(5.0))

    async def _send(
        self, method: str, path: str, body: object, more: Mapping[str, str]
    ) -> httpx.Response:
        headers = {
            "Authorization": f"Bearer {await self._bearer()}",
            "X-GovStack-Client": self._client_id,
            **more,
        }
        return await self._http.request(method, path, json=body, headers=headers)

    async def _bearer(self) -> str:
        if time.monotonic() < self._token_until:
            return self._token
        answer = await self._http.post(
            "/oauth2/token",
            data={"grant_type": "client_credentials"},
            auth=httpx.BasicAuth(self._client_id, self._secret),
        )
        if not answer.is_success:
            raise NeighbourUnavailable("the gateway gives no token to this block")
        grant = answer.json()
        self._token = grant["access_token"]
        self._token_until = time.monotonic() + grant["expires_in"] - _SPARE
        return self._token
