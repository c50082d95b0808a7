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

_DECISIONS = (
    """
    CREATE TABLE decision_answer (
      key bytea PRIMARY KEY,
      question bytea NOT NULL,
      answer text NOT NULL,
      at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX decision_answer_at ON decision_answer (at)",
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
      confirmed boolean NOT NULL,
      entry_id uuid,
      part integer,
      CONSTRAINT transmission_once UNIQUE (exchange_id, record_id)
    )
    """,
    "CREATE INDEX transmission_individual ON transmission (individual_id, at, id)",
    "CREATE INDEX transmission_tenant ON transmission (tenant, at, id)",
    "CREATE INDEX transmission_record ON transmission (record_id, at, id)",
    "CREATE INDEX transmission_at ON transmission (at, id)",
)


_LISTS = (
    "ALTER TABLE consent_record ADD COLUMN current boolean NOT NULL DEFAULT true",
    """
    UPDATE consent_record c SET current = false WHERE EXISTS (
      SELECT FROM consent_record n
      WHERE n.agreement_id = c.agreement_id AND n.individual_id = c.individual_id
        AND n.agreement_revision_number > c.agreement_revision_number
    )
    """,
    """
    CREATE UNIQUE INDEX consent_record_current ON consent_record (agreement_id, individual_id)
      WHERE current
    """,
    "DROP INDEX consent_record_tenant",
    "CREATE INDEX consent_record_tenant ON consent_record (tenant, created_at, id)",
    "CREATE INDEX consent_record_listed ON consent_record (created_at, id)",
    "CREATE INDEX consent_record_under ON consent_record (agreement_id, created_at, id)",
    """
    CREATE INDEX consent_record_tenant_current ON consent_record (tenant, opt_in, created_at, id)
      WHERE current
    """,
    """
    CREATE INDEX consent_record_under_current
      ON consent_record (agreement_id, opt_in, created_at, id) WHERE current
    """,
    "DROP INDEX revision_tenant",
    "CREATE INDEX revision_tenant ON revision (tenant, at, id)",
    "CREATE INDEX revision_listed ON revision (at, id)",
    "CREATE INDEX revision_object ON revision (object_id, number)",
    "CREATE INDEX revision_tenant_object ON revision (tenant, object_id, number)",
    """
    CREATE INDEX revision_individual ON revision (authorized_by_individual)
      WHERE authorized_by_individual IS NOT NULL
    """,
    """
    CREATE INDEX revision_other ON revision (authorized_by_other, at, id)
      WHERE authorized_by_other IS NOT NULL
    """,
)

# for whatever code writes records, the code before this one too
_CURRENT = (
    """
    CREATE FUNCTION consent_record_keep_current() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF TG_OP = 'DELETE' THEN
        UPDATE consent_record SET current = true WHERE NOT current AND id = (
          SELECT id FROM consent_record
          WHERE agreement_id = OLD.agreement_id AND individual_id = OLD.individual_id
          ORDER BY agreement_revision_number DESC LIMIT 1
        );
        RETURN NULL;
      END IF;
      UPDATE consent_record SET current = false
      WHERE agreement_id = NEW.agreement_id AND individual_id = NEW.individual_id AND current
        AND agreement_revision_number < NEW.agreement_revision_number;
      NEW.current := NOT EXISTS (
        SELECT FROM consent_record
        WHERE agreement_id = NEW.agreement_id AND individual_id = NEW.individual_id
          AND agreement_revision_number > NEW.agreement_revision_number
      );
      RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER consent_record_made BEFORE INSERT ON consent_record
      FOR EACH ROW EXECUTE FUNCTION consent_record_keep_current()
    """,
    """
    CREATE TRIGGER consent_record_gone AFTER DELETE ON consent_record
      FOR EACH ROW EXECUTE FUNCTION consent_record_keep_current()
    """,
)

_REPRESENTATIONS = (
    """
    CREATE TABLE representation (
      id text PRIMARY KEY,
      tenant text NOT NULL,
      individual_id text NOT NULL REFERENCES individual (id),
      representative_id text NOT NULL REFERENCES individual (id),
      kind text NOT NULL,
      agreements text[],
      depth integer NOT NULL,
      parent_id text REFERENCES representation (id),
      sealed bytea,
      starts_at timestamptz NOT NULL,
      ends_at timestamptz,
      created_at timestamptz NOT NULL,
      ended_at timestamptz,
      ended_by text,
      CONSTRAINT representation_kind CHECK (kind IN ('guardian', 'delegate')),
      CONSTRAINT representation_end CHECK (kind = 'guardian' OR ends_at IS NOT NULL),
      CONSTRAINT representation_of_another CHECK (individual_id <> representative_id)
    )
    """,
    """
    CREATE INDEX representation_individual
      ON representation (individual_id, representative_id)
    """,
    "CREATE INDEX representation_representative ON representation (representative_id)",
    "CREATE INDEX representation_parent ON representation (parent_id)",
    "CREATE INDEX representation_tenant ON representation (tenant, created_at)",
)

_NOTICES = (
    """
    CREATE TABLE notification_preference (
      individual_id text PRIMARY KEY REFERENCES individual (id),
      enabled boolean NOT NULL,
      sealed bytea NOT NULL,
      changed_at timestamptz NOT NULL
    )
    """,
    """
    CREATE TABLE notice (
      revision_id text REFERENCES revision (id),
      individual_id text REFERENCES individual (id),
      message_id text,
      at timestamptz NOT NULL,
      PRIMARY KEY (revision_id, individual_id)
    )
    """,
)


def upgrade() -> None:
    """Extend what is there, and create what is new."""
    for statement in _RECORDS:
        op.execute(statement)
    for statement in _DECISIONS:
        op.execute(statement)
    steps.create_queue()
    steps.create_deliveries()
    for statement in _WEBHOOKS:
        op.execute(statement)
    for statement in _TRANSMISSIONS:
        op.execute(statement)
    for statement in (*_LISTS, *_CURRENT):
        op.execute(statement)
    for statement in (*_REPRESENTATIONS, *_NOTICES):
        op.execute(statement)
