"""Alembic's way into the consent block's database."""

from consent.tables import metadata
from kit.migrations import steps

steps.run(metadata)
