"""Databases, their versions, records and what must be unique."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from kit.migrations import steps

revision = "0001"
down_revision = None


def upgrade() -> None:
    steps.create_ledger()
    _databases()
    _records()


def _databases() -> None:
    op.create_table(
        "database",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("current_version", sa.Uuid()),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True)),
    )
    op.execute(
        "CREATE UNIQUE INDEX database_code ON database (tenant, lower(code)) "
        "WHERE deleted_at IS NULL"
    )
    op.create_table(
        "database_version",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("database_id", sa.BigInteger(), sa.ForeignKey("database.id"), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("definition", sa.JSON(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True)),
        sa.UniqueConstraint("database_id", "number", name="database_version_number"),
    )


def _records() -> None:
    op.create_table(
        "record",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("database_id", sa.BigInteger(), sa.ForeignKey("database.id"), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("version_id", sa.Uuid()),
        sa.Column("primary_key", sa.Text()),
        sa.Column("subjects", ARRAY(sa.Text()), nullable=False),
        sa.Column("content", JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True)),
        sa.UniqueConstraint("database_id", "number", name="record_number"),
    )
    op.create_index("record_of_database", "record", ["database_id", "id"])
    op.create_index("record_primary_key", "record", ["database_id", "primary_key"])
    op.execute("CREATE INDEX record_subjects ON record USING gin (subjects)")
    op.execute("CREATE INDEX record_content ON record USING gin (content jsonb_path_ops)")
    op.create_table(
        "record_unique_value",
        sa.Column("database_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("rule", sa.Text(), primary_key=True),
        sa.Column("value", sa.LargeBinary(), primary_key=True),
        sa.Column("record_id", sa.Uuid(), sa.ForeignKey("record.id"), nullable=False),
    )
    op.create_index("record_unique_value_record", "record_unique_value", ["record_id"])
