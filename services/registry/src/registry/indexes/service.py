"""Keeping what lists look into, in the transaction of each change."""

from collections.abc import Sequence
from uuid import UUID

from kit.database import Session, Statement
from registry.databases.models import Release
from registry.fields.models import Schema
from registry.indexes import models, store
from registry.records.models import Record

_BATCH = 1000
_FIRST = UUID(int=0)


async def index(session: Session, release: Release, records: Sequence[Record]) -> None:
    """Keep the words and indexed values of records that were created or changed."""
    plan = models.plan_of(release.database, release.current.schema, release.path.schema)
    if records and not plan.is_empty:
        kept = plan.kept((each.id, each.content) for each in records)
        await store.keep(session, kept, values=bool(plan.fields))


def statement(release: Release, record: Record, given: str) -> Statement | None:
    """Return what keeps a new record's words, as part of a larger statement; None: nothing does.

    It is kept when the part of that statement with the name ``given`` has a row. Values of fields
    that are indexed are not kept by it.
    """
    plan = models.plan_of(release.database, release.current.schema, release.path.schema)
    if not plan.has_texts:
        return None
    lexemes = plan.kept([(record.id, record.content)]).words[record.id]
    return store.words_of(record.id, lexemes, given)


async def forget(session: Session, record_id: UUID) -> None:
    """Keep nothing more of a record that is destroyed."""
    await store.forget(session, record_id)


async def publish(
    session: Session, database_id: int, before: Schema | None, schema: Schema
) -> None:
    """Bring the index of a database in line with a version that is published.

    Nothing is done unless it indexes other fields than the version before, or has other secrets.
    """
    if before is None:
        return
    old, new = (models.plan_of(database_id, each) for each in (before, schema))
    if (old.fields, old.secrets) == (new.fields, new.secrets):
        return
    after = _FIRST
    while records := await store.next_records(session, database_id, after, _BATCH):
        kept = new.kept(records)
        await store.keep(session, kept, values=True)
        after = records[-1][0]
