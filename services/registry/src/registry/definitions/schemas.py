"""Definitions on the wire."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Path, Query

from kit.web import gathered
from registry.definitions.models import Format

DEFINITION_EXAMPLE: dict[str, Any] = {
    "code": "MCTS",
    "name": "Mothers and children",
    "metadata": {"classification": "Restricted"},
    "schema": {
        "type": "object",
        "required": ["village"],
        "properties": {"village": {"type": "string", "description": "Where the mother lives"}},
    },
}


@dataclass(frozen=True)
class Exported:
    """Which definition, and how it shall be written."""

    id: Annotated[int, Path(ge=0, le=(1 << 63) - 1, description="Id of the database")]
    form: Annotated[Format, Query(alias="format", description="How the definition is written")] = (
        Format.JSON
    )
    version: Annotated[
        str | None,
        Query(description="Version; the newest, draft or not, when not given", examples=["1.0"]),
    ] = None


ExportedDefinition = Annotated[Exported, gathered(Exported)]
