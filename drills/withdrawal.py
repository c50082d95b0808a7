"""How soon a withdrawn consent opens nothing any more, while permits are kept.

``python -m drills withdrawal``: a stack of its own, with two web workers, under an agreement whose
permits may be kept for minutes. In each round a person signs, another member reads their record
through the gateway over several connections in tight loops, and the person withdraws. The time is
from the answer to the withdrawal until the answer to the last read that was permitted.
"""

import argparse
import asyncio
import math
import os
import random
import statistics
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import aiohttp
import asyncpg
import yaml
from rich.console import Console

from drills import report, requests
from drills.house import House, StackError, started
from stack.journey import AGREEMENT, CODE_TYPE, CONSENT, PORTAL, PORTAL_KEY, RECORDS
from stack.journey import CITIZENS as SERVICE
from stack.main import DEMO

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
LIMIT = 1.0
"""Seconds within which every worker must refuse (CON-7: a withdrawal takes effect at once)."""
KEPT_FOR = 3600
READS = f"{SERVICE}/data/citizens/1.0/read"
_PERSON = 1
_SETTLED = 0.5  # seconds of reads of which none may ask for a decision
_QUIET = 0.5  # seconds of refusals after which a round is over
_PATIENCE = 10.0
_MOST_READERS = 64
_OK, _FORBIDDEN = 200, 403
_DECIDED = """
SELECT count(*) FROM evidence_entry WHERE kind = 'decision' AND (facts ->> 'permitted')::boolean
"""
_CALLING_BACK = "SELECT count(*) FROM pgqueuer WHERE entrypoint LIKE 'call decisions back%'"
console = Console(highlight=False, width=150)


@dataclass(frozen=True, slots=True)
class Round:
    """One withdrawal: seconds until the last permitted answer, and what was read and decided."""

    lag: float
    reads: int
    decisions: int


@dataclass
class Reader:
    """One connection on which a member's application reads a record, again and again."""

    session: aiohttp.ClientSession
    reads: int = 0
    permitted_at: float = 0.0
    refused: int = 0

    async def read(self) -> None:
        """Read once; raise StackError at an answer that is neither yes nor no."""
        body = {"query": {"content": {"id": requests.code(_PERSON)}}}
        async with self.session.post(READS, json=body) as answer:
            said = await answer.read()
        if answer.status == _OK:
            self.reads, self.permitted_at, self.refused = self.reads + 1, time.monotonic(), 0
        elif answer.status == _FORBIDDEN:
            self.refused += 1
        else:
            raise StackError(f"a read answers {answer.status}: {said[:300]!r}")

    async def loop(self) -> None:
        """Read until cancelled."""
        while True:
            await self.read()


