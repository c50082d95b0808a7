"""Imports and their reports."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


_STATEMENTS = (
    """
    CREATE TABLE import_job (
      id uuid PRIMARY KEY,
      database_id bigint NOT NULL REFERENCES database (id),
      client text NOT NULL,
      state text NOT NULL,
      format text NOT NULL,
      options jsonb NOT NULL,
      wrapped bytea,
      caller bytea,
      problem jsonb,
      bytes bigint NOT NULL DEFAULT 0,
      rows_read bigint NOT NULL DEFAULT 0,
      created bigint NOT NULL DEFAULT 0,
      updated bigint NOT NULL DEFAULT 0,
      unchanged bigint NOT NULL DEFAULT 0,
      failed bigint NOT NULL DEFAULT 0,
      created_at timestamptz NOT NULL,
      changed_at timestamptz NOT NULL,
      ended_at timestamptz
    )
    """,
    "CREATE INDEX import_job_database ON import_job (database_id, created_at)",
    """
    CREATE TABLE import_part (
      import_id uuid NOT NULL REFERENCES import_job (id),
      number integer NOT NULL,
      sealed bytea NOT NULL,
      PRIMARY KEY (import_id, number)
    )
    """,
    """
    CREATE TABLE import_fault (
      import_id uuid NOT NULL REFERENCES import_job (id),
      place bigint NOT NULL,
      line bigint NOT NULL,
      errors jsonb NOT NULL,
      PRIMARY KEY (import_id, place)
    )
    """,
)
