"""What a migrated database lets the role that serves requests do with its own history."""

import asyncpg
import pytest

from kit.testing import Urls

VERSION = "SELECT version_num FROM alembic_version"


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE alembic_version SET version_num = '0000'",
        "INSERT INTO alembic_version VALUES ('0000')",
        "DELETE FROM alembic_version",
        "TRUNCATE alembic_version",
        "DROP TABLE alembic_version",
    ],
)
async def test_the_serving_role_reads_the_version_and_cannot_change_it(
    urls: Urls, change: str
) -> None:
    serving = await asyncpg.connect(urls.runtime)
    try:
        assert await serving.fetchval(VERSION) == "0003"
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await serving.execute(change)
        assert await serving.fetchval(VERSION) == "0003"
    finally:
        await serving.close()
