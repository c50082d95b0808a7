"""Representations on the wire."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from consent.policies.schemas import Line
from consent.representations import models
from consent.revisions.schemas import Reference
from kit.web import Moment, Text

_MOST_HANDS = 10


class Person(BaseModel):
    """An individual named by id."""

    id: Annotated[Line, Field(min_length=1, description="The individual's id")]


class NewDelegate(BaseModel):
    """Whom an individual lets act for them."""

    representative: Person = Field(description="Another individual of the same member")
    dataAgreements: Annotated[list[Line], Field(min_length=1, max_length=100)] | None = Field(
        default=None, description="The ids of the agreements it covers; all by default"
    )
    depth: int = Field(
        default=0, ge=0, le=_MOST_HANDS, description="How many further hands it may be passed to"
    )
    startsAt: Moment | None = Field(default=None, description="From when on; at once by default")
    endsAt: Moment | None = Field(default=None, description="Until when; a delegate has an end")
    parentId: Line | None = Field(
        default=None, description="What is passed on: the representation that the caller acts by"
    )

    def wish(self) -> models.Wish:
        """Return what is asked for."""
        named = self.dataAgreements
        return models.Wish(
            self.representative.id,
            agreements=None if named is None else tuple(dict.fromkeys(named)),
            depth=self.depth,
            starts_at=self.startsAt,
            ends_at=self.endsAt,
            parent_id=self.parentId,
        )


class NewDelegateBody(BaseModel):
    """A request to let somebody act."""

    representation: NewDelegate


class NewRepresentation(BaseModel):
    """Whom a member's administration lets act for an individual."""

    individual: Person = Field(description="Who is represented")
    representative: Person = Field(description="Another individual of the same member")
    kind: models.Kind = Field(description="A guardian by law, or a delegate")
    dataAgreements: Annotated[list[Line], Field(min_length=1, max_length=100)] | None = Field(
        default=None, description="The ids of the agreements it covers; all by default"
    )
    depth: int = Field(
        default=0, ge=0, le=_MOST_HANDS, description="How many further hands it may be passed to"
    )
    startsAt: Moment | None = Field(default=None, description="From when on; at once by default")
    endsAt: Moment | None = Field(default=None, description="Until when; a delegate has an end")
    evidence: Annotated[Text, Field(min_length=1, max_length=2000)] | None = Field(
        default=None,
        description="What a guardian is one by: a reference, kept sealed",
        examples=["birth register, entry 4711"],
    )

    def wish(self) -> models.Wish:
        """Return what is asked for."""
        named = self.dataAgreements
        return models.Wish(
            self.representative.id,
            self.kind,
            None if named is None else tuple(dict.fromkeys(named)),
            self.depth,
            self.startsAt,
            self.endsAt,
            evidence=self.evidence,
        )


class NewRepresentationBody(BaseModel):
    """A request of an administration to let somebody act."""

    representation: NewRepresentation


class Representation(BaseModel):
    """Who may act for whom, for what and until when."""

    id: str = Field(description="Its id")
    kind: models.Kind = Field(description="A guardian by law, or a delegate")
    individual: Reference = Field(description="Who is represented")
    representative: Reference = Field(description="Who acts")
    dataAgreements: list[str] | None = Field(
        default=None, description="The agreements it covers; absent: all"
    )
    depth: int = Field(description="How many further hands it may be passed to")
    parentId: str | None = Field(default=None, description="What it was passed on from")
    evidence: str | None = Field(
        default=None, description="What a guardian is one by; told to administrations only"
    )
    startsAt: datetime = Field(description="From when on it counts")
    endsAt: datetime | None = Field(default=None, description="Until when it counts")
    createdAt: datetime = Field(description="When it was made")
    endedAt: datetime | None = Field(default=None, description="When it was ended before that")
    endedBy: models.EndedBy | None = Field(
        default=None, description="Who ended it; parent: what it was passed on from ended"
    )

    @classmethod
    def of(cls, found: models.Representation) -> "Representation":
        """Return a representation as the wire has it."""
        named = found.agreements
        return cls(
            id=found.id,
            kind=found.kind,
            individual=Reference(id=found.individual_id),
            representative=Reference(id=found.representative_id),
            dataAgreements=None if named is None else list(named),
            depth=found.depth,
            parentId=found.parent_id,
            evidence=found.evidence,
            startsAt=found.starts_at,
            endsAt=found.ends_at,
            createdAt=found.created_at,
            endedAt=found.ended_at,
            endedBy=found.ended_by,
        )


class RepresentationAnswer(BaseModel):
    """A representation."""

    representation: Representation

    @classmethod
    def of(cls, found: models.Representation) -> "RepresentationAnswer":
        """Return the answer that holds a representation."""
        return cls(representation=Representation.of(found))


class Representations(BaseModel):
    """A page of representations, newest first."""

    representations: list[Representation]
