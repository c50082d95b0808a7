"""What an individual is, and who may act for one."""

from dataclasses import dataclass
from datetime import datetime

from kit.problems import Conflict, Forbidden, Invalid, NotFound


class IndividualNotFound(NotFound):
    """No individual of this member carries this id."""

    title = "Individual not found"


class IndividualTaken(Conflict):
    """The member knows an individual with this external id, or the id is another's."""

    title = "The individual exists already"


class IndividualMissing(Invalid):
    """The request does not say, or not clearly, for which individual it is."""

    title = "The individual is not named"


class IndividualNotYours(Forbidden):
    """A signed-in person acts for nobody else."""

    title = "Not your own consent"


class FilterUnusable(Invalid):
    """A type alone finds nobody: types are sealed together with the ids."""

    title = "externalIdType needs an externalId"


@dataclass(frozen=True, slots=True)
class Identity:
    """What identifies an individual outside this block; kept sealed."""

    external_id: str
    external_id_type: str = ""
    identity_provider_id: str = ""


@dataclass(frozen=True, slots=True)
class Individual:
    """An individual as one member knows them; ``wrapped`` is the key that seals what is theirs."""

    id: str
    tenant: str
    identity: Identity
    wrapped: bytes
    created_at: datetime

    @property
    def thing(self) -> str:
        """Return the individual's reference in the ledger."""
        return f"{self.tenant}/individual/{self.id}"


@dataclass(frozen=True, slots=True)
class Filter:
    """Which individuals to return; an unset field does not limit."""

    tenant: str | None = None
    external_id: str | None = None
    external_id_type: str | None = None
    offset: int = 0
    limit: int | None = None
