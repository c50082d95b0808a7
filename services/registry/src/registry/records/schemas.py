"""Records on the wire, as GovStack spells them; their fields are those of the registry."""

from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import Header, Path, Query
from pydantic import BaseModel, Field, model_validator

from kit.web import JsonObject, Moment, Text, gathered

EXAMPLE = {"id": "EE378627348834", "firstName": "John", "lastName": "Smith"}


@dataclass(frozen=True)
class Address:
    """Which version of which registry, and on what legal basis."""

    registry: Annotated[
        str, Path(alias="registryName", description="Code of the database, in any case")
    ]
    version: Annotated[
        str, Path(alias="versionNumber", description="Published version", examples=["1.0"])
    ]
    legal_basis: Annotated[
        Text | None,
        Header(
            alias="X-Legal-Basis",
            max_length=200,
            description="Law or decision this is done under; it is written in the log",
        ),
    ] = None
    database_key: Annotated[
        str | None,
        Header(
            alias="X-Database-Key",
            max_length=64,
            description="Key of the database, in base64: with it secret fields can be read",
        ),
    ] = None
    consent_record: Annotated[
        UUID | None,
        Header(
            alias="X-Consent-Record-Id",
            description="Consent record that the reader refers to; it is written in the log",
        ),
    ] = None


@dataclass(frozen=True)
class Then(Address):
    """As an address, and the moment to look at."""

    as_of: Annotated[
        Moment | None,
        Query(alias="asOf", description="Moment to look at: what was known then (RFC 3339)"),
    ] = None


@dataclass(frozen=True)
class Guard(Address):
    """As an address, and what the record must still be to be changed."""

    if_match: Annotated[
        str | None,
        Header(
            alias="If-Match",
            max_length=1000,
            description="ETags of which the record must have one; without it any will do",
        ),
    ] = None


Addressed = Annotated[Address, gathered(Address)]
AddressedThen = Annotated[Then, gathered(Then)]
Guarded = Annotated[Guard, gathered(Guard)]


@dataclass(frozen=True)
class Chosen:
    """The record an address names."""

    ID: Annotated[str, Path(description="Primary key or id of the record", examples=["MCTS31"])]


ChosenRecord = Annotated[Chosen, gathered(Chosen)]


class Content(BaseModel):
    """Fields of a record, as the registry's schema names them."""

    content: JsonObject = Field(description="Fields and values", examples=[EXAMPLE])


class ByQuery(BaseModel):
    """Which record."""

    query: Content = Field(description="Values the record has")


class ExistsQuery(ByQuery):
    """Which record; a body of nothing but fields is read as the query's content."""

    @model_validator(mode="before")
    @classmethod
    def wrap(cls, given: Any) -> Any:
        """Read a flat body of fields as a query."""
        if isinstance(given, dict) and "query" not in given:
            return {"query": {"content": given}}
        return given


class NewRecord(BaseModel):
    """A record to create."""

    write: Content = Field(description="What to write")


class Change(BaseModel):
    """What to write in which record."""

    query: Content | None = Field(
        None, description="Values the record has; by the primary key to write when not given"
    )
    write: Content = Field(description="What to write; objects are merged, null removes (RFC 7396)")


class RecordContent(BaseModel):
    """A record's fields."""

    content: dict[str, Any] = Field(examples=[EXAMPLE])


class Answer(BaseModel):
    """Whether something is there."""

    status: bool = Field(description="Whether a record matches")
    message: str = Field(examples=["Object found from database"])


class ExistsAnswer(BaseModel):
    """Whether a record matches."""

    answer: Answer


class NoRecord(BaseModel):
    """What GovStack fixes for a record that is not there."""

    detail: str = Field(json_schema_extra={"enum": ["no record found"]})
