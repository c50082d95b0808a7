"""The message log (IM-6.6.1)."""

from typing import Annotated

from fastapi import APIRouter, Query

from gateway.evidence import service
from gateway.evidence.models import LogNotForYou, Search
from gateway.evidence.schemas import Message, MessageLog
from gateway.identity.api import admits
from kit.access import Caller
from kit.paging import Paged
from kit.web import Moment, Reading, Text, may_answer

router = APIRouter(prefix="/api/v1", tags=["log"])
Reader = Annotated[Caller, admits("messagelog")]


@router.get("/messagelog", responses=may_answer(LogNotForYou))
async def message_log(  # noqa: PLR0913, PLR0917  the filters
    caller: Reader,
    session: Reading,
    page: Paged,
    queryId: Annotated[  # noqa: N803  the wire's spelling
        Text | None, Query(description="The request's id, as answered in X-Request-Id")
    ] = None,
    client: Annotated[Text | None, Query(description="Who acted")] = None,
    about: Annotated[Text | None, Query(alias="service", description="A service's address")] = None,
    kind: Annotated[Text | None, Query(examples=["exchange.refused"])] = None,
    since: Annotated[Moment | None, Query(alias="from")] = None,
    until: Annotated[Moment | None, Query(alias="to", description="Before this")] = None,
) -> MessageLog:
    """Return entries of the log, newest first: one's own, or all with `read:log`."""
    search = Search(
        queryId, client, about, kind, since, until, offset=page.offset, limit=page.limit
    )
    found = await service.page(session, caller, search)
    return MessageLog(messages=[Message.of(entry) for entry in found])
