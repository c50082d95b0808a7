"""Templates on the wire."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, cast
from uuid import UUID

from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict, Field

from kit.web import JsonObject, Text, gathered
from registry.databases.schemas import Code, DefinitionSaid

TEMPLATE_EXAMPLE: dict[str, Any] = {
    "code": "herd",
    "name": "Herds",
    "description": "Herds and their keepers",
    "domain": "agriculture",
    "definition": {
        "schema": {"type": "object", "properties": {"animals": {"type": "integer", "minimum": 0}}}
    },
}


@dataclass(frozen=True)
class Chosen:
    """The template an address names."""

    id: Annotated[UUID, Path(alias="templateId", description="Id of one version of a template")]


ChosenTemplate = Annotated[Chosen, gathered(Chosen)]


@dataclass(frozen=True)
class Exported(Chosen):
    """Which template, and how it shall be written."""

    form: Annotated[
        Literal["json", "yaml"], Query(alias="format", description="How it is written")
    ] = "json"


ExportedTemplate = Annotated[Exported, gathered(Exported)]


@dataclass(frozen=True)
class TemplateQuery:
    """Which templates."""

    code: Annotated[
        Text | None, Query(description="Only this template, in all its versions", max_length=64)
    ] = None
    domain: Annotated[Text | None, Query(description="Only of this field of work")] = None


Wanted = Annotated[TemplateQuery, gathered(TemplateQuery)]


class TemplateInfo(BaseModel):
    """One version of a template."""

    id: UUID = Field(description="Id of this version of the template")
    code: str = Field(examples=["person"])
    version: str = Field(examples=["1.0"])
    name: str
    description: str
    domain: str | None = Field(None, examples=["population"])
    isShared: bool = Field(description="Whether all members of the instance may use it")
    isShipped: bool = Field(description="Whether it comes with the registry")
    owner: str | None = Field(None, description="The member that made it")
    createdAt: str | None = Field(None, examples=["2026-01-31T08:35:01.775915Z"])
    byUserName: str | None = None


class TemplateBundle(TemplateInfo):
    """One version of a template with all that it makes."""

    definition: dict[str, Any] = Field(description="What the database will be")
    settings: dict[str, Any] = Field(description="Its services, views and rights, by name")


class Templates(BaseModel):
    """Templates that the member may use."""

    templates: list[TemplateInfo]


class AboutTemplate(BaseModel):
    """What a template is called, and who may use it."""

    code: Code
    name: Annotated[Text, Field(min_length=1, max_length=200)] = Field(examples=["Herds"])
    description: Annotated[Text, Field(max_length=2000)] = Field("", description="What it is for")
    domain: Annotated[Text, Field(max_length=100)] | None = Field(None, examples=["agriculture"])
    isShared: bool = Field(
        default=False, description="Whether all members of the instance may use it"
    )


class NewTemplate(AboutTemplate):
    """A template of a database that there is; of a code that there is, its next version."""

    databaseId: int = Field(
        ge=0, le=(1 << 63) - 1, description="Database whose definition and settings it takes"
    )


class ImportedTemplate(AboutTemplate):
    """A template as ``exportTemplate`` writes it."""

    model_config = ConfigDict(populate_by_name=True)

    definition: DefinitionSaid = Field(description="What the database will be")
    settings: JsonObject = Field(
        default_factory=dict, description="Its services, views and rights, by name"
    )


class Instance(BaseModel):
    """The database that a template shall make."""

    code: Code
    name: Text | None = Field(None, description="Name people read; the template's when not given")
    publish: bool = Field(default=False, description="Whether it is published at once")


def inlined(kind: type[BaseModel]) -> dict[str, Any]:
    """Return the JSON Schema of a body that no route declares, with all it refers to inside."""
    schema = kind.model_json_schema()
    known: dict[str, Any] = schema.pop("$defs", {})

    def resolved(node: Any) -> Any:
        if isinstance(node, list):
            return [resolved(each) for each in cast("list[Any]", node)]
        if not isinstance(node, dict):
            return node
        members = cast("dict[str, Any]", node)
        if "$ref" in members:
            return resolved(known[members["$ref"].rpartition("/")[2]])
        return {name: resolved(each) for name, each in members.items()}

    return resolved(schema)
