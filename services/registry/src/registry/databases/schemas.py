"""Databases on the wire, as GovStack spells them."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

from kit.web import JsonObject, Text, gathered

Code = Annotated[
    Text,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$",
        description="Short code, unique for a member in any case; it stands in data paths",
        examples=["MCTS"],
    ),
]
DatabaseId = Annotated[int, Field(ge=0, le=(1 << 63) - 1)]
_SCHEMA_EXAMPLE: dict[str, Any] = {
    "type": "object",
    "required": ["ID"],
    "properties": {
        "ID": {
            "type": "string",
            "primaryKey": True,
            "readOnly": True,
            "description": "Registration number",
            "triggers": [{"actions": [{"type": "set-value", "value": "MCTS{indexNoByCode}"}]}],
        },
        "child": {
            "type": "object",
            "properties": {
                "id": {"type": "string", "x-personalDataId": {"type": "national-id"}},
                "birthdate": {"type": "date", "x-personalData": True},
            },
        },
    },
}


@dataclass(frozen=True)
class Chosen:
    """The database an address names."""

    id: Annotated[int, Path(ge=0, le=(1 << 63) - 1, description="Id of the database")]


ChosenDatabase = Annotated[Chosen, gathered(Chosen)]


class Metadata(BaseModel):
    """What kind of registry it is (DRS-1.a)."""

    domain: Text | None = Field(None, description="Field of work", examples=["health"])
    ownerDepartment: Text | None = Field(None, description="Department that answers for it")
    retentionPolicy: Text | None = Field(None, description="How long records are kept")
    classification: Literal["Open", "Restricted", "Confidential"] | None = Field(
        None, description="How far the data may go"
    )


class RequiresConsent(BaseModel):
    """The consent another member's read needs."""

    dataAgreementId: Annotated[Text, Field(min_length=1, max_length=200)] = Field(
        description="Agreement of the consent block that must be signed"
    )
    externalIdType: Annotated[Text, Field(min_length=1, max_length=200)] = Field(
        description="Type of the person's identifier there", examples=["national-id"]
    )
    personalDataIdField: Text | None = Field(
        None,
        description="Field that names whose consent it is; the first identifier when not given",
        examples=["caretaker.id"],
    )


class Access(BaseModel):
    """What a read needs besides the right to it."""

    requiresConsent: RequiresConsent | None = None
    requiresLegalBasis: bool = Field(
        default=False, description="Whether each read says by what law, in the header X-Legal-Basis"
    )


class DefinitionSaid(BaseModel):
    """What is said of a database, besides its code."""

    model_config = ConfigDict(populate_by_name=True)

    schema_: JsonObject = Field(
        alias="schema",
        description="Fields of the records: JSON Schema keywords and the registry's marks",
        examples=[_SCHEMA_EXAMPLE],
    )
    groupName: Text | None = Field(None, description="Group of databases", examples=["Health"])
    catalogName: Text | None = Field(
        None, description="Catalogue it belongs to", examples=["Mother and Child"]
    )
    name: Text | None = Field(None, description="Name people read")
    description: Text | None = Field(None, description="What it is for")
    institution: Text | None = Field(None, description="Institution that owns it")
    fieldsUniques: list[list[Text]] | None = Field(
        None, description="Groups of fields that are unique together"
    )
    metadata: Metadata | None = None
    access: Access | None = None


class Modify(DefinitionSaid):
    """What a database shall be. Keys left out keep what they were."""

    code: Code
    id: DatabaseId | None = Field(
        None, description="Id of the database; only an administrator chooses the id of a new one"
    )


class SchemaAnswer(BaseModel):
    """The schema as kept, with the id, code and version of its database."""

    model_config = ConfigDict(extra="allow")

    id: int = Field(description="Id of the database")
    code: str = Field(description="Code of the database")
    version: str = Field(description="Version the schema belongs to", examples=["1.0"])
    type: str | None = Field(None, examples=["object"])
    properties: dict[str, Any] = Field(description="The fields")


class SchemaTag(BaseModel):
    """A field the search looks into."""

    name: str
    path: str = Field(examples=["/child/firstName"])
    isFulltext: bool


class SchemaFlag(BaseModel):
    """A mark of a field."""

    name: str = Field(examples=["mandatory"])
    path: str = Field(examples=["/ID"])


class GenericService(BaseModel):
    """An operation every database has."""

    serviceId: int
    name: str = Field(examples=["data-create"])
    isVisible: bool
    usedCount: int = Field(description="How often it was called; counted within seconds")


class DatabaseInfo(BaseModel):
    """A database with its newest version, which may be a draft."""

    model_config = ConfigDict(populate_by_name=True)

    id: int = Field(description="Id of the database")
    version: str = Field(description="Newest version", examples=["1.0"])
    code: str = Field(description="Short code", examples=["MCTS"])
    name: str = Field(description="Name people read")
    description: str = Field(description="What it is for")
    institution: str = Field(description="Institution that owns it")
    groupName: str | None = None
    catalogName: str | None = None
    numberFormat: str = Field(examples=["MCTS{indexNoByCode}"])
    schema_: dict[str, Any] = Field(alias="schema", description="Fields of the records")
    schemaTags: list[SchemaTag] = Field(description="Fields the search looks into")
    schemaFlags: list[SchemaFlag] = Field(description="Marks of the fields")
    fieldsUniques: list[list[str]] = Field(description="Fields that are unique together")
    isDraft: bool = Field(description="Whether this version is not published yet")
    isDisabled: bool
    isArchived: bool
    lifecycle: Literal["draft", "published", "archived"] = Field(
        description="Where the database is in its life; it never goes back"
    )
    archivedAt: str | None = Field(None, examples=["2026-01-31T08:35:01.775915Z"])
    storageProfile: str = Field(
        description="How its records are mostly used: by row, by column or as documents"
    )
    indexes: list[str] = Field(description="Fields that are found fast")
    modifiedAt: str = Field(examples=["2026-01-31T08:35:01.775915Z"])
    byUserName: str = Field(description="Person or application that changed it last")
    byUserAuthId: int = Field(description="Always 0: users are not numbered here")
    byOnBehalfOfUserAuthId: int = Field(description="Always 0: users are not numbered here")
    byOnBehalfOfUserName: str | None = None
    genericServices: list[GenericService]
    dataIndexIncrement: int = Field(description="Last number given to a record")
    hasLogo: bool
    metadata: Metadata | None = None
    access: Access | None = None


class Databases(BaseModel):
    """All databases of a member, as one group."""

    id: int = Field(description="Number of the group")
    name: str = Field(description="The member", examples=["DEV/GOV/10001"])
    code: str = Field(description="Short name of the member", examples=["10001"])
    databases: list[DatabaseInfo]
    groupId: int = Field(description="Number of the group")
    order: int = Field(description="Place among groups; there is one")
    dataIndexIncrement: int = Field(description="Sum over the databases")
