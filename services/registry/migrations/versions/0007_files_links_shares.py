"""Files of records, links between them, and shares."""

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Files of records, links between them, and shares."""
