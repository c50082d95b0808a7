"""Records keep their history, and databases their state and settings."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


_STATEMENTS = (
    """
    ALTER TABLE database
      ADD COLUMN revision bigint NOT NULL DEFAULT 1,
      ADD COLUMN archived_at timestamptz,
      ADD COLUMN settings jsonb NOT NULL DEFAULT '{}'
    """,
    """
    ALTER TABLE record
      ADD COLUMN revision integer NOT NULL DEFAULT 1,
      ADD COLUMN archived_at timestamptz,
      ADD COLUMN changed_in xid8 NOT NULL DEFAULT pg_current_xact_id()
    """,
    "CREATE INDEX record_changed ON record (database_id, changed_in, id)",
    """
    CREATE TABLE record_history (
      record_id uuid NOT NULL REFERENCES record (id),
      revision integer NOT NULL,
      database_id bigint NOT NULL,
      valid_from timestamptz NOT NULL,
      valid_to timestamptz NOT NULL,
      version_id uuid,
      primary_key text,
      subjects text[] NOT NULL,
      content jsonb NOT NULL,
      archived_at timestamptz,
      PRIMARY KEY (record_id, revision)
    )
    """,
    """
    CREATE TABLE record_counter (
      database_id bigint NOT NULL REFERENCES database (id),
      name text NOT NULL,
      value bigint NOT NULL,
      PRIMARY KEY (database_id, name)
    )
    """,
    """
    CREATE INDEX record_history_content ON record_history
      USING gin (content jsonb_path_ops)
    """,
)
