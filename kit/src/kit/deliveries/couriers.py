"""What hands an event over: to an address outside, or to a room of the mediator."""

import json
from datetime import UTC, datetime
from typing import Protocol

from kit.deliveries import signing
from kit.deliveries.client import Outside
from kit.deliveries.models import Event, Outcome, Target
from kit.deliveries.networks import UnreachableError
from kit.mediator import Mediator, NeighbourUnavailable

_AGENT = "GovBlocks"


class Courier(Protocol):
    """What hands one event over."""

    async def hand_over(self, target: Target, event: Event) -> Outcome:
        """Hand an event over and tell how it went; raise nothing."""
        ...


class Couriers:
    """Hands events over, each as its target says."""

    def __init__(self, outside: Outside, mediator: Mediator) -> None:
        self._outside = outside
        self._mediator = mediator

    async def hand_over(self, target: Target, event: Event) -> Outcome:
        """Post a signed callback, or publish in a room; tell how it went."""
        if target.room:
            return await self._publish(target, event)
        body = event.body()
        said = {"content-type": f"{target.media_type}; charset=utf-8", "user-agent": _AGENT}
        said |= signing.headers(event.id, datetime.now(UTC), body, target.secrets)
        try:
            answer = await self._outside.call("POST", target.url, body, said)
        except UnreachableError as error:
            return Outcome(error.reason)
        return Outcome.answered(answer.status, answer.again_after)

    async def _publish(self, target: Target, event: Event) -> Outcome:
        """Publish an event whole, with its id, so that who pulls it can tell a repetition."""
        kind = target.room_type
        said = {"eventType": kind, "event": json.loads(event.body())}
        try:
            answer = await self._mediator.call(
                "POST", f"/r1/{target.room}/pub/v1/{kind}", body=said
            )
        except NeighbourUnavailable:
            return Outcome("no-connection")
        return Outcome.answered(answer.status_code)
