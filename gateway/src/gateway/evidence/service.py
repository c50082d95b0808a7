"""Read the message log, as far as the reader may."""

from dataclasses import replace

from gateway.evidence import store
from gateway.evidence.models import Logged, LogNotForYou, Search
from kit.access import ANONYMOUS, Caller
from kit.database import Session


async def page(session: Session, caller: Caller, search: Search) -> list[Logged]:
    """Return entries: all with ``read:log``, else those the caller's own side took part in.

    An application sees what it asked for and what its member provides. Raises LogNotForYou.
    """
    if caller.may("read:log"):
        return await store.page(session, search)
    if caller.client == ANONYMOUS:
        raise LogNotForYou("say who asks")
    return await store.page(session, replace(search, seen_by=caller.client))
