"""The other door of notices: a page of individuals after the other is told of a change."""

from collections.abc import Mapping

from consent.notices import service
from consent.notices.models import Task
from kit.jobs import Handler, Job


def handlers(post: service.Post) -> Mapping[str, Handler]:
    """Return what runs for each job of notices."""

    async def tell(job: Job) -> None:
        await service.tell(post, Task.read(job.payload))

    return {service.TELL: tell}
