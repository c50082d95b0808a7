"""The registry's whole database: databases, their versions, records, and what must be unique."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from kit import evidence

metadata = MetaData()
evidence.add_tables(metadata)

database = Table(
    "database",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("tenant", Text, nullable=False),  # the member that owns it
    Column("code", Text, nullable=False),
    Column("current_version", Uuid),  # the newest published one; none while a first draft
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("deleted_at", DateTime(timezone=True)),
)
Index(
    "database_code",
    database.c.tenant,
    func.lower(database.c.code),
    unique=True,
    postgresql_where=text("deleted_at IS NULL"),
)

version = Table(
    "database_version",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("database_id", ForeignKey("database.id"), nullable=False),
    Column("number", Integer, nullable=False),  # 1 is version "1.0"
    Column("definition", JSON, nullable=False),  # not JSONB: the order of fields is the analyst's
    Column("changed_at", DateTime(timezone=True), nullable=False),
    Column("changed_by", Text, nullable=False),
    Column("published_at", DateTime(timezone=True)),  # none: a draft
    UniqueConstraint("database_id", "number", name="database_version_number"),
)

record = Table(
    "record",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("database_id", ForeignKey("database.id"), nullable=False),
    Column("number", BigInteger, nullable=False),  # the registry number, never given twice
    Column("version_id", Uuid),  # whose fields these are exactly; none: fields of several versions
    Column("primary_key", Text),
    Column("subjects", ARRAY(Text), nullable=False),  # in the order of the schema's identifiers
    Column("content", JSONB, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False),
    Column("deleted_at", DateTime(timezone=True)),  # deletion is logical
    UniqueConstraint("database_id", "number", name="record_number"),
    Index("record_of_database", "database_id", "id"),
    Index("record_primary_key", "database_id", "primary_key"),
    Index("record_subjects", "subjects", postgresql_using="gin"),
    Index(
        "record_content",
        "content",
        postgresql_using="gin",
        postgresql_ops={"content": "jsonb_path_ops"},
    ),
)

unique_value = Table(
    "record_unique_value",
    metadata,
    Column("database_id", BigInteger, primary_key=True, autoincrement=False),
    Column("rule", Text, primary_key=True),  # a JSON list of field names
    Column("value", LargeBinary, primary_key=True),  # SHA-256 of the values
    Column("record_id", ForeignKey("record.id"), nullable=False),
    Index("record_unique_value_record", "record_id"),
)
