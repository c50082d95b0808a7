"""Alembic's way into the consent block's database."""

from consent.tables import metadata
from kit import migrations

migrations.run(metadata)
