"""Calls to addresses that somebody else named: guarded, and bounded in time and size."""

import asyncio
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cached_property

import httpx

from kit.deliveries.networks import AddressRefused, Networks, Place, UnreachableError

MOST = 64 * 1024
"""Bytes of an answer that are read."""

_LONGEST_WAIT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the status, how long to wait if it says so, and 64 KiB of the body at most.

    ``is_whole`` tells whether that is all of it.
    """

    status: int
    again_after: timedelta | None
    body: bytes
    is_whole: bool
    duration_ms: int


class Outside:
    """The way to addresses outside: each call looks the name up, checks, and stays there.

    Redirects are not followed, no proxy, cookie or password of the environment is used, and a call
    that takes longer than ``timeout`` seconds in all is ended.
    """

    def __init__(
        self, networks: Networks, timeout: float, context: ssl.SSLContext | None = None
    ) -> None:
        self._networks = networks
        self._timeout = timeout
        self._given = context

    async def call(self, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send one request; raise UnreachableError when no answer came, AddressRefused."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._timeout):
                place = await self._networks.find(url)
                answer = await self._send(place, method, body, headers)
        except TimeoutError as error:
            raise UnreachableError("timeout") from error
        except AddressRefused as error:
            raise UnreachableError("address-refused") from error
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, OSError) as error:
            raise UnreachableError(_reason(error)) from error
        took = round((time.monotonic() - began) * 1000)
        return Answer(*answer, took)

    async def _send(
        self, place: Place, method: str, body: bytes, headers: Mapping[str, str]
    ) -> tuple[int, timedelta | None, bytes, bool]:
        request = httpx.Request(
            method,
            place.pinned,
            content=body,
            headers={
                **headers,
                "host": place.parts.netloc,
                "accept-encoding": "identity",
                "connection": "close",
            },
            extensions={"sni_hostname": place.host, "timeout": self._limits},
        )
        # a connection to one name is no connection to another one at the same address
        async with httpx.AsyncHTTPTransport(verify=self._context, trust_env=False) as transport:
            answer = await transport.handle_async_request(request)
            try:
                read, is_whole = await _read(answer)
            finally:
                await answer.aclose()
        return answer.status_code, _wait(answer.headers.get("retry-after")), read, is_whole

    @property
    def _limits(self) -> dict[str, float | None]:
        return dict.fromkeys(("connect", "read", "write", "pool"), self._timeout)

    @cached_property
    def _context(self) -> ssl.SSLContext:
        return self._given or httpx.create_ssl_context(trust_env=False)


async def _read(answer: httpx.Response) -> tuple[bytes, bool]:
    """Read a body as far as the limit; tell whether that was all."""
    read = bytearray()
    async for part in answer.aiter_raw():
        read += part
        if len(read) > MOST:
            return bytes(read[:MOST]), False
    return bytes(read), True


def _reason(error: Exception) -> str:
    """Return one word for an error; its own text may name an address."""
    if isinstance(error, httpx.ConnectError) and isinstance(error.__context__, Exception):
        inner = error.__context__.__context__ or error.__context__
        if isinstance(inner, ssl.SSLError):
            return "tls"
    if isinstance(error, httpx.ConnectError | OSError):
        return "no-connection"
    return "broken-answer"


def _wait(said: str | None) -> timedelta | None:
    """Return what Retry-After asks for (RFC 9110 section 10.2.3), a day at most."""
    if said is None:
        return None
    try:
        if said.strip().isdecimal():
            wait = timedelta(seconds=min(int(said), 86_400))
        else:
            at = parsedate_to_datetime(said)
            wait = at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)
    except (ValueError, OverflowError):
        return None
    return min(max(wait, timedelta(0)), _LONGEST_WAIT)
