"""Full text for a word that ten of a million have: within five times the time."""

from collections.abc import Generator
from contextlib import contextmanager

from benchmarks import large
from benchmarks.row import Pair, Row, Target
from benchmarks.stage import Stage


def _asked(at: str) -> Target:
    return large.gotten(f"{at}?search=number@n&pageSize=10")


@contextmanager
def pair(stage: Stage) -> Generator[Pair]:
    """Compare the block with itself, on a hundredth of the records."""
    yield large.pair(stage, _asked)


ROW = Row("Registry: full text of a million", "of ten thousand", pair, goal=0.2)
