"""Subscriptions, deliveries and automations."""

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Subscriptions, deliveries and automations."""
