"""The other door of transmissions: they are reported in the background."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from gateway.settings import Settings
from gateway.transmissions import service
from gateway.transmissions.models import Held
from kit.evidence.keeping import keeping
from kit.mediator import Mediator, NeighbourUnavailable

_EVERY = 0.25
"""Seconds between two looks at the ledger."""

_LONGEST_PAUSE = 15.0
_STANDBY = 2.0
_log = logging.getLogger("gateway.transmissions")


@asynccontextmanager
async def reporting(settings: Settings) -> AsyncGenerator[None]:
    """Report what passed under consents while this is open; any number of processes may try.

    Nothing is reported by a gateway without credentials of its own, or that is told no address.
    """
    if not settings.client_id or not settings.transmissions_path:
        yield
        return
    mediator = Mediator(settings)

    async def work(held: Held) -> None:
        await _report(held, mediator, settings.transmissions_path)

    try:
        url = settings.database_url.get_secret_value()
        async with keeping(url, "transmission reports", work, _STANDBY):
            yield
    finally:
        await mediator.close()


async def _report(held: Held, mediator: Mediator, path: str) -> None:
    reports = await service.begin(held, mediator, path)
    pause = _EVERY
    while True:
        try:
            more = await reports.forward(held)
        except NeighbourUnavailable as error:
            if pause == _EVERY:
                _log.warning("transmissions wait to be reported: %s", error)
            pause = min(2 * pause, _LONGEST_PAUSE)
            more = False
        else:
            pause = _EVERY
        if not more:
            await asyncio.sleep(pause)
