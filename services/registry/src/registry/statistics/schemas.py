"""Statistics on the wire."""

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

from fastapi import Header, Path, Query
from pydantic import BaseModel, Field

from kit.web import Text, gathered
from registry.statistics.models import CREATED, Interval, Metric, Of, Question, Statistics

BY_FIELD: dict[str, Any] = {
    "parameters": [
        {
            "name": "query.<fieldName>",
            "in": "query",
            "required": False,
            "description": "What a field must be, as lists take it; one parameter for each field",
            "schema": {"type": "string"},
        }
    ]
}


@dataclass(frozen=True)
class StatisticsQuery:
    """Which registry, and what is asked besides ``query.<field>``."""

    registry: Annotated[
        str, Path(alias="registryName", description="Code of the database, in any case")
    ]
    version: Annotated[
        Text | None, Query(description="Published version; the newest when not given")
    ] = None
    metric: Annotated[Metric, Query(description="What is computed of each group")] = Metric.COUNT
    field: Annotated[Text | None, Query(description="The field it is computed of")] = None
    group_by: Annotated[
        Text | None,
        Query(alias="groupBy", description="Up to four fields; `change` with of=changes"),
    ] = None
    interval: Annotated[Interval | None, Query(description="Makes a time series")] = None
    date_field: Annotated[
        Text,
        Query(alias="dateField", description="A field with dates, or when it was created, changed"),
    ] = CREATED
    first: Annotated[date | None, Query(alias="from", description="First day")] = None
    last: Annotated[date | None, Query(alias="to", description="Last day")] = None
    of: Annotated[Of, Query(description="Records as they are, or what was done to them")] = (
        Of.RECORDS
    )
    legal_basis: Annotated[
        Text | None,
        Header(
            alias="X-Legal-Basis",
            max_length=200,
            description="Law or decision this is done under; it is written in the log",
        ),
    ] = None

    def question(self, filters: tuple[tuple[str, str], ...]) -> Question:
        """Return the question with the filters that are asked for besides."""
        return Question(
            self.metric,
            self.field,
            tuple(self.group_by.split(",")) if self.group_by else (),
            self.interval,
            self.date_field,
            self.first,
            self.last,
            filters,
            self.of,
        )


StatisticsAsked = Annotated[StatisticsQuery, gathered(StatisticsQuery)]


class StatisticsGroup(BaseModel):
    """Records alike in what they are grouped by."""

    values: dict[str, Any] = Field(
        description="What they are grouped by; null where a record has no value",
        examples=[{"village": "Sild"}],
    )
    period: date | None = Field(
        description="First day of the period; null without, or where a record has no date"
    )
    count: int = Field(description="How many there are", examples=[17])
    value: Any = Field(description="What was computed; null where there is nothing to compute")


class StatisticsAnswer(BaseModel):
    """What was computed from the records the caller may see."""

    version: str = Field(examples=["1.0"])
    metric: Metric
    field: str | None
    groups: list[StatisticsGroup] = Field(description="The oldest period, the largest group first")
    suppressed: bool = Field(description="Whether small groups are left out, or others with them")
    suppressedGroups: int
    smallestGroup: int | None = Field(
        description="How many records a group has at least; null where all groups are told"
    )

    @classmethod
    def of(cls, found: Statistics) -> "StatisticsAnswer":
        """Return statistics as they are shown."""
        asked = found.question
        return cls(
            version=found.version,
            metric=asked.metric,
            field=asked.field,
            groups=[
                StatisticsGroup(
                    values=dict(zip(asked.group_by, group.values, strict=True)),
                    period=None if group.period is None else date.fromisoformat(group.period),
                    count=group.count,
                    value=group.value,
                )
                for group in found.groups
            ],
            suppressed=found.suppressed > 0,
            suppressedGroups=found.suppressed,
            smallestGroup=found.smallest,
        )


class StatisticsSettings(BaseModel):
    """How small a group may be that is told to others, or that personal data is used for."""

    smallestGroup: int = Field(ge=1, le=1000, description="Records it has at least", examples=[5])
