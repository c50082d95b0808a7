"""A mixed load on the registry for minutes, and whether the house's memory stays what it was.

``python -m drills mixed --minutes 10``: a stack of its own serves reads, lists, creates, changes,
deletes, batches, imports, exports, files and shares through the gateway, at an even pace. Nothing
is killed. What was created is deleted again, so that the registry does not grow by what is kept in
it.
"""

import argparse
import asyncio
import itertools
import math
import random
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import aiohttp
import asyncpg
from rich.console import Console
from rich.table import Table

from drills import memory, report, requests
from drills.house import House, StackError, started

CODE = "DRILL"
AT = f"/registry/data/{CODE}/1.0"
ENTRIES, ROWS, VILLAGES = 200, 500, 100
KEPT = 2000
"""Records that lie there all the time; others come and go."""
TOKEN_LIVES = 120.0
SAMPLE_EVERY = 5.0
RUSH = 30.0
"""Seconds before the load with as much at once as may be: every connection of the pools is opened
then, and not by chance in the middle of what is judged."""
_AT_ONCE = 24
_PATIENCE = 60.0
_GONE = {404, 409}
"""What an operation may say of a record that another one of the load has deleted meanwhile."""
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["id"],
    "properties": {
        "id": {"type": "string", "primaryKey": True},
        "person": {"type": "string", "x-personalDataId": {"type": "personal-code"}},
        "name": {"type": "string", "x-personalData": True},
        "village": {"type": "string"},
        "amount": {"type": "integer", "minimum": 0},
        "remark": {"type": "string"},
        "paper": {"type": "file", "x-file": {"extensions": ["txt"], "maxBytes": 100_000}},
    },
}
console = Console(highlight=False, width=150)


@dataclass(frozen=True, slots=True)
class Work:
    """One kind of work, and how often it comes: that many of each hundred."""

    name: str
    share: float
    do: Callable[["Mixed"], Awaitable[int]]


@dataclass
class Mixed:
    """A client of the registry that does a little of everything."""

    session: aiohttp.ClientSession
    house: House
    numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(KEPT))
    made: deque[str] = field(default_factory=deque[str])
    ids: list[UUID] = field(default_factory=list[UUID])
    answers: Counter[tuple[str, int]] = field(default_factory=Counter[tuple[str, int]])
    took: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    headers: dict[str, str] = field(default_factory=dict[str, str])
    token_at: float = 0.0

    async def ask(self, method: str, path: str, **more: Any) -> int:
        """Send a request, read the whole answer, return its status."""
        headers = {**self.headers, **more.pop("headers", {})}
        async with self.session.request(method, path, headers=headers, **more) as answer:
            async for _ in answer.content.iter_chunked(1 << 16):
                pass  # nothing is kept
            return answer.status

    async def sign_in(self) -> None:
        """Get a token, unless the one there is will do."""
        if time.monotonic() - self.token_at < TOKEN_LIVES:
            return
        secret = requests.SECRETS[requests.OFFICE]
        credentials = aiohttp.encode_basic_auth(requests.OFFICE, secret)
        form = {"grant_type": "client_credentials"}
        own = {"Authorization": credentials}
        async with self.session.post("/oauth2/token", data=form, headers=own) as answer:
            token = (await answer.json())["access_token"]
        self.headers = {"Authorization": f"Bearer {token}"}
        self.token_at = time.monotonic()

    async def prepare(self) -> None:
        """Make the registry of this drill, with what lies in it all the time."""
        await self.sign_in()
        body = {"code": CODE, "schema": SCHEMA}
        at = "/registry/database/modify"
        async with self.session.post(at, json=body, headers=self.headers) as answer:
            if answer.status != 200:  # noqa: PLR2004  HTTP's word for well
                raise StackError(f"{at} answers {answer.status}: {(await answer.text())[:300]}")
            made = await answer.json()
        await self.ask("POST", f"/registry/database/{made['id']}/publish")
        for first in range(0, KEPT, ROWS):
            entries = [record(number) for number in range(first, first + ROWS)]
            status = await self.ask("POST", f"{AT}/createEntries", json={"entries": entries})
            if status != 200:  # noqa: PLR2004  as above
                raise StackError(f"createEntries answers {status}")
        connection = await asyncpg.connect(self.house.owner_url("registry"))
        rows = await connection.fetch(
            "SELECT id FROM record WHERE database_id = $1 LIMIT 100", made["id"]
        )
        await connection.close()
        self.ids = [row["id"] for row in rows]

    async def do(self, work: Work) -> None:
        """Do one piece of work and note how it went; no answer is status 0."""
        began = time.monotonic()
        try:
            status = await work.do(self)
        except (aiohttp.ClientError, TimeoutError, OSError):
            status = 0
        self.answers[work.name, status] += 1
        if status and status < 400:  # noqa: PLR2004  HTTP's word for well
            self.took.setdefault(work.name, []).append(time.monotonic() - began)

    @property
    def faults(self) -> list[str]:
        """Return what went wrong: no answer, or one that nobody may give here."""
        return [
            f"{name}: {times} times {status or 'no answer'}"
            for (name, status), times in sorted(self.answers.items())
            if not 200 <= status < 400 and status not in _GONE  # noqa: PLR2004  as above
        ]


