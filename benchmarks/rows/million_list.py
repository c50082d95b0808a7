"""A list of ten by the value of a field, of a million: within twice the time."""

from collections.abc import Generator
from contextlib import contextmanager

from benchmarks import large
from benchmarks.row import Pair, Row, Target
from benchmarks.stage import Stage


def _asked(at: str) -> Target:
    return large.gotten(f"{at}?query.address=Lake%20@n&pageSize=10")


@contextmanager
def pair(stage: Stage) -> Generator[Pair]:
    """Compare the block with itself, on a hundredth of the records."""
    yield large.pair(stage, _asked)


ROW = Row("Registry: filtered list of a million", "of ten thousand", pair, goal=0.5)
