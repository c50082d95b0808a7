"""Terms of a consent, further signatures, who speaks for whom, and who is told of what."""

from alembic import op

from kit.migrations import steps

revision = "0004"
down_revision = "0003"

_RECORDS = (
    """
    ALTER TABLE consent_record
      ADD COLUMN attributes text[],
      ADD COLUMN extensions integer NOT NULL DEFAULT 0,
      ADD COLUMN fetches integer NOT NULL DEFAULT 0,
      ADD COLUMN fetched_at timestamptz,
      ADD COLUMN expiry_told_at timestamptz
    """,
    """
    CREATE INDEX consent_record_expiring ON consent_record (expires_at)
      WHERE expires_at IS NOT NULL AND expiry_told_at IS NULL
    """,
    """
    ALTER TABLE signature
      ADD COLUMN number integer NOT NULL DEFAULT 1,
      DROP CONSTRAINT signature_once,
      ADD CONSTRAINT signature_place UNIQUE (revision_id, number)
    """,
)

_WEBHOOKS = (
    """
    CREATE TABLE webhook (
      id text PRIMARY KEY,
      tenant text NOT NULL,
      endpoint_id uuid NOT NULL UNIQUE REFERENCES delivery_endpoint (id),
      disabled boolean NOT NULL,
      events text[] NOT NULL,
      created_at timestamptz NOT NULL,
      changed_at timestamptz NOT NULL,
      deleted_at timestamptz
    )
    """,
    "CREATE INDEX webhook_tenant ON webhook (tenant, created_at)",
)

_TRANSMISSIONS = (
    """
    CREATE TABLE transmission (
      id uuid PRIMARY KEY,
      at timestamptz NOT NULL,
      tenant text NOT NULL,
      record_id text NOT NULL,
      individual_id text REFERENCES individual (id),
      agreement_id text NOT NULL,
      client text NOT NULL,
      data_source text NOT NULL,
      service text NOT NULL,
      attributes text[],
      decision_id text,
      exchange_id uuid NOT NULL,
      CONSTRAINT transmission_once UNIQUE (exchange_id, record_id)
    )
    """,
    "CREATE INDEX transmission_individual ON transmission (individual_id, at, id)",
    "CREATE INDEX transmission_tenant ON transmission (tenant, at, id)",
    "CREATE INDEX transmission_record ON transmission (record_id, at, id)",
    "CREATE INDEX transmission_at ON transmission (at, id)",
)


def upgrade() -> None:
    """Extend what is there, and create what is new."""
    for statement in _RECORDS:
        op.execute(statement)
    steps.create_queue()
    steps.create_deliveries()
    for statement in _WEBHOOKS:
        op.execute(statement)
    for statement in _TRANSMISSIONS:
        op.execute(statement)
