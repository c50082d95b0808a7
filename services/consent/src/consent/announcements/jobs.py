"""The other door of announcements: decisions that others keep are called back."""

import json
from collections.abc import Mapping, Sequence

from consent.announcements.service import CALL_BACK
from kit.jobs import Handler, Job
from kit.mediator import Mediator, NeighbourUnavailable


def handlers(mediator: Mediator, keepers: Sequence[str]) -> Mapping[str, Handler]:
    """Return what runs for each job of announcements; ``keepers`` are paths behind the gateway."""

    async def call_back(job: Job) -> None:
        named = json.loads(job.payload or b"{}")
        for path in keepers:
            answer = await mediator.call("POST", path, body=named)
            if not answer.is_success:
                raise NeighbourUnavailable(f"a keeper of decisions answered {answer.status_code}")

    return {CALL_BACK: call_back}
