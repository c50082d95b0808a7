"""Sources on the wire."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from catalogue.sources import models
from catalogue.words import VISIBLE, is_visible
from kit.web import Text


def _visible(value: str) -> str:
    if not is_visible(value):
        message = "there must be something to see in it"
        raise ValueError(message)
    return value


# The pattern is stated for the contract only: pydantic leaves one out that follows a validator.
Visible = Annotated[Text, AfterValidator(_visible), Field(json_schema_extra={"pattern": VISIBLE})]
"""Text with at least one visible character."""


def _url(value: str) -> str:
    if not models.is_url(value):
        message = "an absolute http or https URL without a user name is needed"
        raise ValueError(message)
    return value


Url = Annotated[
    Text,
    AfterValidator(_url),
    Field(max_length=2000, json_schema_extra={"pattern": models.URL}),
]
"""An absolute http or https URL."""

_URL_OR_NOTE: JsonDict = {
    "anyOf": [
        {
            "required": ["url"],
            "properties": {"url": {"type": "string", "pattern": models.URL, "maxLength": 2000}},
        },
        {
            "required": ["note"],
            "properties": {"note": {"type": "string", "pattern": VISIBLE, "maxLength": 2000}},
        },
    ]
}


class Source(BaseModel):
    """Where a claim comes from; a url, a note, or both."""

    model_config = ConfigDict(json_schema_extra=_URL_OR_NOTE)

    url: Url | None = Field(
        None,
        description="A page that shows it",
        examples=["https://github.com/cds-snc/notification-api"],
    )
    note: Annotated[Text, Field(max_length=2000)] | None = Field(
        None, description="What was looked at, and when", examples=["README and LICENSE"]
    )

    def model(self) -> models.Source:
        """Return the source as the catalogue keeps it."""
        return models.Source(self.url, self.note)
