"""Reuses on the wire."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from catalogue.reuses import models
from catalogue.reuses.models import Direction
from catalogue.sources.schemas import Source, Visible
from catalogue.statuses import Status
from catalogue.words import ID
from kit.web import Text

EntryId = Annotated[Text, Field(min_length=1, max_length=128)]
"""The id of an entry in this catalogue."""

Id = Annotated[str, Field(max_length=128, pattern=ID)]
"""An id chosen by whoever makes the thing: lower-case words, digits, points and hyphens."""

_BY_OR_BY_ENTRY: JsonDict = {
    "anyOf": [
        {"required": ["by"], "properties": {"by": {"$ref": "#/components/schemas/Reuser"}}},
        {
            "required": ["byEntry"],
            "properties": {"byEntry": {"type": "string", "minLength": 1, "maxLength": 128}},
        },
    ]
}


class Reuser(BaseModel):
    """Who reuses something, in words."""

    name: Annotated[Visible, Field(min_length=1, max_length=300)] = Field(
        description="The body or system that reuses it", examples=["Government of Åland"]
    )
    countries: list[Annotated[Visible, Field(min_length=1, max_length=100)]] = Field(
        [], max_length=300, description="Where it does so", examples=[["Finland"]]
    )

    def model(self) -> models.Reuser:
        """Return the reuser as the catalogue keeps it."""
        return models.Reuser(self.name, tuple(dict.fromkeys(self.countries)))


class ReuseContent(BaseModel):
    """What a reuse says."""

    reused: EntryId = Field(description="The entry that is reused", examples=["govuk-notify"])
    byEntry: EntryId | None = Field(
        None, description="The entry that reuses it", examples=["gc-notify"]
    )
    by: Reuser | None = Field(None, description="Who reuses it, in words")
    status: Status = Field(
        description="In which state the reuse is, no better than its sources show",
        examples=["fork-in-production"],
    )
    note: Annotated[Text, Field(max_length=10_000)] | None = Field(
        None, description="What the sources say, in short", examples=["Its README says so."]
    )
    sources: list[Source] = Field(
        min_length=1, max_length=50, description="Where this claim comes from; at least one"
    )

    def model(self) -> models.Claim:
        """Return the claim as the catalogue keeps it."""
        return models.Claim(
            reused=self.reused,
            status=self.status,
            sources=tuple(source.model() for source in self.sources),
            by_entry=self.byEntry,
            by=self.by and self.by.model(),
            note=self.note,
        )


class PutReuse(ReuseContent):
    """What a caller sends to create or replace a reuse; the address carries its id."""

    model_config = ConfigDict(json_schema_extra=_BY_OR_BY_ENTRY)


class NewReuse(ReuseContent):
    """What a caller sends to publish a reuse."""

    model_config = ConfigDict(json_schema_extra=_BY_OR_BY_ENTRY)

    id: Id | None = Field(
        None,
        description="The id it shall have; we make one if none is given",
        examples=["govuk-notify-by-gc-notify"],
    )


class Reuse(ReuseContent):
    """A reuse, with the names of the entries it names."""

    id: str = Field(description="Its id, which never changes")
    reusedName: str | None = Field(
        None, description="The name of the reused entry", examples=["GOV.UK Notify"]
    )
    byEntryName: str | None = Field(
        None, description="The name of the reusing entry", examples=["GC Notify"]
    )
    publisher: str = Field(description="The member that put it here", examples=["DEV/GOV/90001"])
    createdAt: datetime = Field(description="When it was published")
    updatedAt: datetime = Field(description="When it last changed")

    @classmethod
    def of(cls, reuse: models.Reuse) -> "Reuse":
        """Return a reuse as it is sent."""
        return cls.model_validate(_said(reuse))


class Reuses(BaseModel):
    """One page of reuses."""

    count: int = Field(description="How many reuses were found in all", examples=[26])
    reuses: list[Reuse] = Field(description="This page of them")

    @classmethod
    def of(cls, found: models.Found) -> "Reuses":
        """Return a page as it is sent."""
        return cls(count=found.count, reuses=[Reuse.of(reuse) for reuse in found.reuses])


class EntryReuses(BaseModel):
    """Who reuses an entry, and what it reuses."""

    entryId: str = Field(examples=["govuk-notify"])
    name: str = Field(examples=["GOV.UK Notify"])
    inProduction: int = Field(
        description="How many reuses of it are in-production or fork-in-production",
        examples=[1],
    )
    statuses: dict[Status, int] = Field(
        description="How many reuses of it are in each state",
        examples=[{"fork": 2, "fork-in-production": 1}],
    )
    reusedBy: list[Reuse] = Field(description="Who reuses it; 1000 at most")
    reuses: list[Reuse] = Field(description="What it reuses; 1000 at most")

    @classmethod
    def of(cls, entry_id: str, name: str, found: models.Neighbours) -> "EntryReuses":
        """Return an entry's reuses as they are sent."""
        return cls(
            entryId=entry_id,
            name=name,
            inProduction=found.in_production,
            statuses=dict(found.counted),
            reusedBy=[Reuse.of(reuse) for reuse in found.reused_by],
            reuses=[Reuse.of(reuse) for reuse in found.reuses],
        )


class ChainLink(Reuse):
    """One reuse in a chain."""

    depth: int = Field(ge=1, description="How many steps from the entry asked for", examples=[1])


class ReuseChain(BaseModel):
    """All reuses that follow from one entry."""

    entryId: str = Field(examples=["govuk-notify"])
    name: str = Field(examples=["GOV.UK Notify"])
    direction: Direction
    complete: bool = Field(description="False when the depth or the number of links cut it off")
    links: list[ChainLink] = Field(description="The reuses, nearest first, each once")

    @classmethod
    def of(
        cls, entry_id: str, name: str, direction: Direction, found: models.Chain
    ) -> "ReuseChain":
        """Return a chain as it is sent."""
        return cls(
            entryId=entry_id,
            name=name,
            direction=direction,
            complete=found.complete,
            links=[
                ChainLink.model_validate({**_said(link.reuse), "depth": link.depth})
                for link in found.links
            ],
        )


def _said(reuse: models.Reuse) -> dict[str, Any]:
    claim = reuse.claim
    return {
        "id": reuse.id,
        "reused": claim.reused,
        "reusedName": reuse.reused_name,
        "byEntry": claim.by_entry,
        "byEntryName": reuse.by_entry_name,
        "by": claim.by and Reuser(name=claim.by.name, countries=list(claim.by.countries)),
        "status": claim.status,
        "note": claim.note,
        "sources": [Source(url=source.url, note=source.note) for source in claim.sources],
        "publisher": reuse.publisher,
        "createdAt": reuse.created_at,
        "updatedAt": reuse.updated_at,
    }
