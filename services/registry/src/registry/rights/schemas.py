"""Rights on the wire."""

from typing import Any

from pydantic import BaseModel, Field

from kit.web import JsonObject, Text
from registry.policies.models import Action

_POLICY: dict[str, Any] = {
    "name": "clinics see names",
    "effect": "allow",
    "subject": {"members": ["DEV/GOV/10001"], "roles": ["authenticated"]},
    "actions": ["read", "list"],
    "fields": ["child.firstName", "village"],
    "mask": {"village": {"keepFirst": 1}},
    "records": {"field": "village", "is": "Sild"},
}


class RightsDocument(BaseModel):
    """Who may do what with a database's records; what no policy allows is denied to others."""

    policies: list[JsonObject] = Field(
        default=[],
        description="Policies of this database (docs/guides/registry-rights.md)",
        examples=[[_POLICY]],
    )
    templates: list[Text] = Field(default=[], description="Access templates it takes over")
    bindsOwner: bool = Field(
        default=False, description="Whether the owner member's own applications need a policy too"
    )


class Asked(BaseModel):
    """Whose call is to be explained."""

    client: Text = Field(description="The application", examples=["DEV/GOV/10001/health-centre"])
    action: Action = Field(description="What it wants to do")
    person: Text | None = Field(None, description="Who is signed in there")
    represents: Text | None = Field(None, description="Whom the person speaks for")
    service: Text | None = Field(None, description="Service of the mediator it comes through")
    roles: list[Text] = Field(default=[], description="Roles its token states")
    version: Text | None = Field(
        None, description="Published version; the newest when not given", examples=["1.0"]
    )


class PolicyExplained(BaseModel):
    """One policy and the call."""

    policy: str = Field(examples=["clinics see names"])
    effect: str = Field(examples=["allow"])
    applies: bool = Field(description="Whether it says something about the call")
    mismatch: str | None = Field(
        None, description="What of it does not fit the call", examples=["subject.roles"]
    )


class Explanation(BaseModel):
    """What is decided about a call and why."""

    allowed: bool
    reason: str = Field(examples=["no policy allows you to list"])
    fields: list[str] | None = Field(None, description="Fields that may show; all when not given")
    masked: list[str] = Field(default=[], description="Fields that show masked")
    conditional: bool = Field(
        default=False, description="Whether it depends on what the record says, or on a consent"
    )
    policies: list[PolicyExplained]