def record(number: int) -> dict[str, Any]:
    """Return the record of a number, about a person who never lived."""
    return {
        "id": f"D{number}",
        "person": requests.code(number),
        "name": f"First{number} Last{number}",
        "village": f"Village {number % VILLAGES}",
        "amount": number % 997,
        "remark": f"the lake house of number{number % 499}",
    }


def one(number: int | None = None) -> dict[str, Any]:
    """Return a query for a record that lies there all the time."""
    at = random.randrange(KEPT) if number is None else number  # noqa: S311  which one is no secret
    return {"content": {"id": f"D{at}"}}


def some(most: int) -> int:
    """Return a number below ``most``."""
    return random.randrange(most)  # noqa: S311  as above


# -- the work ------------------------------------------------------------------------------------


async def _read(mixed: Mixed) -> int:
    return await mixed.ask("POST", f"{AT}/read", json={"query": one()})


async def _exists(mixed: Mixed) -> int:
    return await mixed.ask("POST", f"{AT}/exists", json={"query": one()})


async def _list(mixed: Mixed) -> int:
    asked = {"query.village": f"Village {some(VILLAGES)}", "pageSize": "20"}
    return await mixed.ask("GET", AT, params=asked)


async def _search(mixed: Mixed) -> int:
    asked = {"search": f"number{some(499)}", "pageSize": "20", "ordering": "-amount"}
    return await mixed.ask("GET", AT, params=asked)


async def _create(mixed: Mixed) -> int:
    content = record(next(mixed.numbers))
    status = await mixed.ask("POST", f"{AT}/create", json={"write": {"content": content}})
    mixed.made.append(content["id"])
    return status


async def _update(mixed: Mixed) -> int:
    body = {"query": one(), "write": {"content": {"amount": some(1000)}}}
    return await mixed.ask("PUT", f"{AT}/update", json=body)


async def _upsert(mixed: Mixed) -> int:
    content = record(some(KEPT))
    body = {"query": {"content": {"id": content["id"]}}, "write": {"content": content}}
    return await mixed.ask("POST", f"{AT}/updateOrCreate", json=body)


async def _delete(mixed: Mixed) -> int:
    if not mixed.made:
        return await _create(mixed)
    return await mixed.ask("DELETE", f"{AT}/{mixed.made.popleft()}/delete")


async def _batch(mixed: Mixed) -> int:
    """Create many records and delete them again."""
    entries = [record(next(mixed.numbers)) for _ in range(ENTRIES)]
    status = await mixed.ask("POST", f"{AT}/createEntries", json={"entries": entries})
    if status != 200:  # noqa: PLR2004  HTTP's word for well
        return status
    keys = {"entries": [each["id"] for each in entries]}
    return await mixed.ask("POST", f"{AT}/deleteEntries", json=keys)


async def _import(mixed: Mixed) -> int:
    """Take in a file of records that are there, with other amounts."""
    first, amount = some(KEPT - ROWS), some(1000)
    lines = [f"D{number},{amount + number % 7}" for number in range(first, first + ROWS)]
    content = "\n".join(["id,amount", *lines]) + "\n"
    headers = {"Content-Type": "text/csv"}
    return await mixed.ask(
        "POST", f"{AT}/import", params={"key": "id"}, data=content.encode(), headers=headers
    )


async def _export(mixed: Mixed) -> int:
    asked = {"format": random.choice(("csv", "json", "xlsx"))}  # noqa: S311  as above
    return await mixed.ask("GET", f"{AT}/export", params=asked)


async def _file(mixed: Mixed) -> int:
    at = f"{AT}/{mixed.ids[some(len(mixed.ids))]}/files/paper"
    headers = {
        "Content-Type": "text/plain",
        "Content-Disposition": 'attachment; filename="paper.txt"',
    }
    content = f"Paper {some(1000)}. ".encode() * 2000
    return await mixed.ask("PUT", at, data=content, headers=headers)


async def _share(mixed: Mixed) -> int:
    """Share two fields of a record by a link that opens once, and open it."""
    record_id = str(mixed.ids[some(len(mixed.ids))])
    what = {"registry": CODE, "version": "1.0", "recordId": record_id, "maxUses": 1}
    body = {**what, "fields": ["village", "amount"]}
    at = "/registry/shares"
    async with mixed.session.post(at, json=body, headers=mixed.headers) as answer:
        if answer.status >= 400:  # noqa: PLR2004  HTTP's word for a refusal
            return answer.status
        token = (await answer.json())["token"]
    return await mixed.ask("GET", f"{at}/{token}")


async def _report(mixed: Mixed) -> int:
    body = {"userId": requests.code(some(KEPT)), "databaseId": CODE}
    return await mixed.ask("POST", "/registry/data/personalDataUsage", json=body)


