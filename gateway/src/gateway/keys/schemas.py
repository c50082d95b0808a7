"""API keys on the wire."""

from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict, Field

from gateway.configuration.models import Key
from kit.web import Moment, Text


class NewKey(BaseModel):
    """A key that is asked for; all of it may be left to the gateway."""

    model_config = ConfigDict(extra="forbid")

    id: Text | None = Field(
        default=None, description="Its id; administrators only", examples=["demo"]
    )
    key: Text | None = Field(
        default=None, description="The key itself; administrators only", repr=False
    )
    expiresAt: Moment | None = Field(default=None, description="Until when it counts")


class ApiKey(BaseModel):
    """A key of an application; `key` is in the answer that made it and in no other."""

    id: str
    key: str | None = Field(default=None, repr=False)
    createdAt: str = Field(examples=["2026-11-22T10:00:00Z"])
    expiresAt: str | None = None
    withdrawnAt: str | None = None

    @classmethod
    def of(cls, key: Key, text: str | None = None) -> "ApiKey":
        """Return a key as it is shown."""
        return cls(
            id=key.id,
            key=text,
            createdAt=_said(key.created_at) or "",
            expiresAt=_said(key.expires_at),
            withdrawnAt=_said(key.withdrawn_at),
        )


def _said(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z") if at else None
