"""Preferences on the wire."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from consent.policies.schemas import Line
from consent.preferences import models


class Preference(BaseModel):
    """Whether an individual wants to be told of changes, and how."""

    enabled: bool = Field(description="Whether they want to be told; false until they say so")
    channel: Literal["email"] = Field(default="email", description="How")
    address: Annotated[Line, Field(max_length=254, pattern=r"^[^@\s]+@[^@\s]+$")] | None = Field(
        default=None,
        description="Where to; kept sealed, and forgotten when it is not sent",
        examples=["mari@example.org"],
    )
    language: Annotated[
        Line, Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$", max_length=35)
    ] = Field(
        default="en",
        description="A tag of BCP 47; English where there are no words in it",
        examples=["et"],
    )

    def preference(self) -> models.Preference:
        """Return what the individual wants."""
        return models.Preference(self.enabled, self.address, self.language)


class PreferenceBody(BaseModel):
    """A request with preferences."""

    notificationPreferences: Preference


class PreferenceAnswer(BaseModel):
    """An individual's preferences."""

    notificationPreferences: Preference

    @classmethod
    def of(cls, found: models.Preference) -> "PreferenceAnswer":
        """Return preferences as the wire has them."""
        said = Preference(enabled=found.enabled, address=found.address, language=found.language)
        return cls(notificationPreferences=said)
