"""The whole database on one page.

Nothing in it names an individual in the clear: external ids and signatures are sealed.
"""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
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
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from kit import deliveries, evidence

metadata = MetaData()
evidence.add_tables(metadata)
deliveries.add_tables(metadata)

# INSERT and SELECT only for the role that serves
revision = Table(
    "revision",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("schema_name", Text, nullable=False),
    Column("object_id", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("signed_without_object_id", Boolean, nullable=False),
    Column("snapshot", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Column("hash_sha256", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("authorized_by_individual", Text),
    Column("authorized_by_other", Text),
    Column("predecessor_hash", Text),
    Column("predecessor_hash_sha256", Text),
    Column("predecessor_signature", Text),
    # a chain that cannot fork
    UniqueConstraint("schema_name", "object_id", "number", name="revision_place"),
    # what was signed once is used once
    UniqueConstraint("hash_sha256", name="revision_once"),
    Index("revision_tenant", "tenant", "at", "id"),
    Index("revision_listed", "at", "id"),
    Index("revision_object", "object_id", "number"),
    Index("revision_tenant_object", "tenant", "object_id", "number"),
    Index(
        "revision_individual",
        "authorized_by_individual",
        postgresql_where=text("authorized_by_individual IS NOT NULL"),
    ),
    Index(
        "revision_other",
        *("authorized_by_other", "at", "id"),
        postgresql_where=text("authorized_by_other IS NOT NULL"),
    ),
)

policy = Table(
    "policy",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("content", JSONB, nullable=False),
    Column("revision_id", Text, ForeignKey("revision.id"), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("deleted_at", DateTime(timezone=True)),
    Index("policy_tenant", "tenant", "created_at"),
)

agreement = Table(
    "agreement",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("policy_id", Text, ForeignKey("policy.id")),
    Column("content", JSONB, nullable=False),
    Column("revision_id", Text, ForeignKey("revision.id"), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("deleted_at", DateTime(timezone=True)),
    Index("agreement_tenant", "tenant", "created_at"),
    Index("agreement_policy", "policy_id"),
)

individual = Table(
    "individual",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("reference", LargeBinary, nullable=False),  # keyed digest of type and external id
    Column("person", LargeBinary, nullable=False),  # keyed digest of the external id alone
    Column("wrapped", LargeBinary, nullable=False),  # the individual's own key
    Column("sealed", LargeBinary, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("tenant", "reference", name="individual_once"),
    Index("individual_person", "person"),
)

consent_record = Table(
    "consent_record",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("individual_id", Text, ForeignKey("individual.id"), nullable=False),
    Column("agreement_id", Text, ForeignKey("agreement.id"), nullable=False),
    Column("agreement_revision_id", Text, ForeignKey("revision.id"), nullable=False),
    Column("agreement_revision_hash", Text, nullable=False),
    Column("agreement_revision_number", Integer, nullable=False),
    Column("opt_in", Boolean, nullable=False),
    Column("state", Text, nullable=False),
    Column("expires_at", DateTime(timezone=True)),
    Column("revision_id", Text, ForeignKey("revision.id"), nullable=False),
    Column("ever_signed", Boolean, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("attributes", ARRAY(Text)),  # none: all that the agreement covers
    Column("extensions", Integer, nullable=False, server_default="0"),  # by the individual
    Column("fetches", Integer, nullable=False, server_default="0"),  # under terms that count them
    Column("fetched_at", DateTime(timezone=True)),
    Column("expiry_told_at", DateTime(timezone=True)),
    # under the newest revision that its individual decided on: a trigger keeps it right
    Column("current", Boolean, nullable=False, server_default=text("true")),
    CheckConstraint("state IN ('unsigned', 'signed')", name="consent_record_state"),
    UniqueConstraint("individual_id", "agreement_revision_id", name="consent_record_once"),
    Index("consent_record_agreement", "agreement_id", "individual_id"),
    Index(
        "consent_record_current",
        "agreement_id",
        "individual_id",
        unique=True,
        postgresql_where=text("current"),
    ),
    # one for each way a list is walked
    Index("consent_record_tenant", "tenant", "created_at", "id"),
    Index("consent_record_listed", "created_at", "id"),
    Index("consent_record_under", "agreement_id", "created_at", "id"),
    Index(
        "consent_record_tenant_current",
        *("tenant", "opt_in", "created_at", "id"),
        postgresql_where=text("current"),
    ),
    Index(
        "consent_record_under_current",
        *("agreement_id", "opt_in", "created_at", "id"),
        postgresql_where=text("current"),
    ),
    Index(
        "consent_record_expiring",
        "expires_at",
        postgresql_where=text("expires_at IS NOT NULL AND expiry_told_at IS NULL"),
    ),
)

# answers given again under an Idempotency-Key: digests, ids, times and published names
decision_answer = Table(
    "decision_answer",
    metadata,
    Column("key", LargeBinary, primary_key=True),  # keyed digest of the client and its key
    Column("question", LargeBinary, nullable=False),  # keyed digest
    Column("answer", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Index("decision_answer_at", "at"),
)

signature = Table(
    "signature",
    metadata,
    Column("id", Text, primary_key=True),
    Column("record_id", Text, ForeignKey("consent_record.id", ondelete="CASCADE"), nullable=False),
    Column("revision_id", Text, ForeignKey("revision.id"), nullable=False),
    Column("complete", Boolean, nullable=False),
    Column("sealed", LargeBinary, nullable=False),  # with the individual's own key
    Column("number", Integer, nullable=False, server_default="1"),  # 2 signs 1, and so on
    UniqueConstraint("revision_id", "number", name="signature_place"),
    Index("signature_record", "record_id"),
)

webhook = Table(
    "webhook",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("endpoint_id", ForeignKey("delivery_endpoint.id"), nullable=False, unique=True),
    Column("disabled", Boolean, nullable=False),
    Column("events", ARRAY(Text), nullable=False),  # the kinds it is told of
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False),
    Column("deleted_at", DateTime(timezone=True)),
    Index("webhook_tenant", "tenant", "created_at"),
)

# what the gateway reports: evidence of it is in the gateway's ledger; record and agreement may go
transmission = Table(
    "transmission",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("tenant", Text, nullable=False),  # the agreement's
    Column("record_id", Text, nullable=False),
    Column("individual_id", Text, ForeignKey("individual.id")),  # none once it was forgotten
    Column("agreement_id", Text, nullable=False),
    Column("client", Text, nullable=False),
    Column("data_source", Text, nullable=False),
    Column("service", Text, nullable=False),
    Column("attributes", ARRAY(Text)),  # none: the provider does not say
    Column("decision_id", Text),
    Column("exchange_id", Uuid, nullable=False),  # an entry of the gateway's ledger
    Column("confirmed", Boolean, nullable=False),  # what was agreed to covers it
    Column("entry_id", Uuid),  # our own entry of the report, written in the same transaction
    Column("part", Integer),  # its place there
    UniqueConstraint("exchange_id", "record_id", name="transmission_once"),
    Index("transmission_individual", "individual_id", "at", "id"),
    Index("transmission_tenant", "tenant", "at", "id"),
    Index("transmission_record", "record_id", "at", "id"),
    Index("transmission_at", "at", "id"),
)

representation = Table(
    "representation",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("individual_id", Text, ForeignKey("individual.id"), nullable=False),
    Column("representative_id", Text, ForeignKey("individual.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("agreements", ARRAY(Text)),  # none: all
    Column("depth", Integer, nullable=False),  # how many further hands it may be passed to
    Column("parent_id", Text, ForeignKey("representation.id")),  # what it was passed on from
    Column("sealed", LargeBinary),  # the evidence, with the represented individual's own key
    Column("starts_at", DateTime(timezone=True), nullable=False),
    Column("ends_at", DateTime(timezone=True)),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("ended_at", DateTime(timezone=True)),
    Column("ended_by", Text),
    CheckConstraint("kind IN ('guardian', 'delegate')", name="representation_kind"),
    CheckConstraint("kind = 'guardian' OR ends_at IS NOT NULL", name="representation_end"),
    CheckConstraint("individual_id <> representative_id", name="representation_of_another"),
    Index("representation_individual", "individual_id", "representative_id"),
    Index("representation_representative", "representative_id"),
    Index("representation_parent", "parent_id"),
    Index("representation_tenant", "tenant", "created_at"),
)

notification_preference = Table(
    "notification_preference",
    metadata,
    Column("individual_id", Text, ForeignKey("individual.id"), primary_key=True),
    Column("enabled", Boolean, nullable=False),
    Column("sealed", LargeBinary, nullable=False),  # address and language, with their own key
    Column("changed_at", DateTime(timezone=True), nullable=False),
)

# who was told of which revision of an agreement: nobody is told twice
notice = Table(
    "notice",
    metadata,
    Column("revision_id", Text, ForeignKey("revision.id"), primary_key=True),
    Column("individual_id", Text, ForeignKey("individual.id"), primary_key=True),
    Column("message_id", Text),  # none: messaging does not take the address
    Column("at", DateTime(timezone=True), nullable=False),
)
