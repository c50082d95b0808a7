"""The tables as described and the tables as migrated are the same."""

from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect
from sqlalchemy.ext.asyncio import create_async_engine

from catalogue.tables import live_reuse, metadata


def _compare(connection: Connection) -> tuple[list[Any], set[str]]:
    differences = compare_metadata(MigrationContext.configure(connection), metadata)
    columns = inspect(connection).get_columns("live_reuse")
    return differences, {column["name"] for column in columns}


async def test_tables_and_migrations_agree(urls):
    engine = create_async_engine(urls.owner.replace("postgresql://", "postgresql+asyncpg://", 1))
    async with engine.connect() as connection:
        differences, columns = await connection.run_sync(_compare)
    await engine.dispose()

    assert [d for d in differences if d[1].name != "alembic_version"] == []
    assert columns == set(live_reuse.c.keys())
