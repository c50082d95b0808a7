"""Access templates on the wire."""

from typing import Any

from pydantic import BaseModel, Field

from kit.web import JsonObject, Text

_POLICY: dict[str, Any] = {
    "name": "inspectors read",
    "subject": {"roles": ["inspector"]},
    "actions": ["read", "list"],
}


class AccessTemplateBody(BaseModel):
    """What an access template says."""

    description: Text | None = Field(None, description="What it is for")
    policies: list[JsonObject] = Field(
        description="Policies, as a database's rights document has them", examples=[[_POLICY]]
    )


class AccessTemplateInfo(AccessTemplateBody):
    """An access template."""

    name: str = Field(examples=["inspection"])
