"""Shares on the wire."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from kit.web import Moment, Text
from registry.databases.schemas import RequiresConsent
from registry.shares.models import Channel

Uses = Annotated[int, Field(ge=1, le=1_000_000)]
FieldNames = Annotated[list[Text], Field(min_length=1, max_length=200)]


class Recipient(BaseModel):
    """To whom the link is sent; the address is passed on and not kept."""

    email: Annotated[Text, Field(min_length=3, max_length=320)] = Field(
        examples=["mother@example.org"]
    )


class NewShare(BaseModel):
    """What to share, and how."""

    model_config = ConfigDict(extra="forbid")

    registry: Text = Field(description="Code of the database", examples=["MCTS"])
    version: Text = Field(description="Published version", examples=["1.0"])
    recordId: UUID = Field(description="Id of the record")
    fields: FieldNames = Field(description="Fields to show", examples=[["village"]])
    channel: Channel = Field(Channel.URL, description="url: the answer has it; email: it is sent")
    recipient: Recipient | None = Field(None, description="For the channel email")
    expiresAt: Moment | None = Field(None, description="Until when it opens (RFC 3339)")
    requiresConsent: RequiresConsent | bool = Field(
        default=False, description="Consent asked for at each opening; true: the database's own"
    )
    roles: list[Text] = Field([], max_length=50, description="Who opens it has one of these roles")
    viewOnly: bool = Field(default=False, description="Whether it is not downloaded")
    maxUses: Uses | None = Field(None, description="How often it opens")
    qr: bool = Field(default=False, description="Whether the answer has its QR code")
    watermark: Literal[False] = Field(default=False, description="There are none yet")


class ChangedShare(BaseModel):
    """What shall be otherwise."""

    model_config = ConfigDict(extra="forbid")

    isActive: bool = Field(default=True, description="Whether it opens")
    expiresAt: AwareDatetime | None = Field(None, description="Until when it opens")
    maxUses: Uses | None = Field(None, description="How often it opens, in all")


class ShareInfo(BaseModel):
    """A share; its link is told once, when it is made."""

    id: UUID
    recordId: UUID
    databaseId: int
    version: str = Field(examples=["1.0"])
    fields: list[str]
    channel: Channel
    isActive: bool = Field(description="Whether it is not switched off")
    createdAt: str
    expiresAt: str | None = None
    maxUses: int | None = None
    uses: int = Field(description="How often it was opened")
    roles: list[str]
    requiresConsent: bool
    viewOnly: bool


class MadeShare(ShareInfo):
    """A share that was made, with its link."""

    url: str | None = Field(None, description="The link; not told where it was sent")
    token: str | None = Field(None, description="What the link carries; not told where it was sent")
    qr: str | None = Field(None, description="The link as a QR code, SVG")


class Shares(BaseModel):
    """A page of shares, newest first."""

    shares: list[ShareInfo]


class SharedRecord(BaseModel):
    """What a link shows."""

    content: dict[str, Any] = Field(description="The fields that were shared")
    viewOnly: bool
    expiresAt: str | None = None
