"""Entries, reuses and the ledger."""

from alembic import op

from kit.migrations import steps

revision = "0001"
down_revision = None


def upgrade() -> None:
    steps.create_ledger()
    for statement in (_ENTRY, _REUSE, *_INDEXES, _LIVE_REUSE):
        op.execute(statement)


_ENTRY = """
CREATE TABLE entry (
  id text PRIMARY KEY,
  publisher text NOT NULL,
  kind text NOT NULL,
  name text NOT NULL,
  description text NOT NULL,
  owner text NOT NULL,
  countries text[] NOT NULL,
  repository_url text,
  licence text,
  remarks text,
  building_blocks text[] NOT NULL,
  sdgs integer[] NOT NULL,
  obsolete boolean NOT NULL,
  sources jsonb NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  deleted_at timestamptz,
  name_folded text NOT NULL,
  owner_folded text NOT NULL,
  text_folded text NOT NULL,
  countries_folded text[] NOT NULL,
  building_blocks_folded text[] NOT NULL,
  search tsvector NOT NULL,
  CONSTRAINT entry_kind
    CHECK (kind IN ('practice', 'product', 'component', 'service', 'standard')),
  CONSTRAINT entry_words CHECK (name <> '' AND description <> '' AND owner <> ''),
  CONSTRAINT entry_sdgs
    CHECK (sdgs <@ ARRAY[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17]),
  CONSTRAINT entry_sources CHECK (jsonb_array_length(sources) > 0)
)
"""

_REUSE = """
CREATE TABLE reuse (
  id text PRIMARY KEY,
  publisher text NOT NULL,
  reused text NOT NULL CONSTRAINT reuse_reused REFERENCES entry (id),
  by_entry text CONSTRAINT reuse_by_entry REFERENCES entry (id),
  by_name text,
  by_countries text[] NOT NULL,
  status text NOT NULL,
  note text,
  sources jsonb NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  deleted_at timestamptz,
  by_folded text NOT NULL,
  by_countries_folded text[] NOT NULL,
  CONSTRAINT reuse_status CHECK (status IN (
    'in-production', 'fork', 'fork-in-production', 'component-reuse', 'derived',
    'adopted-upstream', 'inspired-by', 'prototype-then-replaced', 'announced-exploring',
    'listed-by-source')),
  CONSTRAINT reuse_by CHECK (by_name IS NOT NULL OR by_entry IS NOT NULL),
  CONSTRAINT reuse_of_another CHECK (by_entry IS DISTINCT FROM reused),
  CONSTRAINT reuse_sources CHECK (jsonb_array_length(sources) > 0)
)
"""

_INDEXES = (
    "CREATE INDEX entry_countries ON entry USING gin (countries_folded)",
    "CREATE INDEX entry_building_blocks ON entry USING gin (building_blocks_folded)",
    "CREATE INDEX reuse_by_reused ON reuse (reused, id)",
    "CREATE INDEX reuse_by_by_entry ON reuse (by_entry, id)",
)

_LIVE_REUSE = """
CREATE VIEW live_reuse AS
SELECT r.id, r.publisher, r.reused, r.by_entry, r.by_name, r.by_countries, r.status, r.note,
  r.sources, r.created_at, r.updated_at, r.by_countries_folded,
  concat_ws(' ', r.by_folded, b.name_folded) AS by_folded,
  r.by_countries_folded || coalesce(b.countries_folded, '{}') AS places_folded,
  e.name AS reused_name, b.name AS by_entry_name
FROM reuse r
JOIN entry e ON e.id = r.reused AND e.deleted_at IS NULL
LEFT JOIN entry b ON b.id = r.by_entry
WHERE r.deleted_at IS NULL AND b.deleted_at IS NULL
"""
