"""How fast a large file comes in and goes out, and how much memory that takes.

``python -m benchmarks.registry_import [ROWS]``: a CSV file of ten fields is sent to a registry,
taken in by a jobs process, and exported again.
"""

import asyncio
import csv
import io
import multiprocessing
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import httpx

import registry.main
from benchmarks.rows.registry_create_entries import postgres, used
from benchmarks.stage import Stage
from kit.settings import BlockSettings

_CODE = "residents"
_AT = f"/data/{_CODE}/1.0"
_FIELDS = ("firstName", "lastName", "birthdate", "street", "town", "phone", "email", "status")
_ROWS = 100_000
_AT_ONCE = 5000
_PATIENCE = 3600.0


def _schema() -> dict[str, Any]:
    properties: dict[str, Any] = {name: {"type": "string"} for name in _FIELDS}
    properties["birthdate"] = {"type": "date"}
    properties |= {"id": {"type": "string", "primaryKey": True}, "size": {"type": "integer"}}
    return {"type": "object", "required": ["id"], "properties": properties}


def _file(rows: int) -> Iterator[bytes]:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["id", *_FIELDS, "size"])
    for number in range(rows):
        town = f"Town {number % 500}"
        more = ["Mari", "Mets", "1989-05-12", f"Lake Road {number}", town, "+372 5555", "a@b.ee"]
        writer.writerow([f"P{number}", *more, "active", number])
        if number % _AT_ONCE == 0:
            yield out.getvalue().encode()
            out.seek(0)
            out.truncate()
    yield out.getvalue().encode()


def _jobs(settings: BlockSettings) -> None:
    async def work() -> None:
        async with registry.main.create_jobs(settings):  # type: ignore[arg-type]
            await asyncio.Event().wait()

    asyncio.run(work())


def _memory(process: BaseProcess) -> int:
    """Return the most memory a process has had, in MiB."""
    text = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) // 1024


def _measure(stage: Stage, rows: int) -> str:
    url = stage.block("registry")
    [serving] = stage._children  # noqa: SLF001  the one that was just started
    context = multiprocessing.get_context("fork")
    jobs = context.Process(target=_jobs, args=(stage.settings("registry"),), daemon=True)
    jobs.start()
    with stage.client("registry", url) as client:
        client.timeout = httpx.Timeout(_PATIENCE)
        made = client.post("/database/modify", json={"code": _CODE, "schema": _schema()}).json()
        client.post(f"/database/{made['id']}/publish").raise_for_status()
        before = [used(processes) for processes in ([jobs.pid or 0], postgres(stage))]
        said = [_import(client, rows)]
        after = [used(processes) for processes in ([jobs.pid or 0], postgres(stage))]
        ours, theirs = (rows / (end - begin) for begin, end in zip(before, after, strict=True))
        said += [f"a second of one core does {ours:,.0f} in jobs, {theirs:,.0f} in PostgreSQL"]
        said.append(_export(client, rows))
    memory = f"most memory: serving {_memory(serving)} MiB, jobs {_memory(jobs)} MiB"
    jobs.terminate()
    jobs.join()
    return "; ".join([f"{rows} rows of 10 fields", *said, memory]) + "\n"


def _import(client: httpx.Client, rows: int) -> str:
    began = time.perf_counter()
    answer = client.post(
        f"{_AT}/imports", content=_file(rows), headers={"Content-Type": "text/csv"}
    )
    answer.raise_for_status()
    sent = time.perf_counter()
    found: dict[str, Any] = answer.json()
    seen, steps, pause = sent, 0, 0.0
    while found["state"] not in {"done", "failed"}:
        time.sleep(0.1)
        before, found = found, client.get(f"{_AT}/imports/{found['id']}").json()
        if found["rows"] > before["rows"]:
            pause, seen, steps = (
                max(pause, time.perf_counter() - seen),
                time.perf_counter(),
                steps + 1,
            )
    taken = rows / (time.perf_counter() - sent)
    done = f"{found['state']}, {found['created']} created"
    said = f"sent in {sent - began:.1f} s, taken in at {taken:,.0f} rows/s ({done})"
    return f"{said}, {steps} steps seen while it ran, {pause:.1f} s apart at most"


def _export(client: httpx.Client, rows: int) -> str:
    began, size = time.perf_counter(), 0
    with client.stream("GET", f"{_AT}/export", params={"format": "csv"}) as answer:
        for piece in answer.iter_raw():
            size += len(piece)
    took = time.perf_counter() - began
    return f"exported as CSV at {rows / took:,.0f} rows/s ({size / 2**20:.0f} MiB)"


def main(arguments: list[str]) -> None:
    """Measure on a PostgreSQL of its own, and say what was found."""
    place = Path(tempfile.mkdtemp(prefix="govblocks-bench-"))
    place.chmod(0o711)  # PostgreSQL runs as another user when root starts it
    try:
        with Stage(place) as stage:
            sys.stdout.write(_measure(stage, int(arguments[0]) if arguments else _ROWS))
    finally:
        shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1:])
