"""Versions on the wire."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

from kit.web import Moment, Text, gathered
from registry.impact.schemas import ImpactOf


@dataclass(frozen=True)
class Chosen:
    """The version an address names."""

    id: Annotated[int, Path(ge=0, le=(1 << 63) - 1, description="Id of the database")]
    version: Annotated[str, Path(alias="versionNumber", description="Version", examples=["1.0"])]


ChosenVersion = Annotated[Chosen, gathered(Chosen)]


class PublishedVersion(ImpactOf):
    """The newest published version, and what it changes for those who use the one before."""

    version: str = Field(examples=["1.0"])


class Deprecate(BaseModel):
    """What is said of a version that shall not be used any more."""

    deprecatedAt: Moment | None = Field(
        None, description="Since when; now when not given", examples=["2026-01-31T00:00:00Z"]
    )
    sunsetAt: Moment = Field(
        description="When it will be gone; it answers until it is deleted",
        examples=["2027-01-31T00:00:00Z"],
    )
    guidance: Annotated[Text, Field(min_length=1, max_length=2000)] = Field(
        description="What those who use it do instead",
        examples=["Send child.birthdate in place of birthdate."],
    )


class VersionInfo(BaseModel):
    """One version of a database."""

    model_config = ConfigDict(populate_by_name=True)

    version: str = Field(examples=["1.0"])
    isDraft: bool
    publishedAt: str | None = Field(None, examples=["2026-01-31T08:35:01.775915Z"])
    modifiedAt: str = Field(examples=["2026-01-31T08:35:01.775915Z"])
    byUserName: str
    deprecatedAt: str | None = Field(None, description="Since when it shall not be used any more")
    sunsetAt: str | None = Field(None, description="When it will be gone")
    guidance: str | None = Field(None, description="What those who use it do instead")
    schema_: dict[str, Any] = Field(alias="schema")
