"""What the kit's own tests stand on."""

from alembic import op

from kit.migrations import steps

revision = "0001"
down_revision = None


def upgrade() -> None:
    steps.create_ledger()
    steps.create_queue()
    steps.create_deliveries()
    op.execute("CREATE TABLE thing (id uuid PRIMARY KEY, name text NOT NULL)")
