"""The parts of bulk operations' entries."""

from kit.migrations import steps

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    steps.keep_parts()
