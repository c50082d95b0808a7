"""Roles, groups, delegations and access templates."""

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Roles, groups, delegations and access templates."""
