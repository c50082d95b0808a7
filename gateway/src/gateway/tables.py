"""The gateway's whole database on one page."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    literal_column,
)
from sqlalchemy.dialects.postgresql import JSONB

from kit import evidence

metadata = MetaData()
evidence.add_tables(metadata)
evidence_entry = metadata.tables["evidence_entry"]
# written out, because an index answers only what is written as it is
request_id_of_entry = literal_column("(facts ->> 'requestId')", Text)
Index("evidence_entry_request", request_id_of_entry, _table=evidence_entry)
Index("evidence_entry_actor", evidence_entry.c.actor, evidence_entry.c["at"])

instance = Table(
    "instance",
    metadata,
    Column("name", Text, primary_key=True),
    Column("domain", Text, nullable=False),
)

member = Table(
    "member",
    metadata,
    Column("address", Text, primary_key=True),  # INSTANCE/CLASS/CODE
    Column("instance", Text, ForeignKey("instance.name"), nullable=False),
    Column("class", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("name", Text, nullable=False),
    UniqueConstraint("instance", "name", name="member_name", deferrable=True, initially="DEFERRED"),
)

application = Table(
    "application",
    metadata,
    Column("address", Text, primary_key=True),  # INSTANCE/CLASS/CODE/ID
    Column("member", Text, ForeignKey("member.address", ondelete="CASCADE"), nullable=False),
    Column("id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("connection", Text, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("secret", LargeBinary),  # a keyed digest
    Column("certificates", JSONB, nullable=False, server_default="[]"),  # {sha256, subject, issuer}
    CheckConstraint(
        "connection IN ('none', 'http', 'https', 'oauth2', 'apiKey', 'mtls')",
        name="application_connection",
    ),
)

service = Table(
    "service",
    metadata,
    Column("address", Text, primary_key=True),  # INSTANCE/CLASS/CODE/APPLICATION/ID
    Column(
        "application", Text, ForeignKey("application.address", ondelete="CASCADE"), nullable=False
    ),
    Column("id", Text, nullable=False),
    Column("spec_url", Text, nullable=False),
    Column("service_url", Text, nullable=False),
    Column("tenancy", Text, nullable=False),
    Column("short_form", Text),
    Column("scopes", ARRAY(Text), nullable=False),
    CheckConstraint("tenancy IN ('provider', 'client')", name="service_tenancy"),
    UniqueConstraint(
        "short_form", name="service_short_form", deferrable=True, initially="DEFERRED"
    ),
)

service_right = Table(
    "service_right",
    metadata,
    Column("service", Text, ForeignKey("service.address", ondelete="CASCADE"), primary_key=True),
    # who may: a member's address, or its name as published when nobody of that name is known yet;
    # no member and the application "anonymous" is everybody
    Column("member", Text, primary_key=True),
    Column("application", Text, primary_key=True),
    Column("by_name", Boolean, primary_key=True),
    Column("scopes", ARRAY(Text)),  # NULL: all the service offers
)

api_key = Table(
    "api_key",
    metadata,
    Column(
        "application",
        Text,
        ForeignKey("application.address", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("id", Text, primary_key=True),
    Column("digest", LargeBinary, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True)),
    Column("withdrawn_at", DateTime(timezone=True)),
    UniqueConstraint("digest", name="api_key_digest"),
)

attempt = Table(
    "attempt",
    metadata,
    Column("source", LargeBinary, primary_key=True),  # an address's pseudonym
    Column("failures", Integer, nullable=False),  # since began_at
    Column("began_at", DateTime(timezone=True), nullable=False),
    Column("holds", Integer, nullable=False),
    Column("held_at", DateTime(timezone=True), nullable=False),
    Column("held_until", DateTime(timezone=True), nullable=False),
    prefixes=["UNLOGGED"],
)

event_type = Table(
    "event_type",
    metadata,
    Column("room", Text, ForeignKey("application.address", ondelete="CASCADE"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("schema", JSONB, nullable=False),
    Column("last_sequence", BigInteger, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
)

subscription = Table(
    "subscription",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("room", Text, nullable=False),
    Column("event_type", Text, nullable=False),
    Column(
        "subscriber", Text, ForeignKey("application.address", ondelete="CASCADE"), nullable=False
    ),
    Column("delivery", Text, nullable=False),
    Column("ttl", Integer, nullable=False),  # seconds
    Column("fifo", Boolean, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    ForeignKeyConstraint(
        ["room", "event_type"], ["event_type.room", "event_type.name"], ondelete="CASCADE"
    ),
    UniqueConstraint("room", "event_type", "subscriber", name="subscription_once"),
)

event = Table(
    "event",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("room", Text, nullable=False),
    Column("event_type", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("publisher", Text, nullable=False),
    Column("wrapped", LargeBinary, nullable=False),  # the key of this one event
    Column("sealed", LargeBinary, nullable=False),
    Column("published_at", DateTime(timezone=True), nullable=False),
    Column("stopped_at", DateTime(timezone=True)),
    ForeignKeyConstraint(
        ["room", "event_type"], ["event_type.room", "event_type.name"], ondelete="CASCADE"
    ),
    UniqueConstraint("room", "event_type", "sequence", name="event_sequence"),
)

delivery = Table(
    "delivery",
    metadata,
    Column(
        "subscription_id",
        Uuid,
        ForeignKey("subscription.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("event_id", Uuid, ForeignKey("event.id", ondelete="CASCADE"), primary_key=True),
    Column("sequence", BigInteger, nullable=False),
    Column("acknowledged_at", DateTime(timezone=True)),
    Index(
        "delivery_waiting",
        "subscription_id",
        "sequence",
        postgresql_where="acknowledged_at IS NULL",
    ),
    Index("delivery_event", "event_id"),
)

transmission_mark = Table(
    "transmission_mark",
    metadata,
    Column("single", Boolean, CheckConstraint("single"), primary_key=True, server_default="true"),
    Column("next", BigInteger, nullable=False),  # the place in the ledger to go on from
)
