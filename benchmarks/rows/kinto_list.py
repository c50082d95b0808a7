"""Ten of a thousand records by a field's value: the registry beside Kinto."""

from collections.abc import Generator
from contextlib import contextmanager

from benchmarks import kinto
from benchmarks.registers import PLAIN, RECORDS, ROADS, register
from benchmarks.row import Pair, Row, Target
from benchmarks.stage import Stage


@contextmanager
def pair(stage: Stage) -> Generator[Pair]:
    """Compare the block with Kinto; each counts what matches and gives a page of ten."""
    with kinto.served(stage) as url:
        register(stage, PLAIN, records=RECORDS)
        at = f"{stage.block('registry')}/data/{PLAIN}/1.0?query.address=Road%20@n&pageSize=10"
        ours = Target(at, assertions=stage.assertions("registry"), choices=ROADS)
        at = f"{url}/{kinto.FILLED}/records?address=Road%20@n&_limit=10"
        yield Pair(ours, Target(at, choices=ROADS))


ROW = Row("Registry: filtered list", kinto.NAME, pair, goal=10.0)
