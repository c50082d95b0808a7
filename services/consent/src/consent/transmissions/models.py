"""What is known of data that went to somebody under a consent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from consent.agreements.models import Terms
from kit.identifiers import new_id

_PARTS_OF_MEMBER = 3  # of an address; an application's has one more


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

    @property
    def recipient(self) -> str:
        """Return the member whose application got it."""
        return "/".join(self.client.split("/")[:_PARTS_OF_MEMBER])


@dataclass(frozen=True, slots=True)
class Refused:
    """A report of data that is not kept: there is no such consent record here."""

    exchange_id: UUID
    record_id: str


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a consent record: whose it is, and what was agreed to."""

    tenant: str
    individual_id: str
    agreement_id: str
    terms: Terms

    def covers(self, exchange: Exchange, item: Item) -> bool:
        """Tell whether what was agreed to covers what a provider says it stands on."""
        return (
            self.terms.admits(exchange.recipient)
            and self.terms.comes_from(exchange.data_source)
            and self.terms.covers(item.attributes or ())
        )


@dataclass(frozen=True, slots=True)
class Transmission:
    """One person's data that went to a client; ``tenant`` is the controller of the agreement.

    ``individual_id`` is None once the consent record was forgotten; ``confirmed`` tells whether
    what was agreed to covers it; ``proof`` is the entry of the report and the place in it.
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
    confirmed: bool
    proof: tuple[UUID, int] | None = None


def stated(exchanges: Sequence[Exchange], known: Mapping[str, Known]) -> list[Transmission]:
    """Return what exchanges say of known records; of the same twice in one, the first."""
    found: dict[tuple[UUID, str], Transmission] = {}
    for one in exchanges:
        for item in one.items:
            record, place = known.get(item.record_id), (one.id, item.record_id)
            if record is None or place in found:
                continue
            found[place] = Transmission(
                id=new_id(),
                at=one.at,
                tenant=record.tenant,
                record_id=item.record_id,
                individual_id=record.individual_id,
                agreement_id=record.agreement_id,
                client=one.client,
                data_source=one.data_source,
                service=one.service,
                attributes=item.attributes,
                decision_id=item.decision_id,
                exchange_id=one.id,
                confirmed=record.covers(one, item),
            )
    return list(found.values())


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
