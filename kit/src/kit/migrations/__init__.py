"""Bring a block's database to the newest version: forward only, one at a time, with short locks.

A block keeps ``migrations/versions/0001_….py``; its ``migrations/env.py`` is one call of
``steps.run``.
"""

from pathlib import Path

from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

_LOCK = 7_316_240_519  # any number, the same for every block: one migration at a time in a database


async def upgrade(folder: Path, url: str, runtime_role: str | None = None) -> None:
    """Run the migrations in ``folder`` on the database at ``url`` (the owner role's URL)."""
    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://", 1))
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_upgrade, folder, runtime_role)
    finally:
        await engine.dispose()


def _upgrade(connection: Connection, folder: Path, runtime_role: str | None) -> None:
    if _is_newest(connection, folder):
        return
    # importing Alembic takes a third of a second, which a start with nothing to migrate saves
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

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
