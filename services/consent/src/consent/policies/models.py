"""What a policy is and when it may go."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from consent.revisions.models import Snapshot
from kit.problems import Conflict, NotFound

SCHEMA = "Policy"


class PolicyNotFound(NotFound):
    """No policy of this member carries this id."""

    title = "Policy not found"


class PolicyTaken(Conflict):
    """Another policy carries this id."""

    title = "The id is taken"


class PolicyInUse(Conflict):
    """An active agreement stands under this policy."""

    title = "The policy is used by an active agreement"


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy of a member; ``content`` is what GovStack publishes of it, without its id."""

    id: str
    tenant: str
    content: Mapping[str, Any]
    revision_id: str
    created_at: datetime
    deleted_at: datetime | None = None

    @property
    def thing(self) -> str:
        """Return the policy's reference in the ledger."""
        return f"{self.tenant}/policy/{self.id}"


def snapshot(policy_id: str, content: Mapping[str, Any], at: datetime, author: str) -> Snapshot:
    """Return the state of a policy as its revision keeps it; ``author`` is the application."""
    return Snapshot(SCHEMA, content, at, object_id=policy_id, authorized_by_other=author)
