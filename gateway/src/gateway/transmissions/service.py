"""Telling what passed under consents: in the ledger's order, at least once, without a gap.

An entry is found by its place in the ledger, which it has within half a second: places have no
gaps, whereas a transaction that commits late would be missed by time or id.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

from httpx import Response

from gateway.transmissions import store
from gateway.transmissions.models import Held, Passed
from kit.mediator import Mediator, NeighbourUnavailable

_LOOKED_AT = 2_000  # entries that are looked at together
_TOLD = 100  # exchanges that are told together
_REFUSED = (HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
_log = logging.getLogger("gateway.transmissions")


@dataclass(slots=True)
class Reports:
    """Who is told, and the place in the ledger that this has come to; ``kept`` outlives us."""

    mediator: Mediator
    path: str
    place: int
    kept: int

    async def forward(self, held: Held) -> bool:
        """Tell what is next, and tell whether there is more.

        Raise NeighbourUnavailable when it is not taken: nothing is passed over then.
        """
        ends = await store.end(held)
        stop = min(ends, self.place + _LOOKED_AT)
        if stop == self.place:
            return False
        found = await store.passed(held, self.place, stop)
        for start in range(0, len(found), _TOLD):
            told = found[start : start + _TOLD]
            await self._tell(told)
            self.place = told[-1].index + 1
            await self._keep(held)
        self.place = stop
        if stop - self.kept >= _LOOKED_AT:
            await self._keep(held)
        return stop < ends

    async def _keep(self, held: Held) -> None:
        await store.keep(held, self.place)
        self.kept = self.place

    async def _tell(self, told: Sequence[Passed]) -> None:
        body = {"transmissions": [one.told() for one in told]}
        answer = await self.mediator.call("POST", self.path, body=body)
        if answer.is_success:
            _note(answer)
        elif answer.status_code not in _REFUSED:  # no right yet, or nobody there
            raise NeighbourUnavailable(f"the report was answered {answer.status_code}")
        elif len(told) > 1:  # one of them is to blame: the others are told by themselves
            for one in told:
                await self._tell([one])
        else:
            _log.error("exchange %s cannot be reported: %d", told[0].id, answer.status_code)


def _note(answer: Response) -> None:
    """Log what was not kept; raise NeighbourUnavailable for an answer of somebody else's."""
    try:
        refused = answer.json()["refused"]
        named = [str(one["exchangeId"]) for one in refused]
    except (ValueError, LookupError, TypeError) as error:
        raise NeighbourUnavailable("the report was answered in other words") from error
    for name in named[:10]:
        _log.warning("exchange %s names an unknown consent record", name)


async def begin(held: Held, mediator: Mediator, path: str) -> Reports:
    """Return the reports where they were left."""
    place = await store.place(held)
    return Reports(mediator, path, place, place)
