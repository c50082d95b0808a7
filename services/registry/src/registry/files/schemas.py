"""Files on the wire."""

from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from registry.uploads.models import FILE

_BYTES: dict[str, Any] = {"type": "string", "format": "binary"}
MULTIPART: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {"type": "object", "required": [FILE], "properties": {FILE: _BYTES}}
            }
        },
    }
}
"""The file as the part ``file`` of a form (RFC 7578), with its name."""
RAW: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": _BYTES}},
    }
}
CONTENT: dict[str, Any] = {"*/*": {"schema": _BYTES}}
"""A file, of the media type that its bytes are."""


class StoredFile(BaseModel):
    """What a record says of a file."""

    id: UUID = Field(description="Id of the file")
    url: str = Field(
        description="Where it is, relative to /data/{registryName}/{versionNumber}/",
        json_schema_extra={"format": "uri-reference"},
    )
    originalName: str = Field(description="Its name, made safe", examples=["certificate.pdf"])
    type: str = Field(description="What its bytes are", examples=["application/pdf"])
    size: int = Field(description="Bytes", examples=[20480])
    digest: str = Field(description="SHA-256 of its bytes, in hex")
