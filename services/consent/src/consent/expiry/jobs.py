"""The door of expiry: a look every half second for consents whose end has come."""

from contextlib import AbstractAsyncContextManager

from consent.expiry import service
from kit import jobs
from kit.database import Lender
from kit.evidence import Ledger
from kit.sealing import Keyring

_EVERY = 0.5  # seconds


def expiring(lender: Lender, keyring: Keyring, ledger: Ledger) -> AbstractAsyncContextManager[None]:
    """Tell of consents that end while this is open; any number of processes may."""

    async def work() -> None:
        await service.tell(lender, keyring, ledger)

    return jobs.repeating("expiry", work, _EVERY)
