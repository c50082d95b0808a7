"""The whole database on one page."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    column,
    table,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSVECTOR

from kit import evidence

metadata = MetaData()
evidence.add_tables(metadata)

_TIME = DateTime(timezone=True)

entry = Table(
    "entry",
    metadata,
    Column("id", Text, primary_key=True),
    Column("publisher", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("countries", ARRAY(Text), nullable=False),
    Column("repository_url", Text),
    Column("licence", Text),
    Column("remarks", Text),
    Column("building_blocks", ARRAY(Text), nullable=False),
    Column("sdgs", ARRAY(Integer), nullable=False),
    Column("obsolete", Boolean, nullable=False),
    Column("sources", JSONB, nullable=False),
    Column("created_at", _TIME, nullable=False),
    Column("updated_at", _TIME, nullable=False),
    Column("deleted_at", _TIME),
    # what is searched: the same words without case and accents (words.fold)
    Column("name_folded", Text, nullable=False),
    Column("owner_folded", Text, nullable=False),
    Column("text_folded", Text, nullable=False),
    Column("countries_folded", ARRAY(Text), nullable=False),
    Column("building_blocks_folded", ARRAY(Text), nullable=False),
    Column("search", TSVECTOR, nullable=False),
    CheckConstraint(
        "kind IN ('practice', 'product', 'component', 'service', 'standard')", "entry_kind"
    ),
    CheckConstraint("name <> '' AND description <> '' AND owner <> ''", "entry_words"),
    CheckConstraint(
        "sdgs <@ ARRAY[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17]", "entry_sdgs"
    ),
    CheckConstraint("jsonb_array_length(sources) > 0", "entry_sources"),
    Index("entry_countries", "countries_folded", postgresql_using="gin"),
    Index("entry_building_blocks", "building_blocks_folded", postgresql_using="gin"),
)

reuse = Table(
    "reuse",
    metadata,
    Column("id", Text, primary_key=True),
    Column("publisher", Text, nullable=False),
    Column("reused", Text, ForeignKey("entry.id", name="reuse_reused"), nullable=False),
    Column("by_entry", Text, ForeignKey("entry.id", name="reuse_by_entry")),
    Column("by_name", Text),
    Column("by_countries", ARRAY(Text), nullable=False),
    Column("status", Text, nullable=False),
    Column("note", Text),
    Column("sources", JSONB, nullable=False),
    Column("created_at", _TIME, nullable=False),
    Column("updated_at", _TIME, nullable=False),
    Column("deleted_at", _TIME),
    # what is searched
    Column("by_folded", Text, nullable=False),
    Column("by_countries_folded", ARRAY(Text), nullable=False),
    CheckConstraint(
        "status IN ('in-production', 'fork', 'fork-in-production', 'component-reuse', 'derived',"
        " 'adopted-upstream', 'inspired-by', 'prototype-then-replaced', 'announced-exploring',"
        " 'listed-by-source')",
        "reuse_status",
    ),
    CheckConstraint("by_name IS NOT NULL OR by_entry IS NOT NULL", "reuse_by"),
    CheckConstraint("by_entry IS DISTINCT FROM reused", "reuse_of_another"),
    CheckConstraint("jsonb_array_length(sources) > 0", "reuse_sources"),
    Index("reuse_by_reused", "reused", "id"),
    Index("reuse_by_by_entry", "by_entry", "id"),
)

live_reuse = table(
    "live_reuse",
    *(column(name, reuse.c[name].type) for name in reuse.c.keys() if name != "deleted_at"),  # noqa: SIM118  a collection, not a dict
    column("reused_name", Text()),
    column("by_entry_name", Text()),
    column("places_folded", ARRAY(Text)),
)
"""A view: reuses that stand, among entries that stand, with the names of those entries.

``by_folded`` and ``places_folded`` hold the name and countries of the reusing entry too.
"""
