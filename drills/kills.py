"""The kills: one process after another, each with SIGKILL, while the load goes on."""

import asyncio
import os
import signal
from dataclasses import dataclass

from drills.house import House
from drills.load import Attempt, Load

WEB, JOBS, POSTGRES = "web", "jobs", "postgres"
ALL = (WEB, JOBS, POSTGRES)
SERVES_WITHIN = 10.0
_LOOK_EVERY = 0.1
_BACK_WITHIN = 30.0


@dataclass(frozen=True, slots=True)
class Kill:
    """One kill; times in seconds since the load began."""

    what: str
    process: int
    at: float
    back: float | None
    """When as many processes lived as before; None when they never did."""


class NothingToKillError(Exception):
    """The process to kill was not found; the message says which and what was there."""


def moments(seconds: float, kills: tuple[str, ...]) -> list[tuple[float, str]]:
    """Return when to kill what: spread over the load, with time before, between and after."""
    first, last = 0.2 * seconds, 0.64 * seconds
    if len(kills) == 1:
        return [(first + 2, kills[0])]
    step = (last - first) / (len(kills) - 1)
    return [(first + number * step, kill) for number, kill in enumerate(kills)]


async def run(house: House, load: Load, kills: tuple[str, ...]) -> list[Kill]:
    """Kill one after another while the load runs."""
    done: list[Kill] = []
    for moment, what in moments(load.seconds, kills):
        await asyncio.sleep(max(0.0, moment - load.now))
        done.append(await _kill(house, load, what))
    return done


async def _kill(house: House, load: Load, what: str) -> Kill:
    before = await asyncio.to_thread(house.processes)
    found = [process for process, kind in before.items() if kind == what]
    if not found:
        raise NothingToKillError(f"no {what} process among {before}")
    at = load.now
    os.kill(found[0], signal.SIGKILL)
    while load.now < at + _BACK_WITHIN:
        await asyncio.sleep(_LOOK_EVERY)
        now = await asyncio.to_thread(house.processes)
        alive = [process for process, kind in now.items() if kind != "dead"]
        if found[0] not in alive and len(alive) >= len(before):
            return Kill(what, found[0], at, load.now)
    return Kill(what, found[0], at, None)


def served_again(kill: Kill, until: float, load: list[Attempt]) -> float | None:
    """Return the seconds until every kind of request due after a kill had had a success."""
    first: dict[str, float] = {}
    due = [each for each in load if kill.at <= each.due < until]
    for each in due:
        if each.succeeded:
            first[each.kind] = min(first.get(each.kind, each.done), each.done)
    if not due or first.keys() != {each.kind for each in due}:
        return None
    return max(first.values()) - kill.at


def last_failure(kill: Kill, until: float, load: list[Attempt]) -> float:
    """Return the seconds after a kill at which the last request was due that then failed."""
    failed = [each.due for each in load if kill.at <= each.due < until and not each.succeeded]
    return max(failed) - kill.at if failed else 0.0
