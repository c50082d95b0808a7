"""What lists and searches look into."""

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """What lists and searches look into."""
