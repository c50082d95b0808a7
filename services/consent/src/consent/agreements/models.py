"""What an agreement is, whom and what it covers, and when it takes consent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from consent.revisions.models import Snapshot
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

    def covers(self, attributes: Sequence[str]) -> bool:
        """Tell whether every attribute is named; an agreement that names none covers none."""
        named = {attribute["name"] for attribute in self.content.get("dataAttributes", [])}
        return named.issuperset(attributes)

    def named(
        self, recipient: str, source: str | None, attributes: Sequence[str]
    ) -> Mapping[str, Any]:
        """Return what of a use of data the agreement itself names, so that it is nobody's secret.

        Shape: ``recipient`` and ``dataSource`` are members' addresses, ``attributes`` names.
        """
        known = {attribute["name"] for attribute in self.content.get("dataAttributes", [])}
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


def snapshot(agreement_id: str, content: Mapping[str, Any], at: datetime, author: str) -> Snapshot:
    """Return the state of an agreement as its revision keeps it; ``author`` is the application."""
    return Snapshot(SCHEMA, content, at, object_id=agreement_id, authorized_by_other=author)
