"""The database that each block gets, with a role that owns it and one that uses it."""

from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import asyncpg

from stack.postgres.connecting import connected, refusals_explained, without_secrets
from stack.postgres.errors import PostgresError

_BUILTIN_LOCALE_SINCE = 17
_SET_RIGHT_SINCE = 16  # before, every member of a role could become it
_LONGEST_NAME = 63 - len("_runtime")  # bytes; PostgreSQL cuts longer identifiers
_PROVISIONING = 7_469_862_113  # the advisory lock of `provision`: any number, always this


@dataclass(frozen=True)
class BlockDatabase:
    """The two URLs of one block's database: for migrations and for requests."""

    owner_url: str
    runtime_url: str


async def provision(admin_url: str, name: str, secrets: tuple[str, str]) -> BlockDatabase:
    """Bring the database `name` and its two roles to the wanted state.

    The roles are `<name>_owner` and `<name>_runtime`; `secrets` are their passwords in
    this order. The admin must be allowed to create roles and databases. Repeating it
    changes nothing but the passwords.
    """
    if not 0 < len(name.encode()) <= _LONGEST_NAME:
        raise PostgresError(f"A database name has 1 to {_LONGEST_NAME} bytes, unlike {name!r}.")
    owner, runtime = f"{name}_owner", f"{name}_runtime"
    result = BlockDatabase(
        owner_url=_for_role(admin_url, name, owner, secrets[0]),
        runtime_url=_for_role(admin_url, name, runtime, secrets[1]),
    )
    async with connected(admin_url) as admin, refusals_explained(admin_url):
        await admin.execute("SET lock_timeout = '30s'")
        await admin.execute("SELECT pg_advisory_lock($1)", _PROVISIONING)
        await _keep_role(admin, owner, secrets[0])
        await _keep_role(admin, runtime, secrets[1])
        await _keep_database(admin, name, owner)
        async with connected(result.owner_url) as connection:
            await _grant(connection, name, owner, runtime)
    return result


async def _keep_role(admin: asyncpg.Connection, role: str, password: str) -> None:
    found = await admin.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role)
    verb = "ALTER" if found else "CREATE"
    await _run(admin, f"{verb} ROLE %I LOGIN PASSWORD %L", role, password)


async def _keep_database(admin: asyncpg.Connection, name: str, owner: str) -> None:
    version = admin.get_server_version().major
    right = "SET" if version >= _SET_RIGHT_SINCE else "MEMBER"
    query = "SELECT pg_has_role(current_user, $1::name, $2)"
    if not await admin.fetchval(query, owner, right):
        await _run(admin, "GRANT %I TO CURRENT_USER", owner)
    holder = await admin.fetchval(
        "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = $1", name
    )
    if holder is None:
        locale = (
            " LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'"
            if version >= _BUILTIN_LOCALE_SINCE
            else ""
        )
        create = "CREATE DATABASE %I OWNER %I TEMPLATE template0 ENCODING 'UTF8'"
        await _run(admin, create + locale, name, owner)
    elif holder != owner:
        await _run(admin, "ALTER DATABASE %I OWNER TO %I", name, owner)


async def _grant(connection: asyncpg.Connection, name: str, owner: str, runtime: str) -> None:
    """Give the runtime role what requests need, and everybody else nothing."""
    script = """
    REVOKE ALL ON DATABASE %1$I FROM PUBLIC;
    GRANT CONNECT ON DATABASE %1$I TO %2$I, %3$I;
    REVOKE ALL ON SCHEMA public FROM PUBLIC;
    GRANT USAGE ON SCHEMA public TO %3$I;
    ALTER DEFAULT PRIVILEGES FOR ROLE %2$I
        GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO %3$I;
    ALTER DEFAULT PRIVILEGES FOR ROLE %2$I GRANT USAGE ON SEQUENCES TO %3$I;
    ALTER DEFAULT PRIVILEGES FOR ROLE %2$I GRANT EXECUTE ON FUNCTIONS TO %3$I;
    """
    await _run(connection, script, name, owner, runtime)
    found = await connection.fetchval("SELECT 1 FROM pg_namespace WHERE nspname = 'numbers'")
    if not found:
        await connection.execute("CREATE SCHEMA numbers")
    await _run(connection, "GRANT CREATE, USAGE ON SCHEMA numbers TO %I", runtime)


async def _run(connection: asyncpg.Connection, command: str, *values: str) -> None:
    """Run a command that takes no parameters, its values quoted by PostgreSQL itself."""
    query = "SELECT format($1, VARIADIC $2::text[])"
    quoted: str = await connection.fetchval(query, command, list(values))  # pyright: ignore[reportAssignmentType] -- never NULL
    await connection.execute(quoted)


def _for_role(admin_url: str, name: str, role: str, password: str) -> str:
    """Lead to the same server as the admin's URL, to another database as another role."""
    without_secrets(admin_url)
    parts = urlsplit(admin_url)
    hosts = parts.netloc.rpartition("@")[2]
    personal = {"user", "password", "database", "dbname", "passfile"}
    query = [pair for pair in parse_qsl(parts.query) if pair[0] not in personal]
    login = f"{quote(role, safe='')}:{quote(password, safe='')}"
    rest = f"?{urlencode(query, safe='/')}" if query else ""
    return f"postgresql://{login}@{hosts}/{quote(name, safe='')}{rest}"
