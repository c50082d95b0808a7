"""The load: a request is due every few milliseconds, whether or not the ones before were answered.

Latency counts from when a request was due, so that a stack that stands still is not flattered.
"""

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from drills import requests
from drills.requests import Asked
from kit.evidence.promises import HEADER

_ANSWER_WITHIN = 20.0
_MOST_TRIES = 12
_PAUSE = 1.0  # seconds before what got no answer is asked again
_CONNECTIONS = 150
_MAKERS = {
    requests.CREATE: requests.create,
    requests.INDIVIDUAL: requests.individual,
    requests.EMAIL: requests.email,
    requests.EVENT: requests.event,
}


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request as it went; times in seconds since the load began, status 0 is no answer."""

    kind: str
    key: str
    tries: int
    due: float
    sent: float
    done: float
    status: int
    why: str
    request_id: str
    body: Any
    promises: tuple[str, ...] = ()
    """What the answer promised to be in the ledgers, as it was signed."""

    @property
    def succeeded(self) -> bool:
        """Tell whether it was answered with success."""
        return 200 <= self.status < 300  # noqa: PLR2004  HTTP's words

    @property
    def was_there(self) -> bool:
        """Tell whether a repeated request heard that the first had been done.

        GovStack's consent block says 400 where the others say 409.
        """
        taken = 400 if self.kind == requests.INDIVIDUAL else 409
        return self.tries > 1 and self.status == taken

    @property
    def may_pass(self) -> bool:
        """Tell whether the same may go well later: no answer, or the server's own fault."""
        return self.status == 0 or self.status >= 500  # noqa: PLR2004  as above


@dataclass
class Memory:
    """What the drill remembers of every request."""

    attempts: list[Attempt] = field(default_factory=list[Attempt])
    known: list[str] = field(default_factory=list[str])
    """Keys of creates that were answered, so that they can be read."""

    def first(self) -> list[Attempt]:
        """Return the first attempts: the load itself."""
        return [each for each in self.attempts if each.tries == 1]

    def succeeded(self, kind: str) -> dict[str, Attempt]:
        """Return the first success of each key of a kind."""
        found: dict[str, Attempt] = {}
        for each in self.attempts:
            if each.kind == kind and each.succeeded:
                found.setdefault(each.key, each)
        return found

    def was_there(self, kind: str) -> set[str]:
        """Return the keys that a repeated request found there: 409 after no answer."""
        return {
            each.key for each in self.attempts if each.kind == kind and each.was_there
        } - self.succeeded(kind).keys()

    def faults(self, attempts: Iterable[Attempt]) -> Counter[str]:
        """Count what was not answered with success, by what came instead."""
        return Counter(
            f"{each.status or 'none'} {each.why}" for each in attempts if not each.succeeded
        )


class Load:
    """A client with a token for each application, sending at its own pace."""

    def __init__(self, gateway: str, rate: float, seconds: float) -> None:
        self.memory = Memory()
        self.rate, self.seconds = rate, seconds
        self._gateway = gateway
        self._headers: dict[str, dict[str, str]] = {}
        self._began = 0.0
        self._tasks: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None

    @property
    def now(self) -> float:
        """Return the seconds since the load began."""
        return time.monotonic() - self._began

    async def open(self) -> None:
        """Get the tokens."""
        self._session = aiohttp.ClientSession(
            self._gateway,
            connector=aiohttp.TCPConnector(limit=_CONNECTIONS, keepalive_timeout=3),
            timeout=aiohttp.ClientTimeout(total=_ANSWER_WITHIN),
        )
        for client, secret in requests.SECRETS.items():
            credentials = aiohttp.encode_basic_auth(client, secret)
            async with self._session.post(
                "/oauth2/token",
                data={"grant_type": "client_credentials"},
                headers={"Authorization": credentials},
            ) as answer:
                token = (await answer.json())["access_token"]
            own = {"X-GovStack-Client": client, "Authorization": f"Bearer {token}"}
            self._headers[client] = own

    async def close(self) -> None:
        """Give up what is under way and let go of the connections."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    async def run(self) -> None:
        """Send the whole load and wait until every request, repeated ones too, has its end."""
        self._began = time.monotonic()
        for number in range(int(self.rate * self.seconds)):
            due = number / self.rate
            if due > self.now:
                await asyncio.sleep(due - self.now)
            task = asyncio.create_task(self._ask(self._asked(number), due))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    def _asked(self, number: int) -> Asked:
        kind = requests.MIX[number % len(requests.MIX)]
        if kind != requests.READ:
            return _MAKERS[kind](number)
        known = self.memory.known
        return requests.read(random.choice(known) if known else "DEV48905120013")  # noqa: S311  any will do

    async def _ask(self, asked: Asked, due: float) -> None:
        """Send a request; send it again when it got no answer and its key makes that harmless."""
        for tries in range(1, _MOST_TRIES + 1):
            attempt = await self._send(asked, tries, due if tries == 1 else self.now)
            self.memory.attempts.append(attempt)
            if not attempt.may_pass or asked.kind not in requests.REPEATABLE:
                break
            await asyncio.sleep(_PAUSE)
        else:
            return
        if attempt.succeeded and asked.kind == requests.CREATE:
            self.memory.known.append(asked.key)

    async def _send(self, asked: Asked, tries: int, due: float) -> Attempt:
        sent = self.now
        status, why, request_id, body, promised = 0, "", "", None, tuple[str, ...]()
        try:
            async with self.session.post(
                asked.path, json=asked.body, headers=self._headers[asked.client]
            ) as answer:
                promised = tuple(answer.headers.getall(HEADER, ()))
                content = await answer.read()
                status, request_id = answer.status, answer.headers.get("X-Request-Id", "")
                body = _json(content)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            status, why = 0, type(error).__name__
        if status >= 300:  # noqa: PLR2004  HTTP's words
            why = _reason(body)
        kept = body if 200 <= status < 300 else None  # noqa: PLR2004  as above
        times = due, sent, self.now
        return Attempt(
            asked.kind, asked.key, tries, *times, status, why, request_id, kept, promised
        )

    @property
    def session(self) -> aiohttp.ClientSession:
        """Return the HTTP client."""
        if self._session is None:
            message = "the load was not opened"
            raise RuntimeError(message)
        return self._session

    async def call(self, client: str, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Ask something outside the load; return status and content."""
        async with self.session.request(
            method, path, json=body, headers=self._headers[client]
        ) as answer:
            return answer.status, _json(await answer.read())


def _reason(body: Any) -> str:
    said = body.get("detail") or body.get("title") if isinstance(body, dict) else body
    return str(said)[:60]


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return content[:200].decode("utf-8", "replace")
