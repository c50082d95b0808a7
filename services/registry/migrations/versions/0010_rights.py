"""Roles, groups, delegations and access templates."""

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


_STATEMENTS = (
    """
    CREATE TABLE access_group (
      tenant text NOT NULL,
      name text NOT NULL,
      description text,
      roles text[] NOT NULL,
      PRIMARY KEY (tenant, name)
    )
    """,
    """
    CREATE TABLE role_holder (
      id uuid PRIMARY KEY,
      tenant text NOT NULL,
      kind text NOT NULL,
      party text NOT NULL,
      roles text[] NOT NULL,
      groups text[] NOT NULL,
      attributes jsonb NOT NULL,
      valid_from timestamptz,
      valid_until timestamptz,
      UNIQUE (tenant, kind, party)
    )
    """,
    """
    CREATE TABLE named_policies (
      tenant text NOT NULL,
      kind text NOT NULL,
      name text NOT NULL,
      description text,
      policies jsonb NOT NULL,
      PRIMARY KEY (tenant, kind, name)
    )
    """,
    """
    CREATE TABLE delegation (
      id uuid PRIMARY KEY,
      tenant text NOT NULL,
      principal text NOT NULL,
      delegate text NOT NULL,
      databases text[] NOT NULL,
      valid_from timestamptz,
      valid_until timestamptz,
      made_at timestamptz NOT NULL,
      made_by text NOT NULL,
      revoked_at timestamptz
    )
    """,
    "CREATE INDEX delegation_delegate ON delegation (tenant, delegate)",
    "CREATE INDEX delegation_principal ON delegation (tenant, principal)",
)
