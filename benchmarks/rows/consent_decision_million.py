"""A consent decision among a million records of a hundred thousand individuals."""

from collections.abc import Generator
from contextlib import contextmanager

from benchmarks import consents
from benchmarks.row import Pair, Row
from benchmarks.rows.consent_decision import BASE, compared
from benchmarks.stage import Stage


@contextmanager
def pair(stage: Stage) -> Generator[Pair]:
    """Compare the block with a bare read of one row among the same million."""
    yield compared(stage, consents.LARGE)


ROW = Row("Consent: decision, one of a million", BASE, pair, goal=0.5)
