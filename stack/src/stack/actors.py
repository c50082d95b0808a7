"""Who takes part in a story, and how each of their steps is asked, checked and told."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx


class JourneyError(Exception):
    """A step did not go as it should; the message says which and what came instead."""


def require(holds: object, what: str) -> None:
    """Raise JourneyError unless something holds."""
    if not holds:
        raise JourneyError(what)


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the story."""

    chapter: str
    who: str
    whom: str
    what: str
    answer: str
    milliseconds: float


class Teller:
    """Tells each step, under the chapter that is open, to whoever listens."""

    def __init__(self, listen: Callable[[Step], None]) -> None:
        self._listen = listen
        self._chapter = ""

    def begin(self, chapter: str) -> None:
        """Open a chapter."""
        self._chapter = chapter

    def tell(self, who: str, whom: str, what: str, answer: str, milliseconds: float) -> None:
        """Tell a step."""
        self._listen(Step(self._chapter, who, whom, what, answer, milliseconds))


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody in the story, with the HTTP client that speaks for them."""

    name: str
    client: httpx.AsyncClient
    teller: Teller

    async def asks(
        self,
        whom: str,
        what: str,
        call: str,
        said: Callable[[Any], str] | None = None,
        *,
        expect: int = 200,
        **options: Any,
    ) -> Any:
        """Send one call (``METHOD /path``), check its status, tell it and return its content.

        ``said`` puts the answer into a line. Raises JourneyError.
        """
        method, _, path = call.partition(" ")
        started = time.perf_counter()
        try:
            answer = await self.client.request(method, path, **options)
        except httpx.HTTPError as error:
            raise JourneyError(f"{what}: no answer ({type(error).__name__})") from error
        took = (time.perf_counter() - started) * 1000
        if answer.status_code != expect:
            came = f"{answer.status_code}: {answer.text[:300]}"
            raise JourneyError(f"{self.name} {what}: expected {expect}, got {came}")
        content = _content(answer)
        line = f"{answer.status_code} {said(content) if said else ''}"
        self.teller.tell(self.name, whom, what, line.strip(), took)
        return content


def _content(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return answer.text


@dataclass(frozen=True, slots=True)
class People:
    """A mother and a child who have not existed before."""

    mother: str
    child: str
    first_name: str
    last_name: str
    email: str

    @classmethod
    def invent(cls) -> "People":
        """Make up a mother and her child."""
        mother, child = personal_code(), personal_code()
        first = secrets.choice(("Mari", "Liis", "Anna", "Kadri", "Olena", "Aino", "Signe"))
        last = secrets.choice(("Mets", "Tamm", "Saar", "Kask", "Järv", "Õunapuu", "Nõmm"))
        return cls(mother, child, first, last, f"mother.{mother.lower()}@example.org")

    @property
    def mothers_name(self) -> str:
        """Return the mother's name as people write it."""
        return f"{self.first_name} {self.last_name}"


def personal_code() -> str:
    """Return a personal code that nobody has."""
    return f"DEV{secrets.randbelow(10**11):011d}"
