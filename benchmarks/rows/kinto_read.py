"""A record read by its id: the registry beside Kinto, each on its own database of one server."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace

from benchmarks import kinto
from benchmarks.registers import KNOWN, PLAIN, RECORDS, read_by_id, register
from benchmarks.row import Pair, Row, Target
from benchmarks.stage import Stage


@contextmanager
def pair(stage: Stage) -> Generator[Pair]:
    """Compare the block with Kinto."""
    with kinto.served(stage) as url:
        register(stage, PLAIN, records=RECORDS)
        ours = read_by_id(stage.block("registry"), PLAIN)
        base = Target(f"{url}/{kinto.FILLED}/records/P1@n", choices=KNOWN)
        yield Pair(replace(ours, assertions=stage.assertions("registry")), base)


ROW = Row("Registry: read by id", kinto.NAME, pair, goal=8.0)
