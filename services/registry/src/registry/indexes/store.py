"""Words and values of records in PostgreSQL; each statement takes any number of records."""

from uuid import UUID

from kit.database import Session, Statement
from registry.indexes.models import Kept

_WORDS = """
    INSERT INTO record_words (record_id, words)
    SELECT id, array_to_tsvector(string_to_array(words, ' '))
    FROM unnest($1::uuid[], $2::text[]) AS given (id, words)
    ON CONFLICT (record_id) DO UPDATE SET words = EXCLUDED.words
    WHERE record_words.words IS DISTINCT FROM EXCLUDED.words
"""
_NEW_WORDS = """
    INSERT INTO record_words (record_id, words)
    SELECT $1::uuid, array_to_tsvector(string_to_array($2::text, ' ')) FROM {given}
"""
_VALUES = """
    INSERT INTO record_value (database_id, field, text, number, record_id)
    SELECT $1, field, text, number::numeric, record_id
    FROM unnest($2::text[], $3::text[], $4::text[], $5::uuid[])
      AS given (field, text, number, record_id)
"""
_NEXT = """
    SELECT id, content::text AS content FROM record
    WHERE database_id = $1 AND id > $2 ORDER BY id LIMIT $3
"""


def words_of(record: UUID, lexemes: list[str], given: str) -> Statement:
    """Return what keeps a new record's words when ``given`` has a row."""
    sql = _NEW_WORDS.format(given=given)
    return Statement("words", sql, (record, " ".join(lexemes)))


async def keep(session: Session, kept: Kept, *, values: bool) -> None:
    """Replace what is kept of some records; ``values`` tells whether fields are indexed."""
    records = list(kept.words)
    lexemes = [" ".join(each) for each in kept.words.values()]
    await session.fetch(_WORDS, records, lexemes)
    if values:
        await session.fetch("DELETE FROM record_value WHERE record_id = ANY($1)", records)
    if kept.values:
        columns = zip(*((v.field, v.text, v.number, v.record) for v in kept.values), strict=True)
        await session.fetch(_VALUES, kept.database, *(list(column) for column in columns))


async def forget(session: Session, record_id: UUID) -> None:
    """Remove what is kept of a record."""
    await session.fetch("DELETE FROM record_words WHERE record_id = $1", record_id)
    await session.fetch("DELETE FROM record_value WHERE record_id = $1", record_id)


async def next_records(
    session: Session, database_id: int, after: UUID, count: int
) -> list[tuple[UUID, str]]:
    """Return the ids and contents of the records that follow one in order of id."""
    rows = await session.fetch(_NEXT, database_id, after, count)
    return [(row["id"], row["content"]) for row in rows]
