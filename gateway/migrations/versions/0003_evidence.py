"""What proves the ledger: the tree, its checkpoints, and who may see an entry."""

from kit.migrations import steps

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    steps.prove_ledger()
