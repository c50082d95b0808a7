"""What a caller can ask about what a record was."""

from dataclasses import dataclass, replace
from uuid import UUID

from kit.database import Session
from kit.evidence import Ledger
from kit.paging import Page
from registry.decisions.models import ConsentRequired
from registry.history import store
from registry.history.models import Past
from registry.records import service as records
from registry.records.models import RecordNotFound
from registry.records.service import Call
from registry.rights.models import Action
from registry.usage import service as usage
from registry.usage.models import READ


@dataclass(frozen=True, slots=True)
class Shown:
    """What a record was, with the JSON text of what shows of it."""

    past: Past
    text: str


async def page(
    session: Session, ledger: Ledger, call: Call, record_id: UUID, window: Page
) -> list[Shown]:
    """Return what a record is and was, newest first, or raise RecordNotFound.

    Deleted records have a history too. Where reads need consent, another member has none.
    """
    opened = await records.open_for(session, call, Action.HISTORY)
    opened = replace(opened, grant=opened.grant.without_consents())
    if not opened.grant.terms:
        raise ConsentRequired("a consent is for what a record is now, not for what it was")
    asked = (window.offset, window.limit)
    found = await store.page(session, opened.release.database, record_id, asked)
    seen = [each for each in found if opened.covers(each.record)]
    if not seen and window.offset == 0:
        raise RecordNotFound
    looks = [opened.look(each.record) for each in seen]
    if any(look.fields for look in looks):
        await usage.note_rows(ledger, call.caller, READ, looks, opened.purpose("history"))
    return [Shown(each, opened.shown(each.record)) for each in seen]
