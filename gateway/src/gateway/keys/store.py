"""API keys' rows."""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from gateway.configuration.models import Key
from gateway.tables import api_key
from kit.database import Session


async def insert_new(session: Session, key: Key) -> bool:
    """Keep a key; return False when its id or its digest is there already."""
    values = {name: getattr(key, name) for name in api_key.columns.keys()}  # noqa: SIM118  a collection
    statement = insert(api_key).values(values).on_conflict_do_nothing().returning(api_key.c.id)
    return await session.row(statement) is not None


async def find(session: Session, application: str, key_id: str) -> Key | None:
    """Return a key of an application."""
    chosen = api_key.c.application == application, api_key.c.id == key_id
    row = await session.row(select(api_key).where(*chosen))
    return Key(*row) if row else None


async def page(session: Session, application: str) -> list[Key]:
    """Return all keys of an application, by id."""
    statement = select(api_key).where(api_key.c.application == application).order_by(api_key.c.id)
    return [Key(*row) for row in await session.rows(statement)]


async def withdraw(session: Session, application: str, key_id: str, now: datetime) -> bool:
    """Withdraw a key; return whether that changed anything."""
    statement = (
        update(api_key)
        .where(
            api_key.c.application == application,
            api_key.c.id == key_id,
            api_key.c.withdrawn_at.is_(None),
        )
        .values(withdrawn_at=now)
        .returning(api_key.c.id)
    )
    return await session.row(statement) is not None
