"""What is called back, on the wire."""

from typing import Annotated, Self

from pydantic import BaseModel, Field, model_validator

from kit.web import Text

Name = Annotated[Text, Field(min_length=1, max_length=200)]


class Withdrawn(BaseModel):
    """By what decisions were made that do not hold any more: a record, an agreement, or both."""

    consentRecordId: Name | None = Field(
        default=None, description="Decisions by this consent record", examples=["0192-1"]
    )
    dataAgreementId: Name | None = Field(
        default=None, description="Decisions under this data agreement", examples=["0192-2"]
    )

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        if not self.names:
            message = "name a consentRecordId or a dataAgreementId"
            raise ValueError(message)
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """Return what is named."""
        return tuple(name for name in (self.consentRecordId, self.dataAgreementId) if name)
