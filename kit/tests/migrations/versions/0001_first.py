"""What the kit's own tests stand on."""

from alembic import op

from kit import migrations

revision = "0001"
down_revision = None


def upgrade() -> None:
    migrations.create_ledger()
    migrations.create_queue()
    op.execute("CREATE TABLE thing (id uuid PRIMARY KEY, name text NOT NULL)")
