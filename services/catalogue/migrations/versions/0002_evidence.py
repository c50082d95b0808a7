"""What proves the ledger: the tree, its checkpoints, and who may see an entry."""

from kit.migrations import steps

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    steps.prove_ledger()
