"""The queue, subscriptions with their deliveries, and automations."""

from alembic import op

from kit.migrations import steps

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    steps.create_queue()
    steps.create_deliveries()
    for statement in _STATEMENTS:
        op.execute(statement)


_STATEMENTS = (
    """
    CREATE TABLE subscription (
      id uuid PRIMARY KEY,
      database_id bigint NOT NULL REFERENCES database,
      tenant text NOT NULL,
      client text NOT NULL,
      scopes text[] NOT NULL,
      legal_basis text,
      version integer NOT NULL,
      events text[] NOT NULL,
      condition jsonb,
      fields text[] NOT NULL,
      with_content boolean NOT NULL,
      is_active boolean NOT NULL,
      endpoint_id uuid NOT NULL UNIQUE REFERENCES delivery_endpoint,
      created_at timestamptz NOT NULL,
      changed_at timestamptz NOT NULL,
      deleted_at timestamptz
    )
    """,
    "CREATE INDEX subscription_database ON subscription (database_id) WHERE deleted_at IS NULL",
    """
    CREATE TABLE automation (
      id uuid PRIMARY KEY,
      database_id bigint NOT NULL REFERENCES database,
      tenant text NOT NULL,
      client text NOT NULL,
      scopes text[] NOT NULL,
      document jsonb NOT NULL,
      is_active boolean NOT NULL,
      seconds integer,
      next_at timestamptz,
      token bytea UNIQUE,
      endpoint_id uuid REFERENCES delivery_endpoint,
      seen xid8,
      created_at timestamptz NOT NULL,
      changed_at timestamptz NOT NULL,
      deleted_at timestamptz
    )
    """,
    "CREATE INDEX automation_database ON automation (database_id) WHERE deleted_at IS NULL",
    "CREATE INDEX automation_due ON automation (next_at) WHERE deleted_at IS NULL",
    """
    CREATE TABLE automation_run (
      id uuid PRIMARY KEY,
      automation_id uuid NOT NULL REFERENCES automation,
      began_by text NOT NULL,
      state text NOT NULL,
      reason text,
      started_at timestamptz NOT NULL,
      ended_at timestamptz,
      after_id uuid,
      sees xid8 NOT NULL DEFAULT pg_snapshot_xmin(pg_current_snapshot()),
      done integer NOT NULL DEFAULT 0,
      failed integer NOT NULL DEFAULT 0
    )
    """,
    """
    CREATE UNIQUE INDEX automation_run_once ON automation_run (automation_id)
      WHERE state = 'running'
    """,
    "CREATE INDEX automation_run_newest ON automation_run (automation_id, started_at)",
    """
    CREATE TABLE automation_failure (
      run_id uuid NOT NULL REFERENCES automation_run,
      record_id uuid NOT NULL,
      number bigint NOT NULL,
      at timestamptz NOT NULL,
      reason text NOT NULL,
      PRIMARY KEY (run_id, record_id)
    )
    """,
    """
    CREATE TABLE automation_progress (
      automation_id uuid NOT NULL REFERENCES automation,
      record_id uuid NOT NULL REFERENCES record,
      revision integer NOT NULL,
      PRIMARY KEY (automation_id, record_id)
    )
    """,
)