@dataclass
class Drill:
    """A stack, who takes part, and the consent block's database."""

    house: House
    database: Connection
    stack: AsyncExitStack
    readers: list[Reader] = field(default_factory=list[Reader])
    individual: str = ""

    async def client(self, **headers: str) -> aiohttp.ClientSession:
        """Return a client with one connection of its own."""
        connector = aiohttp.TCPConnector(limit=1)
        made = aiohttp.ClientSession(self.house.gateway, connector=connector, headers=headers)
        return await self.stack.enter_async_context(made)

    async def application(self, name: str) -> aiohttp.ClientSession:
        """Return a client signed in as an application of the demo."""
        made = await self.client()
        answer = await asked(
            made,
            "POST /oauth2/token",
            data={"grant_type": "client_credentials"},
            headers={"Authorization": aiohttp.encode_basic_auth(name, requests.SECRETS[name])},
        )
        made.headers["Authorization"] = f"Bearer {answer['access_token']}"
        return made

    async def add_reader(self) -> None:
        """Open one more connection, and read on it once."""
        made = Reader(await self.application(requests.HEALTH_CENTRE))
        made.session.headers["X-Legal-Basis"] = "consent"
        await made.read()
        self.readers.append(made)

    async def decisions(self) -> int:
        """Return how many permits the consent block has given."""
        return int(await self.database.fetchval(_DECIDED))

    async def prepare(self) -> None:
        """Let permits be kept, and make the person known."""
        demo = yaml.safe_load(DEMO.read_text())
        agreements = [each for each in demo["agreements"] if each["id"] == AGREEMENT]
        changed = [each | {"maxAgeSeconds": KEPT_FOR} for each in agreements]
        file = {"instance": demo["instance"], "domain": demo["domain"], "agreements": changed}
        await asyncio.to_thread(self.house.load, file)
        office = await self.application(requests.OFFICE)
        content = requests.person(_PERSON)
        await asked(
            office, f"POST {requests.CITIZENS}/create", json={"write": {"content": content}}
        )
        health = await self.application(requests.HEALTH_CENTRE)
        identity = {"externalId": requests.code(_PERSON), "externalIdType": CODE_TYPE}
        made = await asked(health, f"POST {CONSENT}/individual/", json={"individual": identity})
        self.individual = made["individual"]["id"]

    async def sign(self) -> str:
        """Let the person sign on paper at the health centre; return the record's id."""
        health = await self.application(requests.HEALTH_CENTRE)
        headers = {"X-ConsentBB-IndividualId": self.individual}
        query = {"individualId": self.individual, "dataAgreementId": AGREEMENT}
        draft = await asked(health, f"POST {RECORDS}/draft/", headers=headers, params=query)
        draft["signature"] |= {
            "verificationMethod": "paper-scan",
            "verificationArtifact": "scan of the form",
            "signature": f"signed on paper {random.random()}",  # noqa: S311  to be another one
        }
        kept = await asked(health, f"POST {RECORDS}/", headers=headers, json=draft)
        await health.close()
        await until(self._is_called_back)
        return str(kept["consentRecord"]["id"])

    async def _is_called_back(self) -> bool:
        return await self.database.fetchval(_CALLING_BACK) == 0

    async def person(self) -> aiohttp.ClientSession:
        """Return a client at which the person is signed in."""
        made = await self.client(**{"X-GovStack-Client": PORTAL, "apiKey": PORTAL_KEY})
        token = await asked(made, "POST /issuer/token", json={"person": requests.code(_PERSON)})
        made.headers["Authorization"] = f"Bearer {token['access_token']}"
        return made

    async def round(self, readers: int) -> Round:
        """Sign, read until every worker keeps its permit, withdraw, read until all refuse.

        Raise StackError when some worker keeps none, or permits again after it refused.
        """
        record, person = await self.sign(), await self.person()
        before = await self.decisions()
        for reader in self.readers:
            reader.reads = 0
            await reader.read()
        while len(self.readers) < readers or await self.decisions() - before < self.house.workers:
            if len(self.readers) == _MOST_READERS:
                raise StackError("the connections do not reach every worker")
            await self.add_reader()
        async with reading(self.readers):
            await self._is_kept()
            await asyncio.sleep(random.random() / 4)  # noqa: S311  at any moment of any beat
            decided = await self.decisions() - before
            withdrawn_at = await self._withdraw(person, record)
            lag = await self._refused_since(withdrawn_at)
        await person.close()
        return Round(lag, sum(each.reads for each in self.readers), decided)

    async def _is_kept(self) -> None:
        """Raise StackError when reads go on asking for decisions."""
        before, had = await self.decisions(), sum(each.reads for each in self.readers)
        await asyncio.sleep(_SETTLED)
        asked_again = await self.decisions() - before
        read = sum(each.reads for each in self.readers) - had
        if asked_again or not read:
            raise StackError(f"permits are not kept: {read} reads, {asked_again} decisions")

    async def _withdraw(self, person: aiohttp.ClientSession, record: str) -> float:
        """Withdraw, and return when that was answered."""
        headers = {"X-ConsentBB-IndividualId": self.individual}
        body = {"consentRecord": {"optIn": False}}
        await asked(person, f"PUT {RECORDS}/{record}/", headers=headers, json=body)
        return time.monotonic()

    async def _refused_since(self, withdrawn_at: float) -> float:
        """Return how long after a moment reads were permitted; raise StackError if they go on."""
        while time.monotonic() - withdrawn_at < _PATIENCE:
            await asyncio.sleep(0.02)
            last = max(each.permitted_at for each in self.readers)
            quiet = time.monotonic() - max(last, withdrawn_at)
            if quiet > _QUIET and all(each.refused for each in self.readers):
                return max(0.0, last - withdrawn_at)
        raise StackError(f"reads are permitted {_PATIENCE:g} s after the withdrawal")


