"""What a caller can ask about what changed in a registry."""

from dataclasses import dataclass, replace

from kit.database import Session
from kit.evidence import Ledger
from registry.decisions.models import ConsentRequired
from registry.feed import store
from registry.feed.models import Change, Mark, MarkGone
from registry.records import service as records
from registry.records.service import Call, Opened
from registry.rights.models import Action
from registry.usage import service as usage
from registry.usage.models import READ


@dataclass(frozen=True, slots=True)
class Told:
    """A change, with the JSON text of what shows of the record; none when it is deleted."""

    change: Change
    text: str | None


@dataclass(frozen=True, slots=True)
class Fed:
    """A page of changes, the mark to go on from, and whether there is more already."""

    changes: list[Told]
    next: Mark
    has_more: bool


async def page(session: Session, ledger: Ledger, call: Call, asked: tuple[Mark, int]) -> Fed:
    """Return the records that changed after a mark, each once, as it is now (DRS-26.a).

    ``asked`` is the mark and how many at most. Raise MarkGone, and ConsentRequired where reads need
    each person's consent.
    """
    after, most = asked
    opened = await records.open_for(session, call, Action.LIST)
    opened = replace(opened, grant=opened.grant.without_consents())
    if not opened.grant.terms:
        raise ConsentRequired("reads need each person's consent: read one record at a time")
    if not await store.knows(session, after):
        raise MarkGone("a backup was restored since: begin without a mark")
    database = opened.release.database
    await store.mend(session, database)
    found = await store.page(session, database, after, most + 1)
    told = found[:most]
    seen = [each for each in told if opened.covers(each.record)]
    await _note(ledger, opened, seen)
    texts = [Told(each, None if each.is_deleted else opened.shown(each.record)) for each in seen]
    return Fed(texts, told[-1].mark if told else after, len(found) > most)


async def _note(ledger: Ledger, opened: Opened, seen: list[Change]) -> None:
    looks = [opened.look(each.record) for each in seen if not each.is_deleted]
    if any(look.fields for look in looks):
        purpose = opened.purpose("changes")
        await usage.note_rows(ledger, opened.call.caller, READ, looks, purpose)
