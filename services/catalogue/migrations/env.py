"""Alembic's door."""

from catalogue.tables import metadata
from kit import migrations

migrations.run(metadata)
