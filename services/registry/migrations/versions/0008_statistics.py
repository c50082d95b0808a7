"""Counters of use, reports, and what bulk reads showed."""

from kit.migrations import steps

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    steps.keep_parts()
