"""Files of records, links between them, and shares."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Files of records, links between them, and shares."""
    _files()
    _links()
    _shares()


def _files() -> None:
    op.create_table(
        "file",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("record_id", sa.Uuid(), sa.ForeignKey("record.id"), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("file_record", "file", ["record_id"])
    op.create_table(
        "file_chunk",
        sa.Column("file_id", sa.Uuid(), sa.ForeignKey("file.id"), primary_key=True),
        sa.Column("number", sa.Integer(), primary_key=True),
        sa.Column("content", sa.LargeBinary(), nullable=False),
    )
    # parts of a chunk are read, and what people upload is compressed already
    op.execute("ALTER TABLE file_chunk ALTER COLUMN content SET STORAGE EXTERNAL")


def _links() -> None:
    op.create_table(
        "record_link",
        sa.Column("source", sa.Uuid(), sa.ForeignKey("record.id"), primary_key=True),
        sa.Column("field", sa.Text(), primary_key=True),
        sa.Column("value", sa.Text(), primary_key=True),
        sa.Column("source_database", sa.BigInteger(), nullable=False),
        sa.Column("target_database", sa.BigInteger(), nullable=False),
        sa.Column("target", sa.Uuid()),
        sa.Column("in_content", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("added", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.create_index("record_link_target", "record_link", ["target", "source_database", "field"])
    op.create_index("record_link_database", "record_link", ["source_database", "field"])
    op.execute(
        "CREATE INDEX record_link_value ON record_link (target_database, value) "
        "WHERE target IS NULL"
    )


def _shares() -> None:
    op.create_table(
        "share",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("token", sa.LargeBinary(), nullable=False, unique=True),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("person", sa.Text()),
        sa.Column("database_id", sa.BigInteger(), sa.ForeignKey("database.id"), nullable=False),
        sa.Column("record_id", sa.Uuid(), sa.ForeignKey("record.id"), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("fields", ARRAY(sa.Text()), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("sharer", JSONB(), nullable=False),
        sa.Column("rules", JSONB(), nullable=False),
        sa.Column("uses", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("max_uses", sa.Integer()),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True)),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
    )
    op.create_index("share_tenant", "share", ["tenant", "client", "id"])
    op.create_index("share_record", "share", ["record_id"])
