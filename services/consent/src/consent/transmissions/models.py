"""What is known of data that went to somebody under a consent."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Item:
    """One person's data in an exchange, as its provider names it.

    ``attributes`` are None where the provider did not name them.
    """

    record_id: str
    decision_id: str | None = None
    attributes: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class Exchange:
    """An exchange under consents, as the gateway's ledger has it: ``id`` is its answer's entry."""

    id: UUID
    at: datetime
    client: str
    data_source: str
    service: str
    items: Sequence[Item]


@dataclass(frozen=True, slots=True)
class Refused:
    """A report of data that is not kept: there is no such consent record here."""

    exchange_id: UUID
    record_id: str


@dataclass(frozen=True, slots=True)
class Transmission:
    """One person's data that went to a client; ``tenant`` is the controller of the agreement.

    ``individual_id`` is None once the consent record was forgotten.
    """

    id: UUID
    at: datetime
    tenant: str
    record_id: str
    individual_id: str | None
    agreement_id: str
    client: str
    data_source: str
    service: str
    attributes: Sequence[str] | None
    decision_id: str | None
    exchange_id: UUID


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page ended: the next one has what is older."""

    at: datetime
    id: UUID


@dataclass(frozen=True, slots=True)
class Filter:
    """Which transmissions to return, newest first; unset does not limit.

    ``client`` is an application, or a member and so all of its.
    """

    tenant: str | None = None
    individual_ids: Sequence[str] | None = None
    agreement_ids: Sequence[str] | None = None
    agreement_id: str | None = None
    record_id: str | None = None
    client: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    after: Place | None = None
    offset: int = 0
    limit: int = 100


@dataclass(frozen=True, slots=True)
class Page:
    """Some transmissions, and where the next page begins when there is one."""

    found: Sequence[Transmission]
    next: Place | None
