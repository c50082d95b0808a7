"""A submit is kept whole or not at all, whenever its connection dies or its caller goes away."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import pytest
from asyncpg.transaction import Transaction

from kit.database import Connection
from kit.testing import clients_of

TABLES = """
SELECT string_agg(format('SELECT %L, count(*) FROM %I', tablename, tablename), ' UNION ALL ')
FROM pg_tables WHERE schemaname = 'public'
"""
Strike = Callable[[Any], Awaitable[None]]


async def _killed(driver: Any) -> None:
    driver.terminate()


async def _cancelled(_driver: Any) -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    await asyncio.sleep(0)


class Struck:
    """Counts what a request sends to PostgreSQL, COMMIT too, and strikes before one of them."""

    def __init__(self, patch: pytest.MonkeyPatch, strike: Strike) -> None:
        self._strike = strike
        self._left: int | None = None
        self._driver: Any = None
        self.sent = 0
        for name in ("execute", "fetch", "fetchrow"):
            patch.setattr(Connection, name, self._around(getattr(Connection, name)))
        patch.setattr(Transaction, "commit", self._around(Transaction.commit))

    def at(self, number: int | None) -> None:
        """Strike before a statement from now on, or never."""
        self._left, self.sent = number, 0

    def _around(self, send: Callable[..., Any]) -> Callable[..., Any]:
        async def around(own: Any, *arguments: Any) -> Any:
            self.sent += 1
            self._driver = own.driver if isinstance(own, Connection) else self._driver
            if self.sent == self._left:
                await self._strike(self._driver)
            return await send(own, *arguments)

        return around


async def _rows(urls) -> dict[str, int]:
    connection = await asyncpg.connect(urls.owner)
    try:
        return dict(await connection.fetch(await connection.fetchval(TABLES)))
    finally:
        await connection.close()


# of what is written at once, the look before it is sent again on another connection
@pytest.mark.parametrize(
    ("opt_in", "first", "least"), [(True, 2, 2), (False, 1, 9)], ids=["at once", "in steps"]
)
@pytest.mark.parametrize("strike", [_killed, _cancelled])
async def test_a_submit_that_dies_at_any_statement_leaves_nothing(  # noqa: PLR0913, PLR0917
    committed, house_type, monkeypatch, strike, opt_in, first, least
) -> None:
    house = house_type(clients_of(committed, "consent")(scopes={"*"}))
    agreement, mother = await house.agreement(), await house.individual()
    sister = await house.individual("EE49001010003")
    struck = Struck(monkeypatch, strike)
    drafts = [
        house.on_paper(await house.draft(who, agreement["id"], optIn=opt_in))
        for who in (mother, sister)
    ]
    struck.at(None)
    await house.submit(sister, drafts[1])
    statements, before = struck.sent, await _rows(committed.state.urls)
    assert statements >= least, "what is kept takes at least this many"

    for number in range(first, statements + 1):
        struck.at(number)
        work = asyncio.ensure_future(
            house.client.post(
                "/service/individual/record/consent-record/",
                json=drafts[0],
                headers=house.whose(mother),
            )
        )
        await asyncio.wait([work])
        assert work.cancelled() or work.result().status_code in {500, 503}, number
        struck.at(None)
        assert await _rows(committed.state.urls) == before, f"struck before statement {number}"

    kept = await house.submit(mother, drafts[0])
    assert await house.submit(mother, drafts[0]) == kept
    assert len(await house.audit_revisions(kept["consentRecord"]["id"])) == 1


async def test_two_withdrawals_at_once_are_one(committed, house_type) -> None:
    house = house_type(clients_of(committed, "consent")(scopes={"*"}))
    agreement, mother = await house.agreement(), await house.individual()
    record = (await house.sign(mother, agreement["id"]))["consentRecord"]["id"]

    answers = await asyncio.gather(*(house.opt(mother, record, opt_in=False) for _ in range(4)))

    assert all(answer == answers[0] for answer in answers)
    assert len(await house.audit_revisions(record)) == 2


async def test_a_submit_and_a_withdrawal_at_once_follow_one_another(committed, house_type) -> None:
    house = house_type(clients_of(committed, "consent")(scopes={"*"}))
    agreement, mother = await house.agreement(), await house.individual()
    record = (await house.sign(mother, agreement["id"]))["consentRecord"]["id"]
    for _ in range(5):
        again = house.on_paper(await house.draft(mother, agreement["id"]))
        post = house.client.post(
            "/service/individual/record/consent-record/", json=again, headers=house.whose(mother)
        )
        submitted, _ = await asyncio.gather(post, house.opt(mother, record, opt_in=False))

        # submitted first: it stood already; withdrawn first: its draft is older than that
        assert submitted.status_code in {200, 400}
        assert (await house.decide(agreement["id"]))["reason"] == "opted-out"
        await house.sign(mother, agreement["id"])


async def test_begun_signatures_at_once_are_one(committed, house_type) -> None:
    house = house_type(clients_of(committed, "consent")(scopes={"*"}))
    agreement, mother = await house.agreement(), await house.individual()
    record = (await house.sign(mother, agreement["id"]))["consentRecord"]["id"]
    path = f"/service/individual/record/consent-record/{record}/signature/"

    answers = await asyncio.gather(
        *(house.client.post(path, headers=house.whose(mother)) for _ in range(4))
    )

    assert all(each.json() == answers[0].json() for each in answers)
    assert answers[0].json()["signature"]["objectType"] == "signature"
