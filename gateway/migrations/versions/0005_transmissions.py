"""Where the reports of what passed under consents have come to."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE transmission_mark (
          single boolean PRIMARY KEY DEFAULT true CHECK (single),
          next bigint NOT NULL
        )
        """
    )
