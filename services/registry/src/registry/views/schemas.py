"""Views on the wire."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

from kit.web import JsonObject, Text, gathered
from registry.databases.schemas import Chosen

_COLUMNS = ["village", {"field": "child.birthdate", "as": "born"}]
Name = Annotated[
    Text, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,63}$", description="Name, as addresses carry it")
]


class Column(BaseModel):
    """A field under a name of its own."""

    model_config = ConfigDict(extra="forbid")

    field: Text = Field(description="Field of the database", examples=["child.birthdate"])
    column: Text | None = Field(
        None, alias="as", description="Its name in the view", examples=["born"]
    )


class ViewDefinition(BaseModel):
    """What a view shows, of which records, in which order, to whom."""

    description: Text | None = Field(None, description="What it is for")
    fields: list[Text | Column] = Field(
        min_length=1, max_length=200, description="Fields it shows", examples=[_COLUMNS]
    )
    where: JsonObject | None = Field(
        None,
        description="Condition on the records",
        examples=[{"field": "village", "is": "Sild"}],
    )
    ordering: Text | None = Field(
        None, max_length=1000, description="Columns to sort by", examples=["-born"]
    )
    policies: list[JsonObject] | None = Field(
        None,
        description="Who may read it, as policies of a rights document (the action is list); "
        "without, whoever may list the database's records",
        examples=[[{"name": "everybody", "subject": {"roles": ["anonymous"]}}]],
    )

    def document(self, name: str) -> dict[str, Any]:
        """Return the view as it is kept."""
        return {"name": name, **self.model_dump(by_alias=True, exclude_none=True)}


class View(ViewDefinition):
    """A view with its name."""

    name: Name = Field(examples=["births"])

    def named(self) -> dict[str, Any]:
        """Return the view as it is kept."""
        return self.document(self.name)


@dataclass(frozen=True)
class ChosenOne(Chosen):
    """The view an address names."""

    name: Annotated[str, Path(alias="viewName", description="Name of the view")]


ChosenView = Annotated[ChosenOne, gathered(ChosenOne)]
ViewName = Annotated[str, Path(alias="viewName", description="Name of the view")]
