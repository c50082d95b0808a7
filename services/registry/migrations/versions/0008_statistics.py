"""Counters of use, reports, and what bulk reads showed."""

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Counters of use, reports, and what bulk reads showed."""
