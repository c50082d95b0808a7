"""Release 1.0 on the wire: today's shapes under the names they had."""

import re
from dataclasses import dataclass
from typing import Annotated, Any, Self

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_snake

from kit.web import gathered
from registry.databases import schemas as databases
from registry.listing import schemas as listing
from registry.records import schemas as records
from registry.usage import schemas as usage


def to_capitals(name: str) -> str:
    """Return a name with a capital first and ``ID`` last: ``readerId`` was ``ReaderID``."""
    return re.sub(r"Id$", "ID", name[0].upper() + name[1:]) if name != "id" else "ID"


_SNAKE = ConfigDict(alias_generator=to_snake, populate_by_name=True)


class _Old(BaseModel):
    """A shape of today under other names."""

    @classmethod
    def renamed(cls, today: BaseModel) -> Self:
        """Return what today's shape says."""
        return cls.model_validate(today.model_dump())


class Modify(databases.Modify):
    """What a database shall be. Keys left out keep what they were."""

    model_config = _SNAKE

    def today(self) -> databases.Modify:
        """Return what is asked, as today's shape."""
        return databases.Modify.model_validate(self.model_dump(exclude_unset=True))


class SchemaTag(databases.SchemaTag):
    """A field the search looks into."""

    model_config = _SNAKE


class GenericService(databases.GenericService):
    """An operation every database has."""

    model_config = _SNAKE


class DatabaseInfo(databases.DatabaseInfo, _Old):
    """A database with its newest version, which may be a draft."""

    model_config = _SNAKE

    schemaTags: list[SchemaTag] = Field(description="Fields the search looks into")  # pyright: ignore[reportIncompatibleVariableOverride]
    genericServices: list[GenericService]  # pyright: ignore[reportIncompatibleVariableOverride]


class Databases(databases.Databases, _Old):
    """All databases of a member, as one group."""

    model_config = _SNAKE

    databases: list[DatabaseInfo]  # pyright: ignore[reportIncompatibleVariableOverride]


class PersonalDataUsage(usage.PersonalDataUsage, _Old):
    """One look at a person's data."""

    model_config = ConfigDict(alias_generator=to_capitals, populate_by_name=True)


@dataclass(frozen=True)
class ListQuery(listing.ListQuery):
    """What a list may be asked for besides ``query.<field>``."""

    page_size: Annotated[
        int | None,
        Query(ge=1, le=1000, description="Records on a page; all, 1000 at most, when not given"),
    ] = None


Listed = Annotated[ListQuery, gathered(ListQuery)]


class Records(listing.Records):
    """A page of records."""

    count: int = Field(description="How many records the page has", examples=[1])


class Change(records.Change):
    """What to write in which record; ``query`` may also stand inside ``write``."""

    @model_validator(mode="before")
    @classmethod
    def lift(cls, given: Any) -> Any:
        """Read a query that stands inside ``write`` as standing beside it."""
        inside = given.get("write") if isinstance(given, dict) else None
        if isinstance(inside, dict) and "query" not in given and "content" in inside:
            return {**given, **({"query": inside["query"]} if "query" in inside else {})}
        return given
