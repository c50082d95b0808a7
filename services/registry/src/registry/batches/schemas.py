"""Batches on the wire."""

from enum import StrEnum
from typing import Any, Self

from pydantic import BaseModel, Field, model_validator

from kit.web import JsonObject, Text
from kit.web.problems import ProblemField
from registry.records.schemas import EXAMPLE, Change, Content


class Mode(StrEnum):
    """Whether one entry that cannot be kept refuses all of them."""

    ALL = "all"
    EACH = "each"


_MODE = "`all`: every entry or none; `each`: those that can be kept, and a report on the others"


class NewEntries(BaseModel):
    """Records to create."""

    entries: list[JsonObject] = Field(
        min_length=1, description="Fields and values of each record; 10,000 at most"
    )
    mode: Mode = Field(Mode.ALL, description=_MODE)


class ChangedEntries(BaseModel):
    """What to write in which records: the same in all that match, or something else in each."""

    query: Content | None = Field(None, description="Values that the records have")
    write: Content | None = Field(None, description="What to write in all records that match")
    entries: list[Change] | None = Field(
        None, description="Instead: which record, and what to write in it, for each; 10,000 at most"
    )
    mode: Mode = Field(Mode.ALL, description=_MODE)

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.entries is None) == (self.write is None):
            message = "give query and write, or entries"
            raise ValueError(message)
        if self.write is not None and self.query is None:
            message = "give query.content: which records to change"
            raise ValueError(message)
        return self


class ChosenEntries(BaseModel):
    """Which records."""

    query: Content | None = Field(None, description="Values that the records have")
    entries: list[Text] | None = Field(
        None,
        description="Instead: primary keys or ids; 10,000 at most",
        examples=[["MCTS31", "MCTS32"]],
    )

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.entries is None) == (self.query is None):
            message = "give query, or entries"
            raise ValueError(message)
        return self


class EntryResult(BaseModel):
    """What became of one entry: the record it made, or why it was not kept."""

    entry: int = Field(description="Place of the entry, from 0")
    content: dict[str, Any] | None = Field(None, description="The record", examples=[EXAMPLE])
    errors: list[ProblemField] | None = Field(
        None, description="Fields, as JSON Pointers inside the entry, and why they were refused"
    )


class Created(BaseModel):
    """What became of a batch of new records."""

    count: int = Field(description="Records created")
    failed: int = Field(description="Entries that were not kept; 0 unless mode is `each`")
    results: list[EntryResult] = Field(description="One for each entry, in their order")


class Updated(BaseModel):
    """What became of a batch of changes."""

    count: int = Field(description="Records that have the values now, changed or not")
    failed: int = Field(0, description="Entries that were not kept; 0 unless mode is `each`")
    failures: list[EntryResult] = Field(
        default_factory=list[EntryResult], description="Those entries, in their order"
    )
