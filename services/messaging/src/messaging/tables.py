"""The whole database of the messaging block.

Requests, messages and events are only ever added (MSG-5.1.1): what a message is now is its newest
event. What a person could read (addresses, names, text) is in the two content tables, sealed, and
leaves them with the last event (MSG-5.1.8).
"""

from sqlalchemy import (
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)

from kit import evidence

metadata = MetaData()

request = Table(
    "request",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("uid", Text, nullable=False, unique=True),
    Column("tenant", Text, nullable=False),
    Column("client", Text, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("transaction", LargeBinary),
    Column("priority", SmallInteger, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
)
Index(
    "request_transaction",
    request.c.tenant,
    request.c.transaction,
    request.c.created_at,
    postgresql_where=text("transaction IS NOT NULL"),
)

message = Table(
    "message",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("request_id", Uuid, ForeignKey("request.id"), nullable=False),
    Column("position", Integer, nullable=False),
    UniqueConstraint("request_id", "position"),
)

message_event = Table(
    "message_event",
    metadata,
    Column("message_id", Uuid, ForeignKey("message.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("state", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("code", Text, nullable=False),
    Column("until", DateTime(timezone=True)),
    CheckConstraint(
        "state IN ('scheduled', 'processing', 'deferred', 'bounced', 'notSent', 'delivered')",
        name="message_event_state",
    ),
)

request_content = Table(
    "request_content",
    metadata,
    Column("request_id", Uuid, ForeignKey("request.id"), primary_key=True),
    Column("wrapped", LargeBinary, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)

message_content = Table(
    "message_content",
    metadata,
    Column("message_id", Uuid, ForeignKey("message.id"), primary_key=True),
    Column("wrapped", LargeBinary, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)

evidence.add_tables(metadata)
