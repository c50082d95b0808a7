"""Imports and their reports."""

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Imports and their reports."""
