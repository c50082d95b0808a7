"""Requests, their messages, the messages' events, and the sealed content."""

from alembic import op

from kit.migrations import steps

revision = "0001"
down_revision = None

_TABLES = (
    """
    CREATE TABLE request (
      id uuid PRIMARY KEY,
      uid text NOT NULL UNIQUE,
      tenant text NOT NULL,
      client text NOT NULL,
      hash bytea NOT NULL,
      transaction bytea,
      priority smallint NOT NULL,
      created_at timestamptz NOT NULL
    )
    """,
    """
    CREATE INDEX request_transaction ON request (tenant, transaction, created_at)
    WHERE transaction IS NOT NULL
    """,
    """
    CREATE TABLE message (
      id uuid PRIMARY KEY,
      request_id uuid NOT NULL REFERENCES request,
      position integer NOT NULL,
      UNIQUE (request_id, position)
    )
    """,
    """
    CREATE TABLE message_event (
      message_id uuid NOT NULL REFERENCES message,
      number integer NOT NULL,
      state text NOT NULL CONSTRAINT message_event_state CHECK (state IN
        ('scheduled', 'processing', 'deferred', 'bounced', 'notSent', 'delivered')),
      at timestamptz NOT NULL,
      attempt integer NOT NULL,
      code text NOT NULL,
      until timestamptz,
      PRIMARY KEY (message_id, number)
    )
    """,
    """
    CREATE TABLE request_content (
      request_id uuid PRIMARY KEY REFERENCES request,
      wrapped bytea NOT NULL,
      sealed bytea NOT NULL
    )
    """,
    """
    CREATE TABLE message_content (
      message_id uuid PRIMARY KEY REFERENCES message,
      wrapped bytea NOT NULL,
      sealed bytea NOT NULL
    )
    """,
)


def upgrade() -> None:
    steps.create_ledger()
    steps.create_queue()
    for statement in _TABLES:
        op.execute(statement)
    role = steps.runtime_role()
    if role is not None:
        quoted = '"' + role.replace('"', '""') + '"'
        op.execute(
            f"REVOKE UPDATE, DELETE, TRUNCATE ON request, message, message_event FROM {quoted}"
        )
        op.execute(f"REVOKE UPDATE, TRUNCATE ON request_content, message_content FROM {quoted}")
