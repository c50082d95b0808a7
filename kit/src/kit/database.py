"""The database as a block sees it.

Reads take no transaction and hold a connection only while a statement runs (``Reading``); writes
take exactly one transaction, which the door opened and the door commits (``Transaction``). Both
connect when first used, so nothing is held while a request waits for another block. The engine is
in AUTOCOMMIT; a transaction is the driver's own (docs/decisions/0002).
"""

import asyncio
import re
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar, cast

import asyncpg
import asyncpg.transaction
from sqlalchemy import CursorResult, Executable, NullPool, Row
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from kit.problems import Unavailable

Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]]


class DatabaseUnavailable(Unavailable):
    """PostgreSQL does not answer, or all its connections are busy."""

    title = "The database does not answer"


_PARAMETER = re.compile(r"\$([0-9]+)")
_PATIENCE = 10.0
"""Seconds to wait for a connection when all are lent."""

LOST = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # of a connection whose end has arrived but was not yet seen
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.AdminShutdownError,
    asyncpg.InvalidAuthorizationSpecificationError,
)
"""What a statement raises when PostgreSQL is away, or going."""

_Found = TypeVar("_Found")


def is_lost(error: Exception) -> bool:
    """Tell whether an error says that PostgreSQL is away; SQLAlchemy wraps the driver's."""
    if not isinstance(error, DBAPIError):
        return isinstance(error, LOST)
    return error.connection_invalidated


@dataclass(frozen=True, slots=True)
class Statement:
    """A part of a larger statement: its name there, and its SQL with parameters of its own."""

    name: str
    sql: str
    arguments: tuple[object, ...] = ()


def together(parts: Sequence[Statement], last: str) -> tuple[str, list[object]]:
    """Return one statement made of several, which see each other by name, and its parameters.

    All of them happen or none does, with one way to PostgreSQL and back (``WITH``).
    """
    texts: list[str] = []
    arguments: list[object] = []
    for part in parts:
        texts.append(f"{part.name} AS ({_renumbered(part.sql, len(arguments))})")
        arguments += part.arguments
    return "WITH " + ", ".join(texts) + " " + last, arguments


@lru_cache(maxsize=1000)
def _renumbered(sql: str, before: int) -> str:
    return _PARAMETER.sub(lambda found: f"${int(found[1]) + before}", sql)


def narrowed(given: Iterable[tuple[str, object]]) -> tuple[str, list[object]]:
    """Return a clause of those whose value is not None, and its parameters.

    Only what limits is said, so that PostgreSQL chooses the index for it. Each has ``{}``
    where its value goes; a tuple is several values.
    """
    said, values = list[str](), list[object]()
    for clause, value in given:
        if value is None:
            continue
        own = cast("tuple[object, ...]", value if isinstance(value, tuple) else (value,))
        said.append(clause.format(*(f"${len(values) + n}" for n in range(1, len(own) + 1))))
        values += own
    return " AND ".join(said) or "true", values


class Connection:
    """A connection to PostgreSQL in AUTOCOMMIT, and the two ways to send it SQL.

    ``driver`` is for statements written out; ``execute`` for those composed with SQLAlchemy, which
    works on the same asyncpg connection.
    """

    def __init__(self, composed: AsyncConnection, driver: asyncpg.Connection) -> None:
        self.driver = driver
        self.is_new = True
        self._composed = composed
        self._spoiled = False

    async def execute(
        self, statement: Executable, parameters: Parameters | None = None
    ) -> CursorResult[Any]:
        """Run a composed statement."""
        return await self._composed.execute(statement, parameters)

    async def rows(
        self, statement: Executable, parameters: Parameters | None = None
    ) -> Sequence[Row[Any]]:
        """Run a composed statement; return its rows, an empty list when it gives none."""
        result = await self.execute(statement, parameters)
        return result.all() if result.returns_rows else []

    async def fetch(self, sql: str, *arguments: object) -> list[asyncpg.Record]:
        """Run a hot statement on the driver; return its rows."""
        return await self.driver.fetch(sql, *arguments)

    async def fetchrow(self, sql: str, *arguments: object) -> asyncpg.Record | None:
        """Run a hot statement on the driver; return its first row if there is one."""
        return await self.driver.fetchrow(sql, *arguments)

    def spoil(self) -> None:
        """Say that nobody knows what state this connection is in: it is not lent again."""
        self._spoiled = True

    @property
    def is_usable(self) -> bool:
        """Tell whether this connection can be lent again."""
        return not self._spoiled and not self.driver.is_closed()

    async def end(self) -> None:
        """Close the connection, whatever state it is in."""
        await self._composed.invalidate()
        await self._composed.close()


