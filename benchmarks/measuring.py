"""Measuring: both sides of a row in turn, several rounds, and what they say together."""

import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx

from benchmarks.load import Outcome, drive
from benchmarks.row import NotHere, Row, RowFailed, Target
from benchmarks.stage import Stage
from kit.access import HEADER

_APART = 1_000_000
_PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to measure, and when (monotonic seconds) to stop whatever is left."""

    seconds: int
    rounds: int
    deadline: float


@dataclass(frozen=True, slots=True)
class Round:
    """One round: ours and the base, one right after the other."""

    ours: Outcome
    base: Outcome

    @property
    def ratio(self) -> float:
        """Return our rate over the base's."""
        return self.ours.rate / self.base.rate


@dataclass(slots=True)
class Result:
    """What is known of a row."""

    name: str
    row: Row
    rounds: list[Round] = field(default_factory=list[Round])
    failure: str | None = None
    absent: bool = False
    load_average: float = 0.0

    @property
    def failed(self) -> bool:
        """Tell whether the row could not be measured though everything for it is here."""
        return self.failure is not None and not self.absent

    def over(self, number: Callable[[Round], float]) -> list[float]:
        """Return one number of every round."""
        return [number(each) for each in self.rounds]

    @property
    def ratio(self) -> float:
        """Return the median of the rounds' ratios."""
        return statistics.median(self.over(lambda each: each.ratio))

    @property
    def spread(self) -> tuple[float, float]:
        """Return the least and the greatest ratio of a round."""
        ratios = self.over(lambda each: each.ratio)
        return min(ratios), max(ratios)


def measure(name: str, row: Row, stage: Stage, effort: Effort) -> Result:
    """Measure one row; a failure is told in the result and stops nothing else."""
    result = Result(name, row, load_average=os.getloadavg()[0])
    try:
        with row.pair(stage) as pair:
            for target in (pair.ours, pair.base):
                _probe(target)
                drive(target, 1, _APART)
            for number in range(effort.rounds):
                _check_time(effort)
                result.rounds.append(_round((pair.ours, pair.base), number, effort.seconds))
    except NotHere as absent:
        result.failure, result.absent = str(absent), True
    except Exception as error:  # noqa: BLE001  whatever it was, the other rows are measured
        result.failure = f"{type(error).__name__}: {error}"
    finally:
        stage.clear()
    return result


def _check_time(effort: Effort) -> None:
    if time.monotonic() + 2 * effort.seconds > effort.deadline:
        raise RowFailed("no time was left")


def _round(targets: tuple[Target, Target], number: int, seconds: int) -> Round:
    """Drive both, the other one first in every second round."""
    first = (number + 2) * _APART
    if number % 2:
        base = drive(targets[1], seconds, first)
        return Round(drive(targets[0], seconds, first), base)
    ours = drive(targets[0], seconds, first)
    return Round(ours, drive(targets[1], seconds, first))


def _probe(target: Target) -> None:
    """Send one request and see that it is answered well."""
    address, body = target.numbered(0)
    headers = dict(target.headers)
    if target.assertions:
        headers[HEADER] = target.assertions[0]
    answer = httpx.request(target.method, address, content=body, headers=headers, timeout=_PATIENCE)
    if not answer.is_success:
        raise RowFailed(f"{target.url} answers {answer.status_code}: {answer.text[:200]}")
