"""Bring a block's database to the newest version: forward only, one at a time, with short locks.

A block keeps ``migrations/versions/0001_….py``; its ``migrations/env.py`` is one call of ``run``.
"""

import asyncio
from pathlib import Path
from typing import cast

from alembic import command, context, op
from alembic.config import Config
from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment
from sqlalchemy import Connection, MetaData, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.util import await_only

from kit import evidence

_LOCK = 7_316_240_519  # any number, the same for every block: one migration at a time in a database


async def upgrade(folder: Path, url: str, runtime_role: str | None = None) -> None:
    """Run the migrations in ``folder`` on the database at ``url`` (the owner role's URL)."""
    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://", 1))
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_upgrade, folder, runtime_role)
    finally:
        await engine.dispose()


def upgrade_now(folder: Path, url: str, runtime_role: str | None = None) -> None:
    """Run ``upgrade`` where there is no event loop."""
    asyncio.run(upgrade(folder, url, runtime_role))


def _upgrade(connection: Connection, folder: Path, runtime_role: str | None) -> None:
    if _is_newest(connection, folder):
        return
    config = Config()
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.attributes["connection"] = connection
    config.attributes["runtime_role"] = runtime_role
    connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": _LOCK})
    connection.execute(text("SET lock_timeout = '4s'"))
    connection.execute(text("SET statement_timeout = '5s'"))
    connection.commit()
    try:
        command.upgrade(config, "head")
    finally:
        connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": _LOCK})
        connection.commit()


def _is_newest(connection: Connection, folder: Path) -> bool:
    """Tell whether nothing is to be done, without loading Alembic's environment."""
    newest = max((file.name.partition("_")[0] for file in folder.glob("versions/*.py")), default="")
    there = connection.execute(text("SELECT to_regclass('alembic_version')")).scalar()
    kept = text("SELECT version_num FROM alembic_version")
    version = connection.execute(kept).scalar() if there else None
    connection.rollback()
    return version == newest


def run(metadata: MetaData) -> None:
    """Alembic's way in, for ``migrations/env.py``."""
    connection = cast("Connection", context.config.attributes["connection"])
    context.configure(connection=connection, target_metadata=metadata)
    with context.begin_transaction():
        context.run_migrations()


def runtime_role() -> str | None:
    """Return the role that serves requests, inside a migration; None when it is the owner."""
    migration_context = op.get_context()
    config = migration_context.config
    return cast("str | None", config.attributes.get("runtime_role")) if config else None


def create_ledger() -> None:
    """Create the evidence tables as of version 0001, INSERT only for the role that serves."""
    for statement in _LEDGER:
        op.execute(statement)
    role = runtime_role()
    for statement in evidence.only_insert(role) if role else ():
        op.execute(statement)


def create_queue() -> None:
    """Create PgQueuer's tables, types, function and trigger (docs/decisions/0007)."""
    op.execute("SELECT 1")  # SQLAlchemy begins lazily; the driver's statements must be inside
    driver = op.get_bind().connection.driver_connection
    if driver is None:
        message = "a migration runs on a connection"
        raise RuntimeError(message)
    await_only(driver.execute(QueryBuilderEnvironment().build_install_query()))


_LEDGER = (
    """
    CREATE TABLE evidence_entry (
      id uuid PRIMARY KEY,
      at timestamptz NOT NULL,
      kind text NOT NULL,
      actor text NOT NULL,
      object text NOT NULL,
      subject bytea,
      facts jsonb NOT NULL,
      canonical bytea NOT NULL,
      leaf bytea NOT NULL
    )
    """,
    "CREATE INDEX evidence_entry_at ON evidence_entry (at)",
    "CREATE INDEX evidence_entry_subject ON evidence_entry (subject, at)",
    "CREATE INDEX evidence_entry_object ON evidence_entry (object, at)",
    "CREATE TABLE evidence_detail (entry_id uuid PRIMARY KEY, sealed bytea NOT NULL)",
    "CREATE TABLE evidence_key (subject bytea PRIMARY KEY, wrapped bytea NOT NULL)",
)
