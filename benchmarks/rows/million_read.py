"""A record read by its content where there are a million: within twice the time."""

from collections.abc import Generator
from contextlib import contextmanager

from benchmarks import large
from benchmarks.row import Pair, Row, Target
from benchmarks.stage import Stage


def _asked(at: str) -> Target:
    return large.posted(f"{at}/read", '{"query":{"content":{"id":"P@n"}}}')


@contextmanager
def pair(stage: Stage) -> Generator[Pair]:
    """Compare the block with itself, on a hundredth of the records."""
    yield large.pair(stage, _asked)


ROW = Row("Registry: read, one of a million", "of ten thousand", pair, goal=0.5)
