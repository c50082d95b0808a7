"""Records keep their history, and databases their state and settings."""

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Records keep their history, and databases their state and settings."""
