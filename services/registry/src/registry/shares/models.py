"""A share: some fields of one record, shown to whoever has the link, while its rules hold (DRS-27).

Only the digest of what the link carries is kept. What shows is decided at each opening by the
rights of whoever shared it, as they are then.
"""

import hashlib
import hmac
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from kit.access import ANONYMOUS, Caller
from kit.problems import FieldError, Forbidden, Invalid, NotFound, Problem, Unavailable
from registry.databases.models import ConsentRule, Release
from registry.places import pointer

_BITS = 256


class ShareNotFound(NotFound):
    """No share has this id, or this link."""

    title = "Share not found"


class ShareEnded(Problem):
    """The share has expired, was switched off or used up, or its sharer has no right to it now."""

    status = 410
    title = "The share has ended"


class ShareRefused(Forbidden):
    """The share is not for this caller, or not for this use."""

    title = "The share does not allow this"


class ShareInvalid(Invalid):
    """What is asked of a share does not go together; the errors name the place."""

    title = "The share cannot be made"


class MailUnavailable(Unavailable):
    """The link could not be sent, so nothing was shared."""

    title = "The link cannot be sent now"


def refusal(place: Sequence[object], reason: str) -> ShareInvalid:
    """Return the refusal for one place of what was asked."""
    where = pointer(*place)
    return ShareInvalid(f"{where}: {reason}", errors=[FieldError(where, reason)])


class Channel(StrEnum):
    """How the link reaches its reader: by the sharer's own hand, or by e-mail."""

    URL = "url"
    EMAIL = "email"


def new_token() -> str:
    """Return what a link carries: 256 random bits in base64url."""
    return secrets.token_urlsafe(_BITS // 8)


def digest(token: str) -> bytes:
    """Return what is kept of a token."""
    return hashlib.sha256(token.encode()).digest()


def is_same(token: str, kept: bytes) -> bool:
    """Tell whether a token is the one kept, in a time that tells nothing."""
    return hmac.compare_digest(digest(token), kept)


@dataclass(frozen=True, slots=True)
class Sharer:
    """Who shared, as the gateway knew them then; what they may see is decided at each opening."""

    client: str
    tenant: str
    person: str | None = None
    represents: str | None = None
    service: str | None = None
    roles: tuple[str, ...] = ()
    legal_basis: str | None = None

    @classmethod
    def of(cls, caller: Caller, legal_basis: str | None) -> "Sharer":
        """Return a caller as sharer."""
        return cls(
            caller.client,
            caller.tenant,
            caller.person,
            caller.represents,
            caller.service,
            tuple(sorted(caller.roles)),
            legal_basis,
        )

    @property
    def caller(self) -> Caller:
        """Return the sharer as rights see callers."""
        return Caller(
            self.client,
            self.tenant,
            person=self.person,
            represents=self.represents,
            service=self.service,
            roles=frozenset(self.roles),
        )

    @property
    def document(self) -> dict[str, Any]:
        """Return the sharer as kept."""
        return {
            "represents": self.represents,
            "service": self.service,
            "roles": list(self.roles),
            "legalBasis": self.legal_basis,
        }


@dataclass(frozen=True, slots=True)
class Rules:
    """What an opening must fulfil besides having the link."""

    consent: ConsentRule | None = None
    roles: tuple[str, ...] = ()
    view_only: bool = False

    @property
    def document(self) -> dict[str, Any]:
        """Return the rules as kept."""
        rule = self.consent
        return {
            "consent": None
            if rule is None
            else [rule.data_agreement_id, rule.external_id_type, rule.identifier],
            "roles": list(self.roles),
            "viewOnly": self.view_only,
        }

    @classmethod
    def read(cls, said: Mapping[str, Any]) -> "Rules":
        """Return rules that were kept."""
        consent = None if said["consent"] is None else ConsentRule(*said["consent"])
        return cls(consent, tuple(said["roles"]), said["viewOnly"])

    def check_role(self, caller: Caller, held: Collection[str]) -> None:
        """Raise ShareRefused unless the caller has one of the roles, where any are asked for."""
        if self.roles and (caller.client == ANONYMOUS or not set(self.roles) & set(held)):
            raise ShareRefused("it is for people in other roles")

    def check_download(self) -> None:
        """Raise ShareRefused where a share may be looked at only."""
        if self.view_only:
            raise ShareRefused("it may be looked at, and not be downloaded")

    def check_open(self, personal: Collection[str]) -> None:
        """Raise ShareRefused when anybody would be shown personal data without consent."""
        if personal and not self.roles and self.consent is None:
            raise ShareRefused("what anybody may open holds no personal data without consent")


@dataclass(frozen=True, slots=True)
class Share:
    """A share as kept."""

    id: UUID
    sharer: Sharer
    database: int
    record: UUID
    version: str
    fields: tuple[str, ...]
    channel: Channel
    rules: Rules
    created_at: datetime
    expires_at: datetime | None = None
    max_uses: int | None = None
    uses: int = 0
    ended_at: datetime | None = None

    def is_live(self, now: datetime) -> bool:
        """Tell whether the link opens anything."""
        if self.ended_at is not None or (self.max_uses is not None and self.uses >= self.max_uses):
            return False
        return self.expires_at is None or now < self.expires_at

    def belongs_to(self, caller: Caller) -> bool:
        """Tell whether a caller sees and ends the share: who made it, and the owner's analysts."""
        if caller.tenant != self.sharer.tenant:
            return False
        mine = caller.client == self.sharer.client and caller.person == self.sharer.person
        return mine or (caller.is_owner and caller.person is None)

    @property
    def object(self) -> str:
        """Return the share's reference in the ledger."""
        return f"database:{self.database}/record:{self.record}/share:{self.id}"


@dataclass(frozen=True, slots=True)
class Change:
    """What of a share shall be otherwise; what is not named stays."""

    given: Mapping[str, Any]


def check_fields(release: Release, names: Sequence[str]) -> None:
    """Raise ShareInvalid for a field the version lacks, or one that is kept secret."""
    if not names:
        raise refusal(("fields",), "names at least one field")
    for index, name in enumerate(names):
        found = release.path.schema.find(name)
        if found is None:
            raise refusal(("fields", index), "is not a field of this version")
        if any(inner.is_secret for inner in found.walk()):
            raise refusal(("fields", index), "is secret, and is not shared")
