"""Roles, groups and their holders on the wire."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field

from kit.web import JsonObject, Moment, Text
from registry.roles.models import PartyKind

Name = Annotated[Text, Field(min_length=1, max_length=100)]
_POLICY: dict[str, Any] = {"name": "reads everything", "actions": ["read", "list"]}


class RoleBody(BaseModel):
    """What a role may do: a set of rights."""

    description: Text | None = Field(None, description="What it is for")
    policies: list[JsonObject] = Field(
        default=[],
        description="Policies without a subject; they count in all databases with a document",
        examples=[[_POLICY]],
    )


class RoleInfo(RoleBody):
    """A role."""

    name: str = Field(examples=["clinician"])


class GroupBody(BaseModel):
    """Which roles the users in a group have."""

    description: Text | None = Field(None, description="Who is in it")
    roles: list[Name] = Field(description="Roles its users have", examples=[["clinician"]])


class GroupInfo(GroupBody):
    """A group."""

    name: str = Field(examples=["night-shift"])


class HolderBody(BaseModel):
    """What an application or a person holds."""

    kind: PartyKind = Field(description="What it is")
    party: Name = Field(
        description="The application's address, or the person's identifier as tokens have it",
        examples=["DEV/GOV/10001/health-centre"],
    )
    roles: list[Name] = Field(default=[], examples=[["clinician"]])
    groups: list[Name] = Field(default=[], examples=[["night-shift"]])
    attributes: JsonObject = Field(
        default={}, description="Facts that conditions may ask for", examples=[{"village": "Sild"}]
    )
    validFrom: Moment | None = None
    validUntil: Moment | None = None


class HolderInfo(HolderBody):
    """What an application or a person holds, under its id."""

    id: UUID
