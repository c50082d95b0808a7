"""Shares in PostgreSQL."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, insert, or_, select, update

from kit.database import Session
from registry.shares.models import Channel, Rules, Share, Sharer, is_same
from registry.tables import share


def _share(row: Row[Any]) -> Share:
    said: dict[str, Any] = row.sharer
    sharer = Sharer(
        row.client,
        row.tenant,
        row.person,
        said["represents"],
        said["service"],
        tuple(said["roles"]),
        said["legalBasis"],
    )
    return Share(
        row.id,
        sharer,
        row.database_id,
        row.record_id,
        row.version,
        tuple(row.fields),
        Channel(row.channel),
        Rules.read(row.rules),
        row.created_at,
        row.expires_at,
        row.max_uses,
        row.uses,
        row.ended_at,
    )


async def insert_share(session: Session, new: Share, token: bytes) -> None:
    """Keep a new share with the digest of what its link carries."""
    await session.row(
        insert(share).values(
            id=new.id,
            token=token,
            tenant=new.sharer.tenant,
            client=new.sharer.client,
            person=new.sharer.person,
            database_id=new.database,
            record_id=new.record,
            version=new.version,
            fields=list(new.fields),
            channel=new.channel.value,
            sharer=new.sharer.document,
            rules=new.rules.document,
            max_uses=new.max_uses,
            created_at=new.created_at,
            expires_at=new.expires_at,
        )
    )


async def find_opened(session: Session, token: str, digest: bytes) -> Share | None:
    """Return the share whose link carries a token, whatever its state."""
    row = await session.row(select(share).where(share.c.token == digest))
    return _share(row) if row and is_same(token, row.token) else None


async def find(session: Session, share_id: UUID) -> Share | None:
    """Return a share by its id, locked."""
    row = await session.row(select(share).where(share.c.id == share_id).with_for_update())
    return _share(row) if row else None


def _own(client: str, person: str | None, tenant: str, *, every: bool) -> Select[Any]:
    query = select(share).where(share.c.tenant == tenant)
    if every:
        return query
    return query.where(share.c.client == client, share.c.person.is_not_distinct_from(person))


async def page(  # noqa: PLR0913  whose, and which of them
    session: Session,
    client: str,
    person: str | None,
    tenant: str,
    window: tuple[int, int],
    *,
    every: bool,
) -> list[Share]:
    """Return shares, newest first: a caller's own, or all of the member's records."""
    offset, limit = window
    query = _own(client, person, tenant, every=every).order_by(share.c.id.desc())
    return [_share(row) for row in await session.rows(query.offset(offset).limit(limit))]


async def use(session: Session, share_id: UUID, now: datetime) -> bool:
    """Count an opening; tell whether the share still allowed one."""
    row = await session.row(
        update(share)
        .where(
            share.c.id == share_id,
            share.c.ended_at.is_(None),
            or_(share.c.expires_at.is_(None), share.c.expires_at > now),
            or_(share.c.max_uses.is_(None), share.c.uses < share.c.max_uses),
        )
        .values(uses=share.c.uses + 1)
        .returning(share.c.id)
    )
    return row is not None


async def save(session: Session, changed: Share) -> None:
    """Write a changed share back."""
    await session.row(
        update(share)
        .where(share.c.id == changed.id)
        .values(
            expires_at=changed.expires_at,
            max_uses=changed.max_uses,
            rules=changed.rules.document,
            ended_at=changed.ended_at,
        )
    )


async def code_of(session: Session, database: int) -> str | None:
    """Return the code of a database that is not deleted."""
    row = await session.fetchrow(
        "SELECT code FROM database WHERE id = $1 AND deleted_at IS NULL", database
    )
    return row["code"] if row else None
