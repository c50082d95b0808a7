"""A record without personal data, read by its primary key at the registry itself."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace

from benchmarks.registers import PLAIN, RECORDS, bare_read, read, reader, register
from benchmarks.row import Pair, Row
from benchmarks.stage import Stage


@contextmanager
def pair(stage: Stage) -> Generator[Pair]:
    """Compare the block with a bare handler on the same statement."""
    register(stage, PLAIN, records=RECORDS)
    ours = read(stage.block("registry"), PLAIN)
    bare = bare_read(stage.bare("registry", reader(PLAIN)))
    yield Pair(replace(ours, assertions=stage.assertions("registry")), bare)


ROW = Row("Registry: read by content", "Starlette + asyncpg, same statement", pair, goal=0.6)
