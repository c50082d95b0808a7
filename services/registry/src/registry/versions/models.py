"""How a version ends: deprecated, with a last day, and then deleted (DRS-4.d, DR-4.KDF)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from kit.problems import Conflict, Invalid
from registry.databases.models import Definition, Version
from registry.impact.models import Impact

NAME = "versions"
"""Under which name the settings of a database hold this."""


class OnlyVersion(Conflict):
    """A published database has at least one published version."""

    title = "The database has no other published version"


class VersionProtects(Conflict):
    """Without the newest version, the one before it would protect people less."""

    title = "The version before protects less"


class VersionIsDraft(Conflict):
    """A draft answers nobody, so there is nothing to give up."""

    title = "The version is a draft"


class SunsetInvalid(Invalid):
    """The last day comes before the version is deprecated."""

    title = "The dates do not follow each other"


@dataclass(frozen=True, slots=True)
class Deprecation:
    """A version that shall not be used any more: since when, until when, and what to do."""

    deprecated_at: datetime
    sunset_at: datetime
    guidance: str

    @property
    def headers(self) -> dict[str, str]:
        """Return what answers say of it: Deprecation (RFC 9745) and Sunset (RFC 8594)."""
        return {
            "Deprecation": f"@{int(self.deprecated_at.timestamp())}",
            "Sunset": format_datetime(self.sunset_at.astimezone(UTC), usegmt=True),
        }

    @property
    def document(self) -> dict[str, str]:
        """Return it as the settings keep it."""
        return {
            "deprecatedAt": self.deprecated_at.isoformat(),
            "sunsetAt": self.sunset_at.isoformat(),
            "guidance": self.guidance,
        }


def deprecations(settings: Mapping[str, Any]) -> dict[str, Deprecation]:
    """Return the deprecated versions that settings name, by their labels."""
    return {
        label: Deprecation(
            datetime.fromisoformat(said["deprecatedAt"]),
            datetime.fromisoformat(said["sunsetAt"]),
            said["guidance"],
        )
        for label, said in settings.get(NAME, {}).items()
    }


@dataclass(frozen=True, slots=True)
class Kept:
    """A version and whether it is deprecated."""

    version: Version
    deprecation: Deprecation | None = None


@dataclass(frozen=True, slots=True)
class Published:
    """The newest published version, and what it changes for those who use the one before."""

    version: Version
    impact: Impact


def losses(newest: Definition, before: Definition) -> list[str]:
    """Return what would not be protected any more if the newest version were gone."""
    had, has = newest.schema(), before.schema()
    lost: list[str] = []
    if newest.consent(had) is not None and before.consent(has) != newest.consent(had):
        lost.append("consent of the person")
    if newest.needs_legal_basis and not before.needs_legal_basis:
        lost.append("legal basis")
    for what, names, kept in (
        ("personal data", had.personal, has.personal),
        ("identifiers", _names(had.identifiers), _names(has.identifiers)),
        ("secrets", _names(had.secrets), _names(has.secrets)),
    ):
        if set(names) - set(kept):
            lost.append(what)
    return lost


def _names(fields: Any) -> list[str]:
    return [field.name for field in fields]