class Database:
    """A pool of connections to one block's database.

    The pool is ours: SQLAlchemy's own takes a third of a hot read's time to lend a connection and
    to take it back (docs/decisions/0011).
    """

    def __init__(self, url: str, pool_size: int = 8) -> None:
        self._engine: AsyncEngine = create_async_engine(
            url.replace("postgresql://", "postgresql+asyncpg://", 1),
            isolation_level="AUTOCOMMIT",
            hide_parameters=True,  # what was sent may be personal, and errors are logged
            poolclass=NullPool,
            connect_args={
                "server_settings": {"statement_timeout": "5000", "jit": "off"},
                "timeout": 5,
                # asyncpg's timer for each statement would hold the request that prepared it
                "max_cached_statement_lifetime": 0,
            },
        )
        self._idle: list[Connection] = []
        self._places = asyncio.Semaphore(pool_size)
        self._is_closed = False

    def connection(self) -> AbstractAsyncContextManager[Connection]:
        """Lend a connection; the one given back last is lent first."""
        return _Loan(self)

    async def take(self) -> Connection:
        """Take a connection, which must be given back; raise DatabaseUnavailable."""
        await self._take_place()
        try:
            return await self._usable() or await self._open()
        except BaseException:
            self._places.release()
            raise

    async def give(self, connection: Connection) -> None:
        """Take a connection back."""
        try:
            if connection.is_usable and not self._is_closed:
                connection.is_new = False
                self._idle.append(connection)
            else:
                await connection.end()
        finally:
            self._places.release()

    async def _take_place(self) -> None:
        if not self._places.locked():
            await self._places.acquire()
            return
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._places.acquire()
        except TimeoutError as error:
            raise DatabaseUnavailable from error

    async def _usable(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_usable:
                return connection
            await connection.end()
        return None

    async def _open(self) -> Connection:
        try:
            composed = await self._engine.connect()
        except (*LOST, DBAPIError) as error:  # SQLAlchemy wraps what PostgreSQL says at its door
            raise DatabaseUnavailable from error
        raw = await composed.get_raw_connection()
        return Connection(composed, cast("asyncpg.Connection", raw.driver_connection))

    async def is_ready(self) -> bool:
        """Tell whether PostgreSQL answers."""
        try:
            async with self.connection() as connection:
                await connection.driver.fetchval("SELECT 1")
        except (DatabaseUnavailable, *LOST):
            return False
        return True

    async def close(self) -> None:
        """Close all connections; those that are lent are closed when they come back."""
        self._is_closed = True
        while self._idle:
            await self._idle.pop().end()
        await self._engine.dispose()


class _Loan:
    """A connection from when it is lent until it is given back."""

    __slots__ = ("_connection", "_database")

    def __init__(self, database: Database) -> None:
        self._database = database

    async def __aenter__(self) -> Connection:
        self._connection = await self._database.take()
        return self._connection

    async def __aexit__(self, *_error: object) -> None:
        await self._database.give(self._connection)


class Lender(Protocol):
    """What lends connections: the pool, or a test's single one."""

    def connection(self) -> AbstractAsyncContextManager[Connection]:
        """Lend a connection in AUTOCOMMIT."""
        ...


class Session(Protocol):
    """Where a store sends its SQL: a ``Reading`` or a ``Transaction``."""

    is_committed: bool
    """Whether what was written here stands."""

    def lend(self) -> AbstractAsyncContextManager[Connection]:
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
    async def _send(self, use: Callable[[Connection], Awaitable[_Found]]) -> _Found:
        """Send a statement on the connection that statements run on."""

    async def rows(
        self, statement: Executable, parameters: Parameters | None = None
    ) -> Sequence[Row[Any]]:
        """Run a composed statement; return its rows, an empty list when it gives none."""
        return await self._send(lambda connection: connection.rows(statement, parameters))

    async def row(
        self, statement: Executable, parameters: Parameters | None = None
    ) -> Row[Any] | None:
        """Run a composed statement; return its first row if there is one."""
        found = await self.rows(statement, parameters)
        return found[0] if found else None

    async def fetch(self, sql: str, *arguments: object) -> list[asyncpg.Record]:
        """Run a hot statement on the driver; return its rows."""
        return await self._send(lambda connection: connection.fetch(sql, *arguments))

    async def fetchrow(self, sql: str, *arguments: object) -> asyncpg.Record | None:
        """Run a hot statement on the driver; return its first row if there is one."""
        return await self._send(lambda connection: connection.fetchrow(sql, *arguments))


class Reading(_Statements):
    """Statements outside any transaction, each on a connection of its own.

    They change nothing, so what was sent on a connection that had ended while it was idle is sent
    again on another one.
    """

    is_committed = True

    def __init__(self, lender: Lender) -> None:
        self._lender = lender

    def lend(self) -> AbstractAsyncContextManager[Connection]:
        """Lend a connection for one statement."""
        return self._lender.connection()

    async def _send(self, use: Callable[[Connection], Awaitable[_Found]]) -> _Found:
        while True:
            async with self._lender.connection() as connection:
                try:
                    return await use(connection)
                except (*LOST, DBAPIError) as error:
                    if connection.is_new or not is_lost(error):
                        raise
                    connection.spoil()


class Transaction(_Statements):
    """One transaction, begun by its first statement; the door commits it or rolls it back.

    ``async with Transaction(database) as session:`` commits when the block ends and rolls back
    when it raises.
    """

    def __init__(self, lender: Lender) -> None:
        self.is_committed = False
        self._lender = lender
        self._loan: AbstractAsyncContextManager[Connection] | None = None
        self._connection: Connection | None = None
        self._work: asyncpg.transaction.Transaction | None = None

    @asynccontextmanager
    async def lend(self) -> AsyncGenerator[Connection]:
        """Lend the transaction's connection, beginning it when this is the first use."""
        yield self._connection or await self._begin()

    async def _send(self, use: Callable[[Connection], Awaitable[_Found]]) -> _Found:
        return await use(self._connection or await self._begin())

    async def alone(self, sql: str, *arguments: object) -> list[asyncpg.Record]:
        """Run a statement that is the whole transaction; it is committed when this returns.

        PostgreSQL makes a transaction of each statement by itself: BEGIN and COMMIT are not sent.
        Where one is open already, as in a test that takes everything back, it is a savepoint of it.
        """
        async with self._lender.connection() as connection:
            if connection.driver.is_in_transaction():
                async with connection.driver.transaction():
                    rows = await connection.fetch(sql, *arguments)
            else:
                rows = await connection.fetch(sql, *arguments)
        self.is_committed = True
        return rows

    async def _begin(self) -> Connection:
        loan = self._lender.connection()
        connection = self._connection = await loan.__aenter__()
        self._loan = loan  # what could not be lent is not given back
        self._work = connection.driver.transaction()
        try:
            await self._work.start()
        except LOST:
            if connection.is_new:
                raise
            connection.spoil()  # it ended while it was idle: nothing was sent, another one serves
            await self._give_back()
            return await self._begin()
        return connection

    async def __aenter__(self) -> Self:
        """Open the door; nothing is connected yet."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Commit, or roll back when the block raised; give the connection back."""
        try:
            await self._end(commits=kind is None)
        finally:
            await self._give_back()

    async def _give_back(self) -> None:
        loan, self._loan, self._connection, self._work = self._loan, None, None, None
        if loan is not None:
            await loan.__aexit__(None, None, None)

    async def _end(self, *, commits: bool) -> None:
        """Commit or roll back; a connection on which that fails is not used again.

        A cancelled BEGIN or COMMIT may have reached PostgreSQL or not: the next transaction on
        such a connection would be a savepoint of this one, and its commit would keep nothing.
        """
        if self._work is None or self._connection is None:
            return
        try:
            await (self._work.commit() if commits else self._work.rollback())
            self.is_committed = commits
        except BaseException as failed:
            self._connection.spoil()
            if commits or not isinstance(failed, Exception):
                raise  # what made us roll back says more than that rolling back failed
