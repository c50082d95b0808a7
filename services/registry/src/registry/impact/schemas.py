"""What a change breaks, on the wire."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from kit.web import JsonObject, Text
from registry.databases.schemas import Access
from registry.impact.models import Finding, Impact


class Proposal(BaseModel):
    """A definition to try. Keys left out keep what they are; nothing at all is the draft."""

    model_config = ConfigDict(populate_by_name=True)

    schema_: JsonObject | None = Field(
        None,
        alias="schema",
        description="Fields of the records",
        examples=[{"type": "object", "properties": {"village": {"type": "string"}}}],
    )
    fieldsUniques: list[list[Text]] | None = Field(
        None, description="Groups of fields that are unique together"
    )
    access: Access | None = None


class ImpactFinding(BaseModel):
    """One difference from the newest published version."""

    pointer: str = Field(
        description="JSON Pointer into the definition",
        examples=["#/schema/properties/village/maxLength"],
    )
    change: str = Field(description="What it is", examples=["narrowed"])
    reason: str = Field(description="Whom it touches", examples=["others may write more than 40"])
    recordsAffected: int | None = Field(
        None, description="How many of the records looked at it touches"
    )


class ImpactOf(BaseModel):
    """What a version changes for those who use the newest published one."""

    breaking: list[ImpactFinding] = Field(
        description="What readers lose, writers can write no more, or records do not fit"
    )
    warnings: list[ImpactFinding] = Field(description="What readers and writers should know")
    recordsChecked: int = Field(description="How many records were looked at, the newest ones")


def written(impact: Impact) -> dict[str, Any]:
    """Return an impact in the words of the wire."""
    return {
        "breaking": [_finding(each) for each in impact.breaking],
        "warnings": [_finding(each) for each in impact.warnings],
        "recordsChecked": impact.records_checked,
    }


def _finding(found: Finding) -> ImpactFinding:
    return ImpactFinding(
        pointer=found.pointer,
        change=found.change,
        reason=found.reason,
        recordsAffected=found.records,
    )
