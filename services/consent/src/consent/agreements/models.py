"""What an agreement is, whom and what it covers, and when it takes consent."""

from calendar import monthrange
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from consent.revisions.models import Snapshot
from kit.paging import Stop
from kit.problems import Conflict, NotFound

SCHEMA = "DataAgreement"


class AgreementNotFound(NotFound):
    """No agreement of this member carries this id."""

    title = "Data agreement not found"


class AgreementTaken(Conflict):
    """Another agreement carries this id."""

    title = "The id is taken"


class AgreementInactive(Conflict):
    """The agreement takes no consent now."""

    title = "The data agreement is not active"


Unit = Literal["hour", "day", "week", "month", "year"]
"""Units of time, the shortest first (ReBIT's and DEPA's words)."""
_LENGTHS: Mapping[Unit, timedelta] = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
    "month": timedelta(days=30.436875),
    "year": timedelta(days=365.2425),
}
"""How long a unit is on average, to compare by."""
_MONTHS: Mapping[Unit, int] = {"month": 1, "year": 12}


def after(at: datetime, unit: Unit) -> datetime:
    """Return when one unit from a time is over; a month ends on a day that its month has."""
    months = _MONTHS.get(unit)
    if months is None:
        return at + _LENGTHS[unit]
    years, month = divmod(at.month - 1 + months, 12)
    year, month = at.year + years, month + 1
    return at.replace(year=year, month=month, day=min(at.day, monthrange(year, month)[1]))


@dataclass(frozen=True, slots=True)
class Period:
    """So many units of time."""

    unit: Unit
    value: int

    @property
    def length(self) -> timedelta:
        """Return about how long it is, to compare by."""
        return _LENGTHS[self.unit] * self.value


@dataclass(frozen=True, slots=True)
class Fetching:
    """How often data may be fetched: ``most`` times in a unit of time; without one only once.

    The time is counted from a fetch; the first one after it is over begins another.
    """

    most: int
    unit: Unit | None = None

    def within(self, other: "Fetching | None") -> "Fetching":
        """Return what keeps to both: the fewer fetches in the longer time."""
        if other is None or self.unit is None:
            return self
        if other.unit is None:
            return other
        longer = self.unit if _LENGTHS[self.unit] > _LENGTHS[other.unit] else other.unit
        return Fetching(min(self.most, other.most), longer)


@dataclass(frozen=True, slots=True)
class Extensible:
    """How the individual may put the end of a consent off: how often, and by how much each time."""

    max_times: int
    days: int
    signature_stays: bool = False


@dataclass(frozen=True, slots=True)
class Terms:
    """What an agreement says at one revision, read from its published content."""

    owner: str
    content: Mapping[str, Any]

    @property
    def forgettable(self) -> bool:
        """Tell whether records may be deleted when the individual asks."""
        return bool(self.content.get("forgettable"))

    @property
    def data_sources(self) -> Sequence[str]:
        """Return the members data may come from; empty means any."""
        return self.content.get("dataSources", [])

    @property
    def max_age(self) -> int:
        """Return how long a positive decision may be reused, in seconds."""
        return int(self.content.get("maxAgeSeconds", 0))

    def admits(self, member: str) -> bool:
        """Tell whether a member may receive the data: the owner or a named recipient."""
        return member == self.owner or member in self.content.get("recipients", [])

    def comes_from(self, member: str | None) -> bool:
        """Tell whether the data may come from a member."""
        return not self.data_sources or member in self.data_sources

    @property
    def attributes(self) -> AbstractSet[str]:
        """Return the names of the attributes it covers: an agreement that names none, none."""
        return {attribute["name"] for attribute in self.content.get("dataAttributes", [])}

    @property
    def _agreed(self) -> Mapping[str, Any]:
        return self.content.get("terms", {})

    @property
    def fetching(self) -> Fetching | None:
        """Return how often data may be fetched; None when nobody counts."""
        match self._agreed.get("fetchType"):
            case "oneshot":
                return Fetching(1)
            case "periodic":
                often = self._agreed["frequency"]
                return Fetching(often["value"], often["unit"])
            case _:
                return None

    @property
    def data_life(self) -> Period | None:
        """Return how long a receiver may keep what it got; None when nothing is said."""
        life = self._agreed.get("dataLife")
        return None if life is None else Period(life["unit"], life["value"])

    @property
    def consent_mode(self) -> str | None:
        """Return what a receiver may do with what it got; None when nothing is said."""
        return self._agreed.get("consentMode")

    @property
    def extensible(self) -> Extensible | None:
        """Return how the individual may put the end off; None when they may not."""
        said = self._agreed.get("extensible")
        if said is None:
            return None
        return Extensible(said["maxTimes"], said["days"], said.get("signatureStays", False))

    def covers(self, attributes: Sequence[str]) -> bool:
        """Tell whether every attribute is named."""
        return self.attributes >= set(attributes)

    def named(
        self, recipient: str, source: str | None, attributes: Sequence[str]
    ) -> Mapping[str, Any]:
        """Return what of a use of data the agreement itself names, so that it is nobody's secret.

        Shape: ``recipient`` and ``dataSource`` are members' addresses, ``attributes`` names.
        """
        known = self.attributes
        found: dict[str, Any] = {"attributes": [name for name in attributes if name in known]}
        if self.admits(recipient):
            found["recipient"] = recipient
        if source is not None and source in self.data_sources:
            found["dataSource"] = source
        return found

    def end_of(self, given_at: datetime) -> datetime | None:
        """Return when a consent given at a time expires; None when it does not."""
        days = self.content.get("validityDays")
        return None if days is None else given_at + timedelta(days=days)


@dataclass(frozen=True, slots=True)
class Agreement:
    """An agreement of a member; ``content`` is what GovStack publishes of it, without its id."""

    id: str
    tenant: str
    content: Mapping[str, Any]
    policy_id: str | None
    revision_id: str
    created_at: datetime
    deleted_at: datetime | None = None

    @property
    def thing(self) -> str:
        """Return the agreement's reference in the ledger."""
        return f"{self.tenant}/data-agreement/{self.id}"

    @property
    def active(self) -> bool:
        """Tell whether consent can be given and data used."""
        return bool(self.content.get("active")) and self.deleted_at is None

    @property
    def terms(self) -> Terms:
        """Return what it says now."""
        return Terms(self.tenant, self.content)

    def take_consent(self) -> None:
        """Raise AgreementInactive when no consent can be given now."""
        if not self.active:
            raise AgreementInactive("no consent can be given under it now")


State = Literal["active", "inactive", "ended"]


@dataclass(frozen=True, slots=True)
class Filter:
    """Which agreements to return, oldest first; unset does not limit.

    ``individual_id`` is an individual who has a record under them.
    """

    tenant: str | None = None
    agreement_id: str | None = None
    individual_id: str | None = None
    state: State | None = None
    with_deleted: bool = False
    offset: int = 0
    limit: int = 100
    after: Stop | None = None
    """The agreement that the page before ended with."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of agreements, and where it ended if there are more."""

    agreements: list[Agreement]
    stop: Stop | None


def snapshot(agreement_id: str, content: Mapping[str, Any], at: datetime, author: str) -> Snapshot:
    """Return the state of an agreement as its revision keeps it; ``author`` is the application."""
    return Snapshot(SCHEMA, content, at, object_id=agreement_id, authorized_by_other=author)
