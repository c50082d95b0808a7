"""Certificates that applications are known by, and failed attempts by source."""

from alembic import op

revision = "0002"
down_revision = "0001"

_CHANGES = (
    "ALTER TABLE application ADD COLUMN certificates jsonb NOT NULL DEFAULT '[]'",
    "ALTER TABLE application DROP CONSTRAINT application_connection",
    """
    ALTER TABLE application ADD CONSTRAINT application_connection
      CHECK (connection IN ('none', 'http', 'https', 'oauth2', 'apiKey', 'mtls'))
    """,
    """
    CREATE UNLOGGED TABLE attempt (
      source bytea PRIMARY KEY,
      failures integer NOT NULL,
      began_at timestamptz NOT NULL,
      holds integer NOT NULL,
      held_at timestamptz NOT NULL,
      held_until timestamptz NOT NULL
    )
    """,
)


def upgrade() -> None:
    for change in _CHANGES:
        op.execute(change)
