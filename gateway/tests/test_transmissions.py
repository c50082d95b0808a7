"""What passes under consents is in the log, and reported: in order, at least once, with no gap."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from gateway_house import CLINIC, POPULATION, served

from gateway.transmissions.jobs import reporting
from gateway.transmissions.models import facts
from kit.evidence import Signer
from kit.evidence.sequencing import append, read_head, sequencing

RECORD, DECISION = (
    "5f15bb9b-41d6-4ce1-aaa4-bdf3ecfd37bb",
    "375efd6c-0ce2-47db-bd10-c81805fd27fc",
)
SAID = f'"{RECORD}";decision="{DECISION}";attributes="firstName s%C3%BCnniaeg"'
ITEM = {
    "consentRecordId": RECORD,
    "decisionId": DECISION,
    "attributes": ["firstName", "sünniaeg"],
}


def read(*lines: str) -> Any:
    headers = [(b"content-type", b"text/plain")]
    headers += [(b"Consent-Reference", line.encode()) for line in lines]
    return facts(headers).get("consents")


def test_a_structured_field_is_read() -> None:
    other = str(uuid4())
    assert read(SAID) == [ITEM]
    assert read(f'{SAID} ,  "{other}"') == [ITEM, {"consentRecordId": other}]
    assert read(SAID, f'"{other}"') == [ITEM, {"consentRecordId": other}]
    assert read(f' {SAID};more=1;flag;x="\\"";n=-1.5;t=a/b;y=?0;b=:YQ==: ') == [ITEM]
    assert read(f'"{RECORD}"; attributes=""') == [{"consentRecordId": RECORD, "attributes": []}]
    assert read(f'"{RECORD}";decision=token') == [{"consentRecordId": RECORD}]
    assert read(f'"EE49001010002", "{RECORD}"') == [{"consentRecordId": RECORD}]
    assert read(*[f'"{RECORD}"'] * 100) == [{"consentRecordId": RECORD}] * 100


@pytest.mark.parametrize(
    "said",
    [
        "",
        "EE49001010002",
        RECORD,
        f'"{RECORD}"x',
        f'"{RECORD}",',
        f'"{RECORD}";',
        f'"{RECORD}";Decision="x"',
        f'"{RECORD}";attributes="open',
        f'"{RECORD}", ü',
        f'"{RECORD}" "{RECORD}"',
        ", ".join([f'"{RECORD}"'] * 101),
        f'"{RECORD}";attributes="{"a " * 9000}"',
        '"EE49001010002"',
    ],
)
def test_what_is_none_is_as_if_nothing_was_said(said: str) -> None:
    assert read(said) is None


def test_attributes_that_are_no_names_are_left_out() -> None:
    for names in ("a%00b", "x" * 201, " ".join("a" * 1001), "%0A"):
        assert read(f'"{RECORD}";attributes="{names}"') == [{"consentRecordId": RECORD}], names


@dataclass
class Keeper:
    """A gateway with a consent block behind it, as far as the reports can tell."""

    status: int = 200
    body: bytes = b'{"refused": []}'
    bad: str = ""
    delay: float = 0
    heard: list[dict[str, Any]] = field(default_factory=list)
    posts: int = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        more = True
        while more:
            message = await receive()
            body, more = body + message["body"], message.get("more_body", False)
        status, answer = 200, b'{"access_token": "t", "expires_in": 300}'
        if scope["path"] != "/oauth2/token":
            await asyncio.sleep(self.delay)
            status, answer = self._report(json.loads(body)["transmissions"])
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    def _report(self, told: list[dict[str, Any]]) -> tuple[int, bytes]:
        self.posts += 1
        if self.status != 200:
            return self.status, b"{}"
        if any(one["exchangeId"] == self.bad for one in told):
            return 400, b"{}"
        self.heard += told
        return 200, self.body

    def ids(self) -> list[str]:
        return [one["exchangeId"] for one in self.heard]


class Reporting:
    """The house, with its ledger sequenced and what passes under consents reported."""

    def __init__(self, house: Any, keeper: Keeper, url: str) -> None:
        self.house, self.keeper = house, keeper
        more = {"client_id": CLINIC, "mediator_url": url}
        self.settings = house.settings.model_copy(update=more)

    @asynccontextmanager
    async def processes(self, count: int = 1) -> AsyncGenerator[None]:
        """Run the background work of so many jobs processes."""
        url = self.settings.database_url.get_secret_value()
        signer = Signer(self.settings.evidence_keys.get_secret_value())
        async with AsyncExitStack() as stack:
            for _ in range(count):
                await stack.enter_async_context(sequencing("gateway", url, signer))
                await stack.enter_async_context(reporting(self.settings))
            yield

    async def passes(self, count: int = 1, said: str = SAID) -> list[str]:
        """Let exchanges pass; return the ids of their answers' entries."""
        self.house.inside.more = [(b"consent-reference", said.encode())]
        made: list[str] = []
        try:
            async with await self.house.clinic() as http:
                for _ in range(count):
                    request_id = str(uuid4())
                    address = f"/r1/{POPULATION}/inside/things/1"
                    answer = await http.get(address, headers={"X-Request-Id": request_id})
                    assert answer.status_code == 200
                    log = await self.house.log(request_id)
                    made += [one["id"] for one in log if one["kind"] == "exchange.answer"]
        finally:
            self.house.inside.more = []
        return made

    async def heard(self, count: int, within: float = 8) -> list[str]:
        """Wait until so many are reported, and a moment longer; return their ids."""
        ends = time.monotonic() + within
        while len(self.keeper.heard) < count:
            assert time.monotonic() < ends, f"{len(self.keeper.heard)} of {count} are reported"
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.6)
        return self.keeper.ids()


