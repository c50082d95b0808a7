"""Receipts on the wire."""

from pydantic import BaseModel, ConfigDict, Field, model_validator

from consent.receipts import models
from kit.web import JsonObject, Text


class Presented(BaseModel):
    """A receipt that somebody holds: as JSON-LD, or as a credential."""

    model_config = ConfigDict(extra="ignore")

    receipt: JsonObject | None = Field(default=None, description="As JSON-LD, as it was given")
    credential: Text | None = Field(
        default=None, max_length=1_000_000, description="As a signed credential (`vc+jwt`)"
    )

    @model_validator(mode="after")
    def _is_one(self) -> "Presented":
        if (self.receipt is None) == (self.credential is None):
            raise ValueError("send receipt or credential")
        return self


class Verdict(BaseModel):
    """Whether a receipt is ours and unchanged, and what has become of the consent."""

    valid: bool = Field(description="Whether this block gave it, and it is as it was given")
    reasons: list[str] = Field(description="What does not hold; empty when all does")
    isCurrent: bool = Field(
        description="Whether the record still says what the receipt does, and stands"
    )
    standing: models.Standing | None = Field(
        default=None, description="What has become of the consent; absent when not valid"
    )

    @classmethod
    def of(cls, found: models.Verdict) -> "Verdict":
        """Return a verdict as the wire has it."""
        return cls(
            valid=not found.reasons,
            reasons=found.reasons,
            isCurrent=found.is_current,
            standing=found.standing,
        )
