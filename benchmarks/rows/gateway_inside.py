"""The read through the gateway with the block in the same process, as ``govblocks up`` serves."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace

from benchmarks.registers import PLAIN, RECORDS, read, register
from benchmarks.row import Pair, Row
from benchmarks.stage import Stage


@contextmanager
def pair(stage: Stage, workers: int = 1) -> Generator[Pair]:
    """Compare the whole house with one block process asked directly."""
    register(stage, PLAIN, records=RECORDS)
    gateway = stage.house(workers)
    through = read(f"{gateway}/registry", PLAIN)
    who = {**through.headers, "Authorization": f"Bearer {stage.token(gateway)}"}
    direct = replace(read(stage.block("registry"), PLAIN), assertions=stage.assertions("registry"))
    yield Pair(replace(through, headers=who), direct)


ROW = Row("Gateway in process: the read", "the block directly", pair, goal=0.6)
