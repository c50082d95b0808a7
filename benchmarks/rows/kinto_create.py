"""A record created: the registry beside Kinto, each on its own database of one server."""

import json
from collections.abc import Generator
from contextlib import contextmanager

from benchmarks import kinto
from benchmarks.registers import JSON, WRITTEN, content, register
from benchmarks.row import Pair, Row, Target
from benchmarks.stage import Stage


@contextmanager
def pair(stage: Stage) -> Generator[Pair]:
    """Compare the block, which also writes evidence, with Kinto."""
    with kinto.served(stage) as url:
        register(stage, WRITTEN, records=0)
        body = json.dumps({"write": {"content": content("K@n")}})
        at = f"{stage.block('registry')}/data/{WRITTEN}/1.0/create"
        ours = Target(at, "POST", body, JSON, stage.assertions("registry"))
        body = json.dumps({"data": content("K@n")})
        base = Target(f"{url}/{kinto.EMPTY}/records", "POST", body, JSON, faulty=True)
        yield Pair(ours, base)


ROW = Row("Registry: create", kinto.NAME, pair, goal=6.0)
