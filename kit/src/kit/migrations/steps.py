"""What a block's migration files are written with: Alembic's way in, the ledger, the queue."""

from collections.abc import Sequence
from typing import cast

from alembic import context, op
from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment
from sqlalchemy import Connection, MetaData
from sqlalchemy.util import await_only

from kit import evidence


def run(metadata: MetaData) -> None:
    """Alembic's way in, for ``migrations/env.py``; who serves may only read the version."""
    connection = cast("Connection", context.config.attributes["connection"])
    role = cast("str | None", context.config.attributes.get("runtime_role"))
    context.configure(connection=connection, target_metadata=metadata)
    with context.begin_transaction():
        context.run_migrations()
        if role:
            quoted = connection.dialect.identifier_preparer.quote_identifier(role)
            revoke = f"REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON alembic_version FROM {quoted}"
            connection.exec_driver_sql(revoke)


def runtime_role() -> str | None:
    """Return the role that serves requests, inside a migration; None when it is the owner."""
    migration_context = op.get_context()
    config = migration_context.config
    return cast("str | None", config.attributes.get("runtime_role")) if config else None


def create_ledger() -> None:
    """Create the evidence tables as of version 0001; ``prove_ledger`` adds the others."""
    for statement in _LEDGER:
        op.execute(statement)


def prove_ledger() -> None:
    """Add what proves the ledger: the tree, its checkpoints, and who may see an entry."""
    for statement in _PROOFS:
        op.execute(statement)
    _only_insert([table for table in evidence.APPEND_ONLY if table != "evidence_part"])


def keep_parts() -> None:
    """Add the parts of bulk operations' entries."""
    for statement in _PARTS:
        op.execute(statement)
    _only_insert(["evidence_part"])


def _only_insert(tables: Sequence[str]) -> None:
    role = runtime_role()
    for statement in evidence.only_insert(role, tables) if role else ():
        op.execute(statement)


def create_queue() -> None:
    """Create PgQueuer's tables, types, function and trigger (docs/decisions/0007)."""
    op.execute("SELECT 1")  # SQLAlchemy begins lazily; the driver's statements must be inside
    driver = op.get_bind().connection.driver_connection
    if driver is None:
        message = "a migration runs on a connection"
        raise RuntimeError(message)
    await_only(driver.execute(QueryBuilderEnvironment().build_install_query()))


def create_deliveries() -> None:
    """Create the tables of deliveries; they need the queue."""
    for statement in _DELIVERIES:
        op.execute(statement)


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
_PROOFS = (
    """
    ALTER TABLE evidence_entry
      ADD tenant text NOT NULL DEFAULT '',
      ADD xid xid8 NOT NULL DEFAULT pg_current_xact_id()
    """,
    "CREATE INDEX evidence_entry_xid ON evidence_entry (xid)",
    """
    CREATE TABLE evidence_leaf (
      index bigint PRIMARY KEY,
      entry_id uuid NOT NULL UNIQUE,
      hash bytea NOT NULL
    )
    """,
    """
    CREATE TABLE evidence_node (
      level bigint NOT NULL,
      index bigint NOT NULL,
      hash bytea NOT NULL,
      PRIMARY KEY (level, index)
    )
    """,
    """
    CREATE TABLE evidence_checkpoint (
      size bigint PRIMARY KEY,
      root bytea NOT NULL,
      at timestamptz NOT NULL,
      signed text NOT NULL
    )
    """,
    """
    CREATE TABLE evidence_timestamp (
      size bigint PRIMARY KEY,
      token bytea NOT NULL
    )
    """,
    """
    CREATE TABLE evidence_cosignature (
      size bigint NOT NULL,
      witness text NOT NULL,
      signed text NOT NULL,
      PRIMARY KEY (size, witness)
    )
    """,
    """
    CREATE TABLE evidence_witnessed (
      ledger text NOT NULL,
      size bigint NOT NULL,
      root bytea NOT NULL,
      signed text NOT NULL,
      PRIMARY KEY (ledger, size)
    )
    """,
)
_PARTS = (
    """
    CREATE TABLE evidence_part (
      entry_id uuid NOT NULL,
      place integer NOT NULL,
      at timestamptz NOT NULL,
      object text NOT NULL,
      subject bytea,
      canonical bytea NOT NULL,
      sealed bytea,
      PRIMARY KEY (entry_id, place)
    )
    """,
    "CREATE INDEX evidence_part_subject ON evidence_part (subject, at)",
    "CREATE INDEX evidence_part_object ON evidence_part USING hash (object)",
)
_DELIVERIES = (
    """
    CREATE TABLE delivery_endpoint (
      id uuid PRIMARY KEY,
      wrapped bytea,
      sealed bytea,
      failures integer NOT NULL DEFAULT 0,
      rests_until timestamptz,
      busy_until timestamptz
    )
    """,
    """
    CREATE TABLE delivery (
      id uuid PRIMARY KEY,
      endpoint_id uuid NOT NULL REFERENCES delivery_endpoint,
      event_id uuid NOT NULL,
      event_type text NOT NULL,
      state text NOT NULL,
      created_at timestamptz NOT NULL,
      give_up_at timestamptz NOT NULL,
      next_at timestamptz,
      ended_at timestamptz,
      count integer NOT NULL DEFAULT 0,
      wrapped bytea,
      sealed bytea,
      CONSTRAINT delivery_once UNIQUE (endpoint_id, event_id)
    )
    """,
    "CREATE INDEX delivery_waiting ON delivery (endpoint_id, next_at) WHERE state = 'waiting'",
    """
    CREATE TABLE delivery_attempt (
      delivery_id uuid NOT NULL REFERENCES delivery,
      number integer NOT NULL,
      at timestamptz NOT NULL,
      reason text NOT NULL,
      status integer,
      duration_ms integer NOT NULL,
      PRIMARY KEY (delivery_id, number)
    )
    """,
)
