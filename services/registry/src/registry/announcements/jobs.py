"""The other door of announcements: what was announced is sent on its way."""

from collections.abc import Mapping

from kit.database import Lender, Transaction
from kit.jobs import Handler, Job
from kit.sealing import Keyring
from registry.announcements import service
from registry.announcements.service import ANNOUNCE


def handlers(database: Lender, keyring: Keyring) -> Mapping[str, Handler]:
    """Return what runs for each job of announcements."""

    async def announce(job: Job) -> None:
        async with Transaction(database) as session:
            await service.send(session, keyring, job.payload or b"[]")

    return {ANNOUNCE: announce}
