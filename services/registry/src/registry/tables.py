"""The registry's whole database: databases, their versions, records, and what must be unique."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    false,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSVECTOR
from sqlalchemy.types import UserDefinedType

from kit import deliveries, evidence


class TransactionId(UserDefinedType[str]):
    """PostgreSQL's ``xid8``: the transaction that wrote a row, in the order they began."""

    cache_ok = True

    def get_col_spec(self, **_options: object) -> str:
        """Return the type's name."""
        return "xid8"


metadata = MetaData()
evidence.add_tables(metadata)
deliveries.add_tables(metadata)

database = Table(
    "database",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("tenant", Text, nullable=False),  # the member that owns it
    Column("code", Text, nullable=False),
    Column("current_version", Uuid),  # the newest published one; none while a first draft
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("archived_at", DateTime(timezone=True)),
    Column("deleted_at", DateTime(timezone=True)),
    Column("settings", JSONB, nullable=False, server_default=text("'{}'")),  # by feature
    Column("revision", BigInteger, nullable=False, server_default="1"),  # of all that decides calls
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
    Column("deleted_at", DateTime(timezone=True)),  # its number is not given again
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
    Column("archived_at", DateTime(timezone=True)),  # kept, and out of normal results
    Column("deleted_at", DateTime(timezone=True)),  # deletion is logical
    Column("revision", Integer, nullable=False, server_default="1"),
    Column("changed_in", TransactionId, nullable=False, server_default=func.pg_current_xact_id()),
    UniqueConstraint("database_id", "number", name="record_number"),
    Index("record_of_database", "database_id", "id"),
    Index(
        "record_live",  # what lists count and walk
        "database_id",
        "number",
        postgresql_where=text("deleted_at IS NULL AND archived_at IS NULL"),
    ),
    Index("record_changed", "database_id", "changed_in", "id"),
    Index("record_primary_key", "database_id", "primary_key"),
    Index("record_subjects", "subjects", postgresql_using="gin"),
    Index(
        "record_content",
        "content",
        postgresql_using="gin",
        postgresql_ops={"content": "jsonb_path_ops"},
    ),
)

