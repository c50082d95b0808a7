"""What a row is: two targets that do the same work, ours and the one it is compared with."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from benchmarks.stage import Stage

NUMBER = "@n"
"""Stands in a path or body for the number of the request."""


class NotHere(Exception):
    """A peer is not installed; the message says which."""


class RowFailed(Exception):
    """A row could not be measured; the message says why."""


@dataclass(frozen=True, slots=True)
class Next:
    """A request that follows another one's answer, of which ``body`` makes what it sends.

    ``body`` is ``module:function``, from bytes to text: the load runs in a process of its own.
    """

    url: str
    body: str


@dataclass(frozen=True, slots=True)
class Target:
    """One kind of request, sent again and again with another number.

    ``choices`` is how many different numbers there are, none when each request takes a new one;
    ``assertions`` are the gateway's words that requests carry in turn. What a ``faulty`` peer
    refuses is left out of its rate, and told; anybody else's refusal fails the row. With ``then`` a
    request and the one that follows count as one; ``wrk`` cannot do that, so what stands beside it
    is not ``by_wrk`` either.
    """

    url: str
    method: str = "GET"
    body: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    assertions: Sequence[str] = ()
    choices: int | None = None
    faulty: bool = False
    then: Next | None = None
    by_wrk: bool = True

    def numbered(self, number: int) -> tuple[str, str | None]:
        """Return the address and the body of one request."""
        shown = str(number % self.choices if self.choices else number)
        body = None if self.body is None else self.body.replace(NUMBER, shown)
        return self.url.replace(NUMBER, shown), body


@dataclass(frozen=True, slots=True)
class Pair:
    """What is compared in a row."""

    ours: Target
    base: Target


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; ``goal`` is the least ratio we want, when there is one."""

    title: str
    base: str
    pair: Callable[[Stage], AbstractContextManager[Pair]]
    goal: float | None = None
