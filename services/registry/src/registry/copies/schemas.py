"""What is sent to a copied service."""

from typing import Annotated

from fastapi import Path
from pydantic import BaseModel, Field

from registry.records.schemas import Content

CopyName = Annotated[
    str, Path(alias="serviceName", description="Name of the copy", examples=["short"])
]


class Called(BaseModel):
    """What the service that was copied reads: which record, what to write, or both."""

    query: Content | None = Field(None, description="Values the record has")
    write: Content | None = Field(None, description="What to write")
