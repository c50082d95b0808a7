"""Registries, their versions and services, on the wire."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from registry.databases.schemas import Metadata


class RegistryVersion(BaseModel):
    """A published version of a registry."""

    version: str = Field(examples=["1.0"])
    publishedAt: str | None = Field(None, examples=["2026-01-31T08:35:01.775915Z"])
    deprecatedAt: str | None = Field(None, description="Since when it shall not be used any more")
    sunsetAt: str | None = Field(None, description="When it will be gone")
    guidance: str | None = Field(None, description="What those who use it do instead")
    openapi: str = Field(
        description="Its OpenAPI document, relative to this list",
        examples=["data/MCTS/1.0/openapi.json"],
    )
    schema_: str = Field(
        alias="schema",
        description="Its records as JSON Schema, relative to this list",
        examples=["data/MCTS/1.0/schema"],
    )

    model_config = ConfigDict(populate_by_name=True)


class RegistryService(BaseModel):
    """A service that answers in every version of a registry."""

    name: str = Field(examples=["data-read"])
    method: str = Field(examples=["POST"])
    path: str = Field(description="Behind registry and version", examples=["/read"])


class Registry(BaseModel):
    """A published registry."""

    code: str = Field(examples=["MCTS"])
    name: str
    description: str
    lifecycle: str = Field(examples=["published"])
    metadata: Metadata | None = None
    versions: list[RegistryVersion]
    services: list[RegistryService]


class Registries(BaseModel):
    """All registries that the caller may use."""

    registries: list[Registry]


class OpenApi(BaseModel):
    """An OpenAPI 3.1 document."""

    model_config = ConfigDict(extra="allow")

    openapi: str = Field(examples=["3.1.0"])
    info: dict[str, Any]
    paths: dict[str, Any]
    components: dict[str, Any]


class RecordSchema(BaseModel):
    """A JSON Schema (draft 2020-12) of the records of one version."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["object"])
    properties: dict[str, Any]
    required: list[str]
