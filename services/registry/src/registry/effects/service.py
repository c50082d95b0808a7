"""Doing what follows from changes of records: links, what is searched, who is told."""

from collections.abc import Sequence

from kit.database import Session
from registry.announcements import service as announcements
from registry.databases.models import Release
from registry.effects.models import Effect
from registry.indexes import service as indexes
from registry.links import service as links
from registry.links.service import Changed
from registry.subscriptions.models import Happened, Kind


async def follow(session: Session, release: Release, effects: Sequence[Effect]) -> None:
    """Do what follows from changes of one database, in the transaction that made them.

    Raise what ``links.service.check`` raises. What a deletion takes with it is asked before.
    """
    written = [each for each in effects if each.is_written]
    if written:
        changed = [Changed(each.record.id, each.before, each.after) for each in written]
        await links.check(session, release, changed)
        await indexes.index(session, release, [each.record for each in written])
    await announcements.announce(session, release, [_happened(each) for each in effects])


def _happened(effect: Effect) -> Happened:
    record = effect.record
    return Happened(
        Kind(effect.kind),
        record.id,
        record.number,
        record.revision,
        effect.before,
        effect.after,
        effect.fields,
    )
