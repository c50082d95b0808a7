"""Entries on the wire."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field
from pydantic_core import to_json

from catalogue.entries import models
from catalogue.entries.models import SDGS, Kind
from catalogue.sources.schemas import Source, Url, Visible
from catalogue.words import ID

Id = Annotated[str, Field(max_length=128, pattern=ID)]
"""An id chosen by whoever makes the thing: lower-case words, digits, points and hyphens."""

Line = Annotated[Visible, Field(min_length=1, max_length=300)]
"""A name: at least one visible character."""

Prose = Annotated[Visible, Field(min_length=1, max_length=10_000)]
"""A description: at least one visible character."""

Word = Annotated[Visible, Field(min_length=1, max_length=100)]
"""The name of a country or building block."""

Goal = Annotated[int, Field(ge=1, le=SDGS)]
"""A Sustainable Development Goal."""


class EntryContent(BaseModel):
    """What an entry says."""

    kind: Kind = Field(description="What sort of thing it is", examples=["product"])
    name: Line = Field(description="Its name", examples=["GC Notify"])
    description: Prose = Field(
        description="What it does, in a few sentences",
        examples=["Sends e-mail and text messages for Canada's public bodies."],
    )
    owner: Line = Field(description="Who answers for it", examples=["Canadian Digital Service"])
    countries: list[Word] = Field(
        [], max_length=300, description="Where it comes from", examples=[["Canada"]]
    )
    repositoryUrl: Url | None = Field(
        None,
        description="Where its code or text is kept",
        examples=["https://github.com/cds-snc/notification-api"],
    )
    licence: Line | None = Field(
        None, description="Its licence, as SPDX writes it where SPDX knows it", examples=["MIT"]
    )
    remarks: Prose | None = Field(
        None, description="What a reader should know besides", examples=["Began as a fork."]
    )
    buildingBlocks: list[Word] = Field(
        [],
        max_length=50,
        description="The GovStack building blocks it belongs to",
        examples=[["Messaging"]],
    )
    sdgs: list[Goal] = Field(
        [],
        max_length=50,
        description="The Sustainable Development Goals it serves",
        examples=[[16]],
    )
    obsolete: bool = Field(
        default=False, description="Whether its owner has given it up", examples=[False]
    )
    sources: list[Source] = Field(
        min_length=1, max_length=50, description="Where these claims come from; at least one"
    )

    def model(self) -> models.Content:
        """Return the content as the catalogue keeps it; what is listed twice counts once."""
        return models.Content(
            kind=self.kind,
            name=self.name,
            description=self.description,
            owner=self.owner,
            sources=tuple(source.model() for source in self.sources),
            countries=tuple(dict.fromkeys(self.countries)),
            repository_url=self.repositoryUrl,
            licence=self.licence,
            remarks=self.remarks,
            building_blocks=tuple(dict.fromkeys(self.buildingBlocks)),
            sdgs=tuple(dict.fromkeys(self.sdgs)),
            obsolete=self.obsolete,
        )


class PutEntry(EntryContent):
    """What a caller sends to create or replace an entry; the address carries its id."""


class NewEntry(EntryContent):
    """What a caller sends to publish an entry."""

    id: Id | None = Field(
        None,
        description="The id it shall have; we make one if none is given",
        examples=["gc-notify"],
    )


class Entry(EntryContent):
    """An entry of the catalogue."""

    id: Id = Field(description="Its id, which never changes", examples=["gc-notify"])
    publisher: str = Field(description="The member that put it here", examples=["DEV/GOV/90001"])
    createdAt: datetime = Field(description="When it was published")
    updatedAt: datetime = Field(description="When its content last changed")

    @classmethod
    def of(cls, entry: models.Entry) -> "Entry":
        """Return an entry as it is sent."""
        return cls.model_validate(_said(entry))


class Entries(BaseModel):
    """One page of entries."""

    count: int = Field(description="How many entries were found in all", examples=[44])
    entries: list[Entry] = Field(description="This page of them, the closest first")

    @staticmethod
    def write(found: models.Found) -> bytes:
        """Return a page as it is sent, in JSON: what is kept was looked at when it came."""
        entries = [_said(entry) for entry in found.entries]
        return to_json({"count": found.count, "entries": entries})


def _said(entry: models.Entry) -> dict[str, Any]:
    """Return an entry in the contract's spelling; what is not known is left out."""
    content = entry.content
    said: dict[str, Any] = {
        "kind": content.kind,
        "name": content.name,
        "description": content.description,
        "owner": content.owner,
        "countries": content.countries,
        "repositoryUrl": content.repository_url,
        "licence": content.licence,
        "remarks": content.remarks,
        "buildingBlocks": content.building_blocks,
        "sdgs": content.sdgs,
        "obsolete": content.obsolete,
        "sources": [_known({"url": each.url, "note": each.note}) for each in content.sources],
        "id": entry.id,
        "publisher": entry.publisher,
        "createdAt": entry.created_at,
        "updatedAt": entry.updated_at,
    }
    return _known(said)


def _known(said: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in said.items() if value is not None}
