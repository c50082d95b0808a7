"""Templates of schemas."""

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Templates of schemas."""