async def asked(session: aiohttp.ClientSession, call: str, **more: Any) -> Any:
    """Send one call (``METHOD /path``), return what it answers; raise StackError at a refusal."""
    method, _, path = call.partition(" ")
    async with session.request(method, path, **more) as answer:
        if answer.status != _OK:
            raise StackError(f"{call} answers {answer.status}: {(await answer.text())[:300]}")
        return await answer.json()


async def until(holds: Callable[[], Any]) -> None:
    """Wait until something holds; raise StackError when it takes too long."""
    deadline = time.monotonic() + _PATIENCE
    while not await holds():
        if time.monotonic() > deadline:
            raise StackError("what was signed before is not called back")
        await asyncio.sleep(0.02)


@asynccontextmanager
async def reading(readers: list[Reader]) -> AsyncGenerator[None]:
    """Let all readers read while this is open; raise what one of them raised."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(each.loop()) for each in readers]
            yield
            for task in tasks:
                task.cancel()
    except ExceptionGroup as raised:
        raise raised.exceptions[0] from None


async def run(house: House, rounds: int, readers: int) -> list[Round]:
    """Withdraw so many times on a running stack."""
    async with AsyncExitStack() as stack:
        database = await asyncpg.connect(house.owner_url("consent"))
        stack.push_async_callback(database.close)
        drill = Drill(house, database, stack)
        await drill.prepare()
        return [await drill.round(readers) for _ in range(rounds)]


def tell(rounds: list[Round]) -> bool:
    """Print what was measured; tell whether each withdrawal was in time."""
    lags = sorted(each.lag * 1000 for each in rounds)
    p99 = lags[math.ceil(len(lags) * 0.99) - 1]
    reads, decisions = sum(each.reads for each in rounds), sum(each.decisions for each in rounds)
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    console.print(
        f"{len(rounds)} withdrawals. Permits are kept: {reads} permitted reads, {decisions} "
        f"decisions before the withdrawals. The machine's load is {load}."
    )
    console.print(
        f"From the withdrawal's answer until every worker refuses: median "
        f"{statistics.median(lags):.0f} ms, p99 {p99:.0f} ms, max {lags[-1]:.0f} ms."
    )
    return lags[-1] <= LIMIT * 1000


def main(arguments: list[str]) -> int:
    """Do what the command line says; return 1 when a withdrawal took more than a second."""
    parser = argparse.ArgumentParser(prog="python -m drills withdrawal", description=__doc__)
    parser.add_argument("--rounds", type=int, default=30, help="how many withdrawals")
    parser.add_argument("--readers", type=int, default=8, help="connections that read, at least")
    given = parser.parse_args(arguments)
    try:
        with started() as house:
            console.print(f"A stack serves at {house.gateway}; {given.rounds} rounds begin.")
            rounds = asyncio.run(run(house, given.rounds, given.readers))
            report.complaints(house.complaints())
    except (StackError, aiohttp.ClientError) as error:
        console.print(str(error), markup=False)
        return 1
    if tell(rounds):
        return 0
    console.print(f"Broken: a withdrawal took more than {LIMIT:g} s to reach every worker.")
    return 1