history = Table(
    "record_history",  # what a record was before each change; what it is stands in record
    metadata,
    Column("record_id", ForeignKey("record.id"), primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("database_id", BigInteger, nullable=False),
    Column("valid_from", DateTime(timezone=True), nullable=False),
    Column("valid_to", DateTime(timezone=True), nullable=False),
    Column("version_id", Uuid),
    Column("primary_key", Text),
    Column("subjects", ARRAY(Text), nullable=False),
    Column("content", JSONB, nullable=False),
    Column("archived_at", DateTime(timezone=True)),
    Index(
        "record_history_content",
        "content",
        postgresql_using="gin",
        postgresql_ops={"content": "jsonb_path_ops"},
    ),
)

counter = Table(
    "record_counter",  # numbers without gaps, where a schema asks for them
    metadata,
    Column("database_id", ForeignKey("database.id"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
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

# rights: what callers hold in a member's databases

access_group = Table(
    "access_group",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("description", Text),
    Column("roles", ARRAY(Text), nullable=False),
)

role_holder = Table(
    "role_holder",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("kind", Text, nullable=False),  # client or person
    Column("party", Text, nullable=False),
    Column("roles", ARRAY(Text), nullable=False),
    Column("groups", ARRAY(Text), nullable=False),
    Column("attributes", JSONB, nullable=False),
    Column("valid_from", DateTime(timezone=True)),
    Column("valid_until", DateTime(timezone=True)),
    UniqueConstraint("tenant", "kind", "party", name="role_holder_tenant_kind_party_key"),
)

named_policies = Table(
    "named_policies",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("kind", Text, primary_key=True),  # role or template
    Column("name", Text, primary_key=True),
    Column("description", Text),
    Column("policies", JSONB, nullable=False),
)

delegation = Table(
    "delegation",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("principal", Text, nullable=False),  # the person who is spoken for
    Column("delegate", Text, nullable=False),  # the person who speaks
    Column("databases", ARRAY(Text), nullable=False),  # codes; none: all of the member's
    Column("valid_from", DateTime(timezone=True)),
    Column("valid_until", DateTime(timezone=True)),
    Column("made_at", DateTime(timezone=True), nullable=False),
    Column("made_by", Text, nullable=False),
    Column("revoked_at", DateTime(timezone=True)),
    Index("delegation_delegate", "tenant", "delegate"),
    Index("delegation_principal", "tenant", "principal"),
)

# subscriptions: who is told of changes

subscription = Table(
    "subscription",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("database_id", ForeignKey("database.id"), nullable=False),
    Column("tenant", Text, nullable=False),  # the member whose database it is
    Column("client", Text, nullable=False),  # whose subscription it is
    Column("scopes", ARRAY(Text), nullable=False),  # of its right, when it subscribed
    Column("legal_basis", Text),
    Column("version", Integer, nullable=False),  # whose fields its events name
    Column("events", ARRAY(Text), nullable=False),
    Column("condition", JSONB),
    Column("fields", ARRAY(Text), nullable=False),  # none: all
    Column("with_content", Boolean, nullable=False),
    Column("is_active", Boolean, nullable=False),
    Column("endpoint_id", ForeignKey("delivery_endpoint.id"), nullable=False, unique=True),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False),
    Column("deleted_at", DateTime(timezone=True)),
    Index("subscription_database", "database_id", postgresql_where=text("deleted_at IS NULL")),
)

# automations: what moves data between databases, and to outside

automation = Table(
    "automation",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("database_id", ForeignKey("database.id"), nullable=False),
    Column("tenant", Text, nullable=False),  # the member whose database it is
    Column("client", Text, nullable=False),  # with whose rights it works
    Column("scopes", ARRAY(Text), nullable=False),  # of its right, when it was last changed
    Column("document", JSONB, nullable=False),
    Column("is_active", Boolean, nullable=False),
    Column("seconds", Integer),  # between two runs; none: begun by a call only
    Column("next_at", DateTime(timezone=True)),
    Column("token", LargeBinary, unique=True),  # SHA-256 of what begins a run from outside
    Column("endpoint_id", ForeignKey("delivery_endpoint.id")),  # where it sends; none: a database
    Column("seen", TransactionId),  # before which nothing is left to be done
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False),
    Column("deleted_at", DateTime(timezone=True)),
    Index("automation_database", "database_id", postgresql_where=text("deleted_at IS NULL")),
    Index("automation_due", "next_at", postgresql_where=text("deleted_at IS NULL")),
)

automation_run = Table(
    "automation_run",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("automation_id", ForeignKey("automation.id"), nullable=False),
    Column("began_by", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text),  # why it failed as a whole
    Column("started_at", DateTime(timezone=True), nullable=False),
    Column("ended_at", DateTime(timezone=True)),
    Column("after_id", Uuid),  # the record it came to last
    Column(
        "sees",  # all that was changed before
        TransactionId,
        nullable=False,
        server_default=text("pg_snapshot_xmin(pg_current_snapshot())"),
    ),
    Column("done", Integer, nullable=False, server_default="0"),
    Column("failed", Integer, nullable=False, server_default="0"),
    Index(
        "automation_run_once",
        "automation_id",
        unique=True,
        postgresql_where=text("state = 'running'"),
    ),
    Index("automation_run_newest", "automation_id", "started_at"),
)

automation_failure = Table(
    "automation_failure",
    metadata,
    Column("run_id", ForeignKey("automation_run.id"), primary_key=True),
    Column("record_id", Uuid, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("reason", Text, nullable=False),  # which rule, and of which fields; no values
)

automation_progress = Table(
    "automation_progress",
    metadata,
    Column("automation_id", ForeignKey("automation.id"), primary_key=True),
    Column("record_id", ForeignKey("record.id"), primary_key=True),
    Column("revision", Integer, nullable=False),  # the newest that was worked on
)

# files: documents and images of records

file = Table(
    "file",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("record_id", ForeignKey("record.id"), nullable=False),
    Column("field", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("digest", LargeBinary, nullable=False),  # SHA-256 of the bytes
    Column("created_at", DateTime(timezone=True), nullable=False),
    Index("file_record", "record_id"),
)

file_chunk = Table(
    "file_chunk",  # 256 KiB of a file
    metadata,
    Column("file_id", ForeignKey("file.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("content", LargeBinary, nullable=False),
)

# links: what records refer to

link = Table(
    "record_link",
    metadata,
    Column("source", ForeignKey("record.id"), primary_key=True),
    Column("field", Text, primary_key=True),
    Column("value", Text, primary_key=True),  # what the field says: a key, or a record's id
    Column("source_database", BigInteger, nullable=False),
    Column("target_database", BigInteger, nullable=False),
    Column("target", Uuid),  # the record meant; none where a soft link goes by value
    Column("in_content", Boolean, nullable=False, server_default=false()),
    Column("added", Boolean, nullable=False, server_default=false()),  # beside the content
    Index("record_link_target", "target", "source_database", "field"),
    Index("record_link_database", "source_database", "field"),
    Index("record_link_value", "target_database", "value", postgresql_where=text("target IS NULL")),
)

# shares: some fields of a record, for whoever has a link

share = Table(
    "share",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("token", LargeBinary, nullable=False, unique=True),  # SHA-256 of what the link carries
    Column("tenant", Text, nullable=False),
    Column("client", Text, nullable=False),
    Column("person", Text),
    Column("database_id", ForeignKey("database.id"), nullable=False),
    Column("record_id", ForeignKey("record.id"), nullable=False),
    Column("version", Text, nullable=False),
    Column("fields", ARRAY(Text), nullable=False),
    Column("channel", Text, nullable=False),
    Column("sharer", JSONB, nullable=False),  # whose rights decide at each opening
    Column("rules", JSONB, nullable=False),
    Column("uses", Integer, nullable=False, server_default="0"),
    Column("max_uses", Integer),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True)),
    Column("ended_at", DateTime(timezone=True)),  # switched off
    Index("share_tenant", "tenant", "client", "id"),
    Index("share_record", "record_id"),
)

# listing: what lists and searches look into

words = Table(
    "record_words",
    metadata,
    Column("record_id", ForeignKey("record.id", ondelete="CASCADE"), primary_key=True),
    Column("words", TSVECTOR, nullable=False),  # lexemes <database>:<field>:<word>
    Index("record_words_words", "words", postgresql_using="gin"),
)

value = Table(
    "record_value",  # of the fields whose schema declares them indexed
    metadata,
    Column("database_id", BigInteger, nullable=False),
    Column("field", Text, nullable=False),
    Column("text", Text(collation="C")),  # its first 200 characters
    Column("number", Numeric),
    Column("record_id", ForeignKey("record.id", ondelete="CASCADE"), nullable=False),
    Index("record_value_text", "database_id", "field", "text", "record_id"),
    Index("record_value_number", "database_id", "field", "number", "record_id"),
    Index("record_value_record", "record_id"),
)

# imports: files on their way into a database, and what became of their rows

import_job = Table(
    "import_job",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("database_id", ForeignKey("database.id"), nullable=False),
    Column("client", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("format", Text, nullable=False),
    Column("options", JSONB, nullable=False),
    Column("wrapped", LargeBinary),  # the key of what is sealed; destroyed when the import ends
    Column("caller", LargeBinary),  # sealed: in whose name the rows are written
    Column("problem", JSONB),  # why it could not go on
    Column("bytes", BigInteger, nullable=False, server_default="0"),
    Column("rows_read", BigInteger, nullable=False, server_default="0"),
    Column("created", BigInteger, nullable=False, server_default="0"),
    Column("updated", BigInteger, nullable=False, server_default="0"),
    Column("unchanged", BigInteger, nullable=False, server_default="0"),
    Column("failed", BigInteger, nullable=False, server_default="0"),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False),
    Column("ended_at", DateTime(timezone=True)),
    Index("import_job_database", "database_id", "created_at"),
)

import_part = Table(
    "import_part",
    metadata,
    Column("import_id", ForeignKey("import_job.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("sealed", LargeBinary, nullable=False),
)

import_fault = Table(
    "import_fault",
    metadata,
    Column("import_id", ForeignKey("import_job.id"), primary_key=True),
    Column("place", BigInteger, primary_key=True, autoincrement=False),  # of the row in its file
    Column("line", BigInteger, nullable=False),
    Column("errors", JSONB, nullable=False),
)

# templates: registers to begin with

template = Table(
    "template",
    metadata,
    Column("id", Uuid, primary_key=True),  # of one version
    Column("tenant", Text, nullable=False),  # the member that made it
    Column("code", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("domain", Text),
    Column("is_shared", Boolean, nullable=False),  # with all members of the instance
    Column("bundle", JSON, nullable=False),  # not JSONB: the order of fields is kept
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("created_by", Text, nullable=False),
    Column("deleted_at", DateTime(timezone=True)),  # its number is not given again
    UniqueConstraint("tenant", "code", "number", name="template_version"),
)

# counters: how often services are used, and by what is searched

service_use = Table(
    "service_use",
    metadata,
    Column("database_id", BigInteger, primary_key=True, autoincrement=False),
    Column("day", Date, primary_key=True),
    Column("service", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("client", Text, primary_key=True),
    Column("count", BigInteger, nullable=False),
)

search_use = Table(
    "search_use",
    metadata,
    Column("database_id", BigInteger, primary_key=True, autoincrement=False),
    Column("day", Date, primary_key=True),
    Column("fields", Text, primary_key=True),  # names with commas between them, never values
    Column("count", BigInteger, nullable=False),
)

# reports: questions about a database that are kept

report = Table(
    "report",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("database_id", ForeignKey("database.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("description", Text),
    Column("question", JSONB, nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False),
    Column("changed_by", Text, nullable=False),
    Column("deleted_at", DateTime(timezone=True)),
    Index(
        "report_name",
        "database_id",
        "name",
        unique=True,
        postgresql_where=text("deleted_at IS NULL"),
    ),
)
