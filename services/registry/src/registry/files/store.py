"""Files in PostgreSQL: a row for each, and its bytes in rows of 256 KiB."""

from collections.abc import AsyncGenerator
from typing import BinaryIO
from uuid import UUID

import asyncpg

from kit.database import Session
from registry.files.models import CHUNK, File, Span, StorageFull

_COLUMNS = "id, record_id, field, name, media_type, size, encode(digest, 'hex') AS digest"
# ruff: noqa: S608  only the column names above are put in


def _file(row: asyncpg.Record) -> File:
    return File(
        row["id"],
        row["record_id"],
        row["field"],
        row["name"],
        row["media_type"],
        row["size"],
        row["digest"],
    )


async def insert(session: Session, new: File, content: BinaryIO) -> None:
    """Keep a file with its bytes, a chunk in memory at a time; raise StorageFull."""
    try:
        await session.fetch(
            """
            INSERT INTO file (id, record_id, field, name, media_type, size, digest, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, decode($7, 'hex'), now())
            """,
            new.id,
            new.record,
            new.field,
            new.name,
            new.media_type,
            new.size,
            new.digest,
        )
        content.seek(0)
        number = 0
        while chunk := content.read(CHUNK):
            await session.fetch("INSERT INTO file_chunk VALUES ($1, $2, $3)", new.id, number, chunk)
            number += 1
    except asyncpg.DiskFullError as error:
        raise StorageFull("nothing of it was kept") from error


async def find(session: Session, file_id: UUID) -> File | None:
    """Return a file by its id, if there is one."""
    row = await session.fetchrow(f"SELECT {_COLUMNS} FROM file WHERE id = $1", file_id)
    return _file(row) if row else None


async def chunks(session: Session, file_id: UUID, span: Span) -> AsyncGenerator[bytes]:
    """Yield some bytes of a file, a chunk at a time, holding no connection in between."""
    for number in range(span.first // CHUNK, span.last // CHUNK + 1):
        first = max(span.first - number * CHUNK, 0)
        row = await session.fetchrow(
            """
            SELECT substring(content FROM $3::int FOR $4::int) AS part
            FROM file_chunk WHERE file_id = $1 AND number = $2
            """,
            file_id,
            number,
            first + 1,
            min(span.last - number * CHUNK, CHUNK - 1) - first + 1,
        )
        if row is None:
            message = "the bytes of a file were destroyed while it was read"
            raise LookupError(message)
        yield row["part"]


async def destroy(session: Session, record_id: UUID) -> None:
    """Destroy all files of a record, for good."""
    await session.fetch(
        "DELETE FROM file_chunk WHERE file_id IN (SELECT id FROM file WHERE record_id = $1)",
        record_id,
    )
    await session.fetch("DELETE FROM file WHERE record_id = $1", record_id)
