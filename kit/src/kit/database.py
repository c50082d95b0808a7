"""The database as a block sees it.

Reads take no transaction and hold a connection only while a statement runs (``Reading``); writes
take exactly one transaction, which the door opened and the door commits (``Transaction``). Both
connect when first used, so nothing is held while a request waits for another block. The engine is
in AUTOCOMMIT; a transaction is the driver's own (docs/decisions/0002).
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import TracebackType
from typing import Any, Protocol, Self, cast

import asyncpg
import asyncpg.transaction
from sqlalchemy import Executable, Row
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from kit.problems import Unavailable

Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]]


class DatabaseUnavailable(Unavailable):
    """PostgreSQL does not answer, or all its connections are busy."""

    title = "The database does not answer"


LOST = (
    OSError,
    PoolTimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.AdminShutdownError,
    asyncpg.InvalidAuthorizationSpecificationError,
)
"""What a statement raises when PostgreSQL is away, or going."""


class Database:
    """A pool of connections to one block's database."""

    def __init__(self, url: str, pool_size: int = 8) -> None:
        self._engine: AsyncEngine = create_async_engine(
            url.replace("postgresql://", "postgresql+asyncpg://", 1),
            isolation_level="AUTOCOMMIT",
            hide_parameters=True,  # what was sent may be personal, and errors are logged
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=10,
            pool_use_lifo=True,
            connect_args={
                "server_settings": {"statement_timeout": "5000", "jit": "off"},
                "timeout": 5,
            },
        )

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[AsyncConnection]:
        """Lend a connection in AUTOCOMMIT."""
        try:
            connection = await self._open_one()
        except (*LOST, DBAPIError) as error:  # SQLAlchemy wraps what PostgreSQL says at its door
            raise DatabaseUnavailable from error
        try:
            yield connection
        finally:
            await connection.close()

    async def _open_one(self) -> AsyncConnection:
        """Check out a connection; SQLAlchemy does not see what ends while we use the driver."""
        while True:
            connection = await self._engine.connect()
            if not (await driver(connection)).is_closed():
                return connection
            await connection.invalidate()
            await connection.close()

    async def is_ready(self) -> bool:
        """Tell whether PostgreSQL answers."""
        try:
            async with self.connection() as connection:
                await (await driver(connection)).fetchval("SELECT 1")
        except (DatabaseUnavailable, *LOST):
            return False
        return True

    async def close(self) -> None:
        """Give all connections back."""
        await self._engine.dispose()


class Lender(Protocol):
    """What lends connections: the pool, or a test's single one."""

    def connection(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Lend a connection in AUTOCOMMIT."""
        ...


async def driver(connection: AsyncConnection) -> asyncpg.Connection:
    """Return the asyncpg connection underneath, for the hot statements."""
    raw = await connection.get_raw_connection()
    return cast("asyncpg.Connection", raw.driver_connection)


class Session(Protocol):
    """Where a store sends its SQL: a ``Reading`` or a ``Transaction``."""

    def lend(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Lend the connection this session works on."""
        ...

    async def rows(
        self, statement: Executable, parameters: Parameters | None = None
    ) -> Sequence[Row[Any]]:
        """Run a composed statement; return its rows, an empty list when it gives none."""
        ...

    async def row(
        self, statement: Executable, parameters: Parameters | None = None
    ) -> Row[Any] | None:
        """Run a composed statement; return its first row if there is one."""
        ...

    async def fetch(self, sql: str, *arguments: object) -> list[asyncpg.Record]:
        """Run a hot statement on the driver; return its rows."""
        ...

    async def fetchrow(self, sql: str, *arguments: object) -> asyncpg.Record | None:
        """Run a hot statement on the driver; return its first row if there is one."""
        ...


class _Statements(ABC):
    """How statements run, whatever lends the connection."""

    @abstractmethod
    def lend(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Lend the connection that statements run on."""

    async def rows(
        self, statement: Executable, parameters: Parameters | None = None
    ) -> Sequence[Row[Any]]:
        """Run a composed statement; return its rows, an empty list when it gives none."""
        async with self.lend() as connection:
            result = await connection.execute(statement, parameters)
            return result.all() if result.returns_rows else []

    async def row(
        self, statement: Executable, parameters: Parameters | None = None
    ) -> Row[Any] | None:
        """Run a composed statement; return its first row if there is one."""
        found = await self.rows(statement, parameters)
        return found[0] if found else None

    async def fetch(self, sql: str, *arguments: object) -> list[asyncpg.Record]:
        """Run a hot statement on the driver; return its rows."""
        async with self.lend() as connection:
            return await (await driver(connection)).fetch(sql, *arguments)

    async def fetchrow(self, sql: str, *arguments: object) -> asyncpg.Record | None:
        """Run a hot statement on the driver; return its first row if there is one."""
        async with self.lend() as connection:
            return await (await driver(connection)).fetchrow(sql, *arguments)


class Reading(_Statements):
    """Statements outside any transaction, each on a connection of its own."""

    def __init__(self, lender: Lender) -> None:
        self._lender = lender

    def lend(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Lend a connection for one statement."""
        return self._lender.connection()


class Transaction(_Statements):
    """One transaction, begun by its first statement; the door commits it or rolls it back.

    ``async with Transaction(database) as session:`` commits when the block ends and rolls back
    when it raises.
    """

    def __init__(self, lender: Lender) -> None:
        self._lender = lender
        self._loan: AbstractAsyncContextManager[AsyncConnection] | None = None
        self._connection: AsyncConnection | None = None
        self._work: asyncpg.transaction.Transaction | None = None

    @asynccontextmanager
    async def lend(self) -> AsyncGenerator[AsyncConnection]:
        """Lend the transaction's connection, beginning it when this is the first use."""
        yield self._connection or await self._begin()

    async def _begin(self) -> AsyncConnection:
        loan = self._lender.connection()
        self._connection = await loan.__aenter__()
        self._loan = loan  # what could not be lent is not given back
        self._work = (await driver(self._connection)).transaction()
        await self._work.start()
        return self._connection

    async def __aenter__(self) -> Self:
        """Open the door; nothing is connected yet."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Commit, or roll back when the block raised; give the connection back."""
        try:
            await self._end(commits=kind is None)
        finally:
            if self._loan is not None:
                await self._loan.__aexit__(kind, error, trace)
            self._loan = self._connection = self._work = None

    async def _end(self, *, commits: bool) -> None:
        """Commit or roll back; a connection on which that fails is not used again.

        A cancelled BEGIN or COMMIT may have reached PostgreSQL or not: the next transaction on
        such a connection would be a savepoint of this one, and its commit would keep nothing.
        """
        if self._work is None or self._connection is None:
            return
        try:
            await (self._work.commit() if commits else self._work.rollback())
        except BaseException as failed:
            await self._connection.invalidate()
            if commits or not isinstance(failed, Exception):
                raise  # what made us roll back says more than that rolling back failed
