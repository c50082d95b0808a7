"""The other door of imports: rows are taken in by the thousand, each thousand in a transaction.

How many rows were read is kept in that transaction, so that a process that is killed, or a database
that restarts, goes on where it was: the file is read again from its beginning, and what was taken
in is passed over. What reads the file runs in a thread, so that the queue is not kept waiting.
"""

import asyncio
import io
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Mapping
from typing import Any
from uuid import UUID

from kit.database import DatabaseUnavailable
from kit.jobs import Handler, Job
from kit.problems import Problem
from registry.imports import service
from registry.imports.models import PART_SIZE, ROWS, Import, Taking
from registry.imports.service import RUN, Tools

_KEPT = 8
"""Parts of a file in memory."""


def handlers(tools: Tools) -> Mapping[str, Handler]:
    """Return what runs for each job of imports."""

    async def run(job: Job) -> None:
        await take_in(tools, UUID(bytes=job.payload or b""))

    return {RUN: run}


async def take_in(tools: Tools, import_id: UUID) -> None:
    """Take in what is left of a file; what is wrong with it, or its caller's rights, ends it."""
    ready = await service.prepare(tools, import_id)
    if ready is None:
        return
    found, call, key = ready
    loop = asyncio.get_running_loop()

    def fetch(number: int) -> bytes:
        wanted: Coroutine[Any, Any, bytes] = service.part(tools, import_id, key, number)
        return asyncio.run_coroutine_threadsafe(wanted, loop).result()

    file = io.BufferedReader(_File(fetch, found.bytes), PART_SIZE)
    taking = Taking(file, found.options, found.tally.rows)
    step: Import | None = found
    try:
        rows = await asyncio.to_thread(taking.take, ROWS)
        await service.check(tools, call, found.options, taking.heading)
        while rows:
            # the next rows are read while these are written
            step, rows = await service.all_of(
                service.take(tools, step, call, rows), asyncio.to_thread(taking.take, ROWS)
            )
            if step is None:
                await service.prepare(tools, import_id)  # clears away what was cancelled
                return
    except DatabaseUnavailable:
        raise
    except Problem as problem:
        await service.end(tools, import_id, problem)
    else:
        await service.end(tools, import_id, None)


class _File(io.RawIOBase):
    """A file kept in parts, of which some are held."""

    def __init__(self, fetch: Callable[[int], bytes], size: int) -> None:
        self._fetch = fetch
        self._size = size
        self._at = 0
        self._parts: OrderedDict[int, bytes] = OrderedDict()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(base + offset, 0)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)
        number, start = divmod(self._at, PART_SIZE)
        found = self._part(number)[start : start + len(view)] if self._at < self._size else b""
        view[: len(found)] = found
        self._at += len(found)
        return len(found)

    def _part(self, number: int) -> bytes:
        if number not in self._parts:
            self._parts[number] = self._fetch(number)
            if len(self._parts) > _KEPT:
                self._parts.popitem(last=False)
        self._parts.move_to_end(number)
        return self._parts[number]
