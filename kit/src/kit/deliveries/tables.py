"""The tables of deliveries: endpoints, what is on its way to them, and each attempt.

Addresses, secrets and what is delivered are sealed; what stands in the clear names nobody.
"""

from sqlalchemy import (
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)


def add_tables(metadata: MetaData) -> None:
    """Describe the tables of deliveries in a block's metadata."""
    Table(
        "delivery_endpoint",
        metadata,
        Column("id", Uuid, primary_key=True),
        Column("wrapped", LargeBinary),  # none, as below: removed
        Column("sealed", LargeBinary),  # address and secrets
        Column("failures", Integer, nullable=False, server_default="0"),  # in a row
        Column("rests_until", DateTime(timezone=True)),  # after a failure
        Column("busy_until", DateTime(timezone=True)),  # some process delivers to it
    )
    Table(
        "delivery",
        metadata,
        Column("id", Uuid, primary_key=True),
        Column("endpoint_id", ForeignKey("delivery_endpoint.id"), nullable=False),
        Column("event_id", Uuid, nullable=False),
        Column("event_type", Text, nullable=False),
        Column("state", Text, nullable=False),
        Column("created_at", DateTime(timezone=True), nullable=False),
        Column("give_up_at", DateTime(timezone=True), nullable=False),
        Column("next_at", DateTime(timezone=True)),  # none: not waiting
        Column("ended_at", DateTime(timezone=True)),
        Column("count", Integer, nullable=False, server_default="0"),  # attempts so far
        Column("wrapped", LargeBinary),  # none, as below: destroyed
        Column("sealed", LargeBinary),  # the event
        UniqueConstraint("endpoint_id", "event_id", name="delivery_once"),
        Index(
            "delivery_waiting",
            "endpoint_id",
            "next_at",
            postgresql_where=text("state = 'waiting'"),
        ),
    )
    Table(
        "delivery_attempt",
        metadata,
        Column("delivery_id", ForeignKey("delivery.id"), primary_key=True),
        Column("number", Integer, primary_key=True, autoincrement=False),
        Column("at", DateTime(timezone=True), nullable=False),
        Column("reason", Text, nullable=False),
        Column("status", Integer),
        Column("duration_ms", Integer, nullable=False),
    )
