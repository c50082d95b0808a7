"""Many records created by one request: checked, numbered, written with one entry, committed.

``python -m benchmarks.rows.registry_create_entries`` counts processor time instead: what the
serving process and all processes of PostgreSQL used (/proc/PID/stat, user and system) between the
first batch and the last, over the records that were created.
"""

import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import asyncpg
from starlette.requests import Request
from starlette.responses import Response

from benchmarks.registers import WRITTEN, content, register
from benchmarks.row import NUMBER, Pair, Row, Target
from benchmarks.stage import Bare, Stage

_JSON = {"Content-Type": "application/json"}
_ENTRIES = 1000
_BATCHES = 40
_WARM = 5
_INSERT = """
    INSERT INTO record (id, database_id, number, primary_key, subjects, content, created_at,
                        changed_at)
    SELECT n.id, $1, n.number, n.key, '{}', n.content::jsonb, now(), now()
    FROM unnest($2::uuid[], $3::bigint[], $4::text[], $5::text[])
      AS n (id, number, key, content)
"""


def _entries(first: str) -> list[dict[str, object]]:
    return [content(f"{first}-{place}") for place in range(_ENTRIES)]


def _writer(database: int) -> Bare:
    """Return a bare handler: one statement for all rows, committed by itself."""

    async def answer(pool: asyncpg.Pool, request: Request) -> Response:
        given = json.loads(await request.body())["entries"]
        numbers = [time.time_ns() + place for place in range(len(given))]
        ids, keys = [uuid4() for _ in given], [each["id"] for each in given]
        await pool.execute(_INSERT, database, ids, numbers, keys, [json.dumps(g) for g in given])
        return Response(json.dumps({"results": given}), media_type="application/json")

    return answer


@contextmanager
def pair(stage: Stage) -> Generator[Pair]:
    """Compare the block with a bare insert of the same rows in one statement."""
    register(stage, WRITTEN, records=0)
    beside = register(stage, f"{WRITTEN}-bare", records=0)
    body = json.dumps({"entries": _entries(f"B{NUMBER}")})
    url = f"{stage.block('registry')}/data/{WRITTEN}/1.0/createEntries"
    ours = Target(url, "POST", body, _JSON, stage.assertions("registry"))
    yield Pair(ours, Target(stage.bare("registry", _writer(beside)), "POST", body, _JSON))


ROW = Row(
    f"Registry: createEntries, {_ENTRIES} records a request",
    "Starlette + asyncpg, one insert of all and commit",
    pair,
)


# -- processor time ------------------------------------------------------------------------------


def used(processes: Iterable[int]) -> float:
    """Return the seconds of processor time that processes have used."""
    ticks = 0
    for process in processes:
        fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2]
        ticks += sum(int(field) for field in fields.split()[11:15])  # its ended children's too
    return ticks / os.sysconf("SC_CLK_TCK")


def postgres(stage: Stage) -> list[int]:
    """Return PostgreSQL's processes: the server's own and its backends'."""
    [found] = stage.place.glob("postgres/**/postmaster.pid")
    main = int(found.read_text(encoding="utf-8").split()[0])
    children = Path(f"/proc/{main}/task/{main}/children").read_text(encoding="utf-8")
    return [main, *map(int, children.split())]


def count(stage: Stage) -> str:
    """Create batch after batch; say records a second and the time of each side's processors."""
    register(stage, WRITTEN, records=0)
    url = stage.block("registry")
    serving = [child.pid or 0 for child in stage._children]  # noqa: SLF001  those of this row
    with stage.client("registry", url) as client:
        before: tuple[float, float, float] = (0.0, 0.0, 0.0)
        for batch in range(_WARM + _BATCHES):
            if batch == _WARM:
                before = (time.perf_counter(), used(serving), used(postgres(stage)))
            body = {"entries": _entries(f"C{time.time_ns()}")}
            answer = client.post(f"/data/{WRITTEN}/1.0/createEntries", json=body)
            answer.raise_for_status()
        after = (time.perf_counter(), used(serving), used(postgres(stage)))
    records = _BATCHES * _ENTRIES
    wall, ours, theirs = (records / (end - begin) for begin, end in zip(before, after, strict=True))
    return (
        f"{records} records in batches of {_ENTRIES}, one client: {wall:,.0f}/s; the serving "
        f"process does {ours:,.0f} in a second of one core, PostgreSQL {theirs:,.0f}\n"
    )


def main() -> None:
    """Measure on a PostgreSQL of its own, and say what was found."""
    place = Path(tempfile.mkdtemp(prefix="govblocks-bench-"))
    place.chmod(0o711)  # PostgreSQL runs as another user when root starts it
    try:
        with Stage(place) as stage:
            sys.stdout.write(count(stage))
    finally:
        shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    main()
