"""Alembic's door."""

from catalogue.tables import metadata
from kit.migrations import steps

steps.run(metadata)
