"""A record with personal data, read by its primary key: the read is durable evidence first."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace

from benchmarks.registers import PERSONAL, RECORDS, bare_read, read, reader, register
from benchmarks.row import Pair, Row
from benchmarks.stage import Stage


@contextmanager
def pair(stage: Stage) -> Generator[Pair]:
    """Compare the block with a bare handler that reads and writes nothing down."""
    register(stage, PERSONAL, records=RECORDS)
    ours = read(stage.block("registry"), PERSONAL)
    bare = bare_read(stage.bare("registry", reader(PERSONAL)))
    yield Pair(replace(ours, assertions=stage.assertions("registry")), bare)


ROW = Row(
    "Registry: read by content, personal data",
    "Starlette + asyncpg, no evidence",
    pair,
    goal=0.45,
)