@pytest.fixture
async def reports(house) -> AsyncGenerator[Reporting]:
    connection = await asyncpg.connect(house.urls.owner)
    signer = Signer(house.settings.evidence_keys.get_secret_value())
    await append(connection, "gateway", signer, await read_head(connection))  # of tests before
    await connection.execute("DELETE FROM transmission_mark")
    await connection.execute(
        "INSERT INTO transmission_mark (next) SELECT count(*) FROM evidence_leaf"
    )
    await connection.close()
    keeper = Keeper()
    async with served(keeper) as url:
        yield Reporting(house, keeper, url)


async def test_an_answer_under_a_consent_is_in_the_log(house, reports) -> None:
    [made] = await reports.passes()
    async with await house.administrator() as http:
        answer = await http.get("/api/v1/messagelog", params={"kind": "exchange.answer"})
    [entry] = [one for one in answer.json()["messages"] if one["id"] == made]
    assert entry["facts"]["consents"] == [ITEM]


async def test_only_what_was_answered_with_success_is(house) -> None:
    house.inside.more = [(b"consent-reference", SAID.encode())]
    request_id = str(uuid4())
    async with await house.clinic(X_Request_Id=request_id) as http:
        answer = await http.get(f"/r1/{POPULATION}/inside/things/1?status=404")
    house.inside.more = []
    assert answer.status_code == 404
    assert all("consents" not in entry["facts"] for entry in await house.log(request_id))


async def test_what_passes_is_reported_soon(reports) -> None:
    async with reports.processes():
        await asyncio.sleep(0.5)
        [made] = await reports.passes()
        began = time.monotonic()
        while not reports.keeper.heard:
            await asyncio.sleep(0.005)
            assert time.monotonic() - began < 3
        took = time.monotonic() - began
    [told] = reports.keeper.heard
    assert took < 2, "0.4 s until it has its place, and 0.25 s until that is seen"
    assert told.pop("at").endswith("Z")
    assert told == {
        "exchangeId": made,
        "client": CLINIC,
        "dataSource": "/".join(POPULATION.split("/")[:3]),
        "service": f"{POPULATION}/inside",
        "items": [ITEM],
    }


async def test_two_processes_do_not_report_twice(reports) -> None:
    async with reports.processes(2):
        made = await reports.passes(10)
        assert await reports.heard(10) == made


@pytest.mark.parametrize("status", [503, 403, 404])
async def test_who_is_away_hears_it_later(reports, status) -> None:
    reports.keeper.status = status
    async with reports.processes():
        made = await reports.passes(3)
        await asyncio.sleep(1.5)
        assert reports.keeper.posts
        assert not reports.keeper.heard
        reports.keeper.status = 200
        assert await reports.heard(3) == made


async def test_an_answer_in_other_words_is_none(reports) -> None:
    reports.keeper.body = b"<html>"
    async with reports.processes():
        [made] = await reports.passes()
        await reports.heard(1)
        reports.keeper.body = b'{"refused": []}'
        assert set(await reports.heard(2)) == {made}


async def test_a_process_that_dies_leaves_no_gap(reports) -> None:
    reports.keeper.delay = 0.05
    made = await reports.passes(6)
    for _ in range(4):
        async with reports.processes():
            await asyncio.sleep(0.7)
        made += await reports.passes(2)
    async with reports.processes():
        heard = await reports.heard(14)
    assert list(dict.fromkeys(heard)) == made


async def test_one_that_cannot_be_reported_does_not_hold_up_the_others(reports) -> None:
    made = await reports.passes(5)
    reports.keeper.bad = made[2]
    async with reports.processes():
        assert await reports.heard(4) == [*made[:2], *made[3:]]
