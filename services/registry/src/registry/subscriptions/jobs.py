"""The other door of subscriptions: what was announced is sent on its way."""

from collections.abc import Mapping

from kit.database import Lender, Transaction
from kit.jobs import Handler, Job
from kit.sealing import Keyring
from registry.subscriptions import service
from registry.subscriptions.service import ANNOUNCE


def handlers(database: Lender, keyring: Keyring) -> Mapping[str, Handler]:
    """Return what runs for each job of subscriptions."""

    async def announce(job: Job) -> None:
        async with Transaction(database) as session:
            await service.send(session, keyring, job.payload or b"[]")

    return {ANNOUNCE: announce}
