"""Members and their applications, services, rights and keys; rooms and their events."""

from alembic import op

from kit.migrations import steps

revision = "0001"
down_revision = None

_TABLES = (
    "CREATE TABLE instance (name text PRIMARY KEY, domain text NOT NULL)",
    """
    CREATE TABLE member (
      address text PRIMARY KEY,
      instance text NOT NULL REFERENCES instance (name),
      class text NOT NULL,
      code text NOT NULL,
      name text NOT NULL,
      CONSTRAINT member_name UNIQUE (instance, name) DEFERRABLE INITIALLY DEFERRED
    )
    """,
    """
    CREATE TABLE application (
      address text PRIMARY KEY,
      member text NOT NULL REFERENCES member (address) ON DELETE CASCADE,
      id text NOT NULL,
      name text NOT NULL,
      connection text NOT NULL,
      scopes text[] NOT NULL,
      secret bytea,
      CONSTRAINT application_connection
        CHECK (connection IN ('none', 'http', 'https', 'oauth2', 'apiKey'))
    )
    """,
    """
    CREATE TABLE service (
      address text PRIMARY KEY,
      application text NOT NULL REFERENCES application (address) ON DELETE CASCADE,
      id text NOT NULL,
      spec_url text NOT NULL,
      service_url text NOT NULL,
      tenancy text NOT NULL,
      short_form text,
      scopes text[] NOT NULL,
      CONSTRAINT service_tenancy CHECK (tenancy IN ('provider', 'client')),
      CONSTRAINT service_short_form UNIQUE (short_form) DEFERRABLE INITIALLY DEFERRED
    )
    """,
    """
    CREATE TABLE service_right (
      service text REFERENCES service (address) ON DELETE CASCADE,
      member text,
      application text,
      by_name boolean,
      scopes text[],
      PRIMARY KEY (service, member, application, by_name)
    )
    """,
    """
    CREATE TABLE api_key (
      application text REFERENCES application (address) ON DELETE CASCADE,
      id text,
      digest bytea NOT NULL,
      created_at timestamptz NOT NULL,
      expires_at timestamptz,
      withdrawn_at timestamptz,
      PRIMARY KEY (application, id),
      CONSTRAINT api_key_digest UNIQUE (digest)
    )
    """,
    """
    CREATE TABLE event_type (
      room text REFERENCES application (address) ON DELETE CASCADE,
      name text,
      schema jsonb NOT NULL,
      last_sequence bigint NOT NULL,
      created_at timestamptz NOT NULL,
      PRIMARY KEY (room, name)
    )
    """,
    """
    CREATE TABLE subscription (
      id uuid PRIMARY KEY,
      room text NOT NULL,
      event_type text NOT NULL,
      subscriber text NOT NULL REFERENCES application (address) ON DELETE CASCADE,
      delivery text NOT NULL,
      ttl integer NOT NULL,
      fifo boolean NOT NULL,
      created_at timestamptz NOT NULL,
      FOREIGN KEY (room, event_type) REFERENCES event_type (room, name) ON DELETE CASCADE,
      CONSTRAINT subscription_once UNIQUE (room, event_type, subscriber)
    )
    """,
    """
    CREATE TABLE event (
      id uuid PRIMARY KEY,
      room text NOT NULL,
      event_type text NOT NULL,
      sequence bigint NOT NULL,
      publisher text NOT NULL,
      wrapped bytea NOT NULL,
      sealed bytea NOT NULL,
      published_at timestamptz NOT NULL,
      stopped_at timestamptz,
      FOREIGN KEY (room, event_type) REFERENCES event_type (room, name) ON DELETE CASCADE,
      CONSTRAINT event_sequence UNIQUE (room, event_type, sequence)
    )
    """,
    """
    CREATE TABLE delivery (
      subscription_id uuid REFERENCES subscription (id) ON DELETE CASCADE,
      event_id uuid REFERENCES event (id) ON DELETE CASCADE,
      sequence bigint NOT NULL,
      acknowledged_at timestamptz,
      PRIMARY KEY (subscription_id, event_id)
    )
    """,
    """
    CREATE INDEX delivery_waiting ON delivery (subscription_id, sequence)
    WHERE acknowledged_at IS NULL
    """,
    "CREATE INDEX delivery_event ON delivery (event_id)",
    "CREATE INDEX evidence_entry_request ON evidence_entry ((facts ->> 'requestId'))",
    "CREATE INDEX evidence_entry_actor ON evidence_entry (actor, at)",
)


def upgrade() -> None:
    steps.create_ledger()
    for table in _TABLES:
        op.execute(table)
