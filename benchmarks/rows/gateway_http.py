"""The read through the gateway in a process of its own: who asks, may they, two entries logged."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace

from benchmarks.registers import PLAIN, RECORDS, read, register
from benchmarks.row import Pair, Row
from benchmarks.stage import Stage


@contextmanager
def pair(stage: Stage) -> Generator[Pair]:
    """Compare client, gateway, block with client, block; it is the same block process."""
    register(stage, PLAIN, records=RECORDS)
    block = stage.block("registry")
    gateway = stage.gateway(registry=block)
    through = read(f"{gateway}/registry", PLAIN)
    who = {**through.headers, "Authorization": f"Bearer {stage.token(gateway)}"}
    direct = replace(read(block, PLAIN), assertions=stage.assertions("registry"))
    yield Pair(replace(through, headers=who), direct)


ROW = Row("Gateway over HTTP: the read", "the block directly", pair, goal=0.4)