WORK = (
    Work("read", 33, _read),
    Work("exists", 8, _exists),
    Work("list", 12, _list),
    Work("search", 6, _search),
    Work("create", 12, _create),
    Work("update", 12, _update),
    Work("update or create", 4, _upsert),
    Work("delete", 8, _delete),
    Work("report of a person", 2, _report),
    Work("file", 1, _file),
    Work("share made and opened", 1, _share),
    Work("batch made and deleted", 0.4, _batch),
    Work("import", 0.3, _import),
    Work("export", 0.3, _export),
)


# -- the run -------------------------------------------------------------------------------------


async def run(house: House, rate: float, seconds: float) -> tuple[Mixed, memory.Watch]:
    """Do the work at a pace, some at once at most, and sample what the processes take."""
    connector = aiohttp.TCPConnector(limit=_AT_ONCE, keepalive_timeout=3)
    patience = aiohttp.ClientTimeout(total=_PATIENCE)
    async with aiohttp.ClientSession(house.gateway, connector=connector, timeout=patience) as http:
        mixed = Mixed(http, house)
        await mixed.prepare()
        watch = memory.Watch(house)
        watching = asyncio.create_task(_watch(watch))
        try:
            await _work(mixed, math.inf, RUSH)
            await _work(mixed, rate, seconds)
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
    return mixed, watch


async def _work(mixed: Mixed, rate: float, seconds: float) -> None:
    began, under_way = time.monotonic(), set[asyncio.Task[None]]()
    shares = [each.share for each in WORK]
    for number in itertools.count():
        due = began + number / rate
        if due > began + seconds:
            break
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        await mixed.sign_in()
        while len(under_way) >= _AT_ONCE:
            await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
        [work] = random.choices(WORK, shares)  # noqa: S311  as above
        task = asyncio.create_task(mixed.do(work))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
        if time.monotonic() > began + seconds:  # the machine could not keep the pace
            break
    await asyncio.gather(*under_way)


async def _watch(watch: memory.Watch) -> None:
    while True:
        await asyncio.to_thread(watch.sample)
        await asyncio.sleep(SAMPLE_EVERY)


def tell(mixed: Mixed, watch: memory.Watch, verdicts: list[memory.Verdict], seconds: float) -> None:
    """Print what was done, how long it took, and what the processes took."""
    table = Table("work", "done", "a second", "p50 ms", "p99 ms", "not done, by answer")
    for work in WORK:
        took = sorted(mixed.took.get(work.name, []))
        other = {s: n for (name, s), n in mixed.answers.items() if name == work.name}
        refused = {s: n for s, n in sorted(other.items()) if not 200 <= s < 400}  # noqa: PLR2004
        told = ", ".join(f"{n} times {s or 'none'}" for s, n in refused.items()) or "-"
        middle, slow = ((took[int(len(took) * p)] * 1000) if took else 0 for p in (0.5, 0.99))
        rate = len(took) / seconds
        table.add_row(
            work.name, str(len(took)), f"{rate:.1f}", f"{middle:.0f}", f"{slow:.0f}", told
        )
    console.print(table)
    said = Table("memory (PSS, MiB)", "first", "after warm-up", "last", "growth", "verdict")
    for each in verdicts:
        taken = [s.taken[each.group] for s in watch.samples if each.group in s.taken]
        sizes = [memory.megabytes(size) for size in (taken[0], each.level, taken[-1], each.growth)]
        said.add_row(each.group, *sizes, each.said)
    console.print(said)
    for group in sorted(watch.unreadable):
        console.print(f"{group}: this user may not see what it takes")


def main(arguments: list[str]) -> int:
    """Do what the command line says; return 1 when something failed or memory grew."""
    parser = argparse.ArgumentParser(prog="python -m drills mixed", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="how long the load lasts")
    parser.add_argument("--rate", type=float, default=60.0, help="pieces of work due each second")
    given = parser.parse_args(arguments)
    if not memory.can_measure():
        console.print("This system has no /proc/PID/smaps_rollup: memory cannot be measured.")
        return 1
    seconds = given.minutes * 60
    try:
        with started() as house:
            console.print(f"A stack serves at {house.gateway}; {given.minutes:g} minutes begin.")
            mixed, watch = asyncio.run(run(house, given.rate, seconds))
            report.complaints(house.complaints())
    except StackError as error:
        console.print(str(error), markup=False)
        return 1
    verdicts = memory.judge(watch.samples, seconds)
    tell(mixed, watch, verdicts, seconds)
    return _verdict(mixed, watch, verdicts)


def _verdict(mixed: Mixed, watch: memory.Watch, verdicts: list[memory.Verdict]) -> int:
    for fault in mixed.faults:
        console.print(f"Went wrong: {fault}", markup=False)
    growing = [each.group for each in verdicts if each.is_judged and not each.is_flat]
    missing = sorted(set(memory.GROUPS) - {each.group for each in verdicts})
    if growing:
        console.print(f"Memory grows: {', '.join(growing)}")
    elif missing or watch.unreadable:
        console.print(f"Not measured: {', '.join(missing or sorted(watch.unreadable))}")
    elif all(each.is_judged for each in verdicts):
        console.print("Memory is flat.")
    return 1 if growing or missing or mixed.faults else 0
