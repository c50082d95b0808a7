"""Revisions, policies, agreements, individuals, consent records and their signatures."""

from alembic import op

from kit.migrations import steps

revision = "0001"
down_revision = None

_TABLES = (
    """
    CREATE TABLE revision (
      id text PRIMARY KEY,
      tenant text NOT NULL,
      schema_name text NOT NULL,
      object_id text NOT NULL,
      number integer NOT NULL,
      signed_without_object_id boolean NOT NULL,
      snapshot text NOT NULL,
      hash text NOT NULL,
      hash_sha256 text NOT NULL,
      at timestamptz NOT NULL,
      authorized_by_individual text,
      authorized_by_other text,
      predecessor_hash text,
      predecessor_hash_sha256 text,
      predecessor_signature text,
      CONSTRAINT revision_place UNIQUE (schema_name, object_id, number),
      CONSTRAINT revision_once UNIQUE (hash_sha256)
    )
    """,
    "CREATE INDEX revision_tenant ON revision (tenant, at)",
    """
    CREATE TABLE policy (
      id text PRIMARY KEY,
      tenant text NOT NULL,
      content jsonb NOT NULL,
      revision_id text NOT NULL REFERENCES revision (id),
      created_at timestamptz NOT NULL,
      deleted_at timestamptz
    )
    """,
    "CREATE INDEX policy_tenant ON policy (tenant, created_at)",
    """
    CREATE TABLE agreement (
      id text PRIMARY KEY,
      tenant text NOT NULL,
      policy_id text REFERENCES policy (id),
      content jsonb NOT NULL,
      revision_id text NOT NULL REFERENCES revision (id),
      created_at timestamptz NOT NULL,
      deleted_at timestamptz
    )
    """,
    "CREATE INDEX agreement_tenant ON agreement (tenant, created_at)",
    "CREATE INDEX agreement_policy ON agreement (policy_id)",
    """
    CREATE TABLE individual (
      id text PRIMARY KEY,
      tenant text NOT NULL,
      reference bytea NOT NULL,
      person bytea NOT NULL,
      wrapped bytea NOT NULL,
      sealed bytea NOT NULL,
      created_at timestamptz NOT NULL,
      CONSTRAINT individual_once UNIQUE (tenant, reference)
    )
    """,
    "CREATE INDEX individual_person ON individual (person)",
    """
    CREATE TABLE consent_record (
      id text PRIMARY KEY,
      tenant text NOT NULL,
      individual_id text NOT NULL REFERENCES individual (id),
      agreement_id text NOT NULL REFERENCES agreement (id),
      agreement_revision_id text NOT NULL REFERENCES revision (id),
      agreement_revision_hash text NOT NULL,
      agreement_revision_number integer NOT NULL,
      opt_in boolean NOT NULL,
      state text NOT NULL CONSTRAINT consent_record_state CHECK (state IN ('unsigned', 'signed')),
      expires_at timestamptz,
      revision_id text NOT NULL REFERENCES revision (id),
      ever_signed boolean NOT NULL,
      created_at timestamptz NOT NULL,
      CONSTRAINT consent_record_once UNIQUE (individual_id, agreement_revision_id)
    )
    """,
    "CREATE INDEX consent_record_tenant ON consent_record (tenant, created_at)",
    "CREATE INDEX consent_record_agreement ON consent_record (agreement_id, individual_id)",
    """
    CREATE TABLE signature (
      id text PRIMARY KEY,
      record_id text NOT NULL REFERENCES consent_record (id) ON DELETE CASCADE,
      revision_id text NOT NULL REFERENCES revision (id),
      complete boolean NOT NULL,
      sealed bytea NOT NULL,
      CONSTRAINT signature_once UNIQUE (revision_id)
    )
    """,
    "CREATE INDEX signature_record ON signature (record_id)",
)


def upgrade() -> None:
    """Create everything; revisions are INSERT only for the role that serves."""
    steps.create_ledger()
    for statement in _TABLES:
        op.execute(statement)
    role = steps.runtime_role()
    if role:
        quoted = '"' + role.replace('"', '""') + '"'
        op.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON revision FROM {quoted}")
