"""The ledger's tables: entries as they are written, and the tree that is built from them.

Nothing here is ever changed: the role that serves may insert and select, and delete only a
subject's key, which erases the person (docs/decisions/0013).
"""

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.types import UserDefinedType

APPEND_ONLY = (
    "evidence_entry",
    "evidence_detail",
    "evidence_leaf",
    "evidence_node",
    "evidence_checkpoint",
    "evidence_timestamp",
    "evidence_cosignature",
    "evidence_witnessed",
    "evidence_part",
)


class Xid8(UserDefinedType[str]):
    """PostgreSQL's 64-bit transaction number."""

    cache_ok = True

    def get_col_spec(self, **_more: object) -> str:
        """Return the type's name."""
        return "xid8"


_known = cast("dict[str, Any]", ischema_names)
_known["xid8"] = Xid8  # or a comparison of tables and migrations would not know it


def add_tables(metadata: MetaData) -> None:
    """Describe the evidence tables in a block's metadata."""
    Table(
        "evidence_entry",
        metadata,
        Column("id", Uuid, primary_key=True),
        Column("at", DateTime(timezone=True), nullable=False),
        Column("kind", Text, nullable=False),
        Column("actor", Text, nullable=False),
        Column("object", Text, nullable=False),
        Column("subject", LargeBinary),
        Column("tenant", Text, nullable=False),
        Column("facts", postgresql.JSONB, nullable=False),
        Column("canonical", LargeBinary, nullable=False),
        Column("leaf", LargeBinary, nullable=False),
        Column("xid", Xid8, nullable=False),
        Index("evidence_entry_at", "at"),
        Index("evidence_entry_subject", "subject", "at"),
        Index("evidence_entry_object", "object", "at"),
        Index("evidence_entry_xid", "xid"),
    )
    Table(
        "evidence_detail",
        metadata,
        Column("entry_id", Uuid, primary_key=True),
        Column("sealed", LargeBinary, nullable=False),
    )
    Table(
        "evidence_part",
        metadata,
        Column("entry_id", Uuid, primary_key=True),
        Column("place", Integer, primary_key=True, autoincrement=False),
        Column("at", DateTime(timezone=True), nullable=False),  # the entry's: parts are found by it
        Column("object", Text, nullable=False),
        Column("subject", LargeBinary),
        Column("canonical", LargeBinary, nullable=False),
        Column("sealed", LargeBinary),
        Index("evidence_part_subject", "subject", "at"),
        Index("evidence_part_object", "object", postgresql_using="hash"),
    )
    Table(
        "evidence_key",
        metadata,
        Column("subject", LargeBinary, primary_key=True),
        Column("wrapped", LargeBinary, nullable=False),
    )
    Table(
        "evidence_leaf",
        metadata,
        Column("index", BigInteger, primary_key=True, autoincrement=False),
        Column("entry_id", Uuid, nullable=False, unique=True),
        Column("hash", LargeBinary, nullable=False),
    )
    Table(
        "evidence_node",
        metadata,
        Column("level", BigInteger, primary_key=True, autoincrement=False),
        Column("index", BigInteger, primary_key=True, autoincrement=False),
        Column("hash", LargeBinary, nullable=False),
    )
    Table(
        "evidence_checkpoint",
        metadata,
        Column("size", BigInteger, primary_key=True, autoincrement=False),
        Column("root", LargeBinary, nullable=False),
        Column("at", DateTime(timezone=True), nullable=False),
        Column("signed", Text, nullable=False),
    )
    Table(
        "evidence_timestamp",
        metadata,
        Column("size", BigInteger, primary_key=True, autoincrement=False),
        Column("token", LargeBinary, nullable=False),
    )
    Table(
        "evidence_cosignature",
        metadata,
        Column("size", BigInteger, primary_key=True, autoincrement=False),
        Column("witness", Text, primary_key=True),
        Column("signed", Text, nullable=False),
    )
    Table(
        "evidence_witnessed",
        metadata,
        Column("ledger", Text, primary_key=True),
        Column("size", BigInteger, primary_key=True, autoincrement=False),
        Column("root", LargeBinary, nullable=False),
        Column("signed", Text, nullable=False),
    )


def only_insert(runtime_role: str, tables: Sequence[str] = APPEND_ONLY) -> list[str]:
    """Return the statements that leave the runtime role INSERT and SELECT on the ledger."""
    quoted = '"' + runtime_role.replace('"', '""') + '"'
    kept = [f"REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM {quoted}" for table in tables]
    return [*kept, f"REVOKE TRUNCATE ON evidence_key FROM {quoted}"]
