"""The parts of bulk operations' entries."""

from kit.migrations import steps

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    steps.keep_parts()
