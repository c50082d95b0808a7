"""Reports on the wire."""

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import Path
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from kit.web import Text, gathered
from registry.reports.models import Report, Wanted, read
from registry.statistics.models import CREATED, Interval, Metric, Of

_NAME = Annotated[Text, Field(min_length=1, max_length=200)]


@dataclass(frozen=True)
class Chosen:
    """A report of a database."""

    id: Annotated[int, Path(ge=1, lt=1 << 63, description="Id of the database")]
    report: Annotated[UUID, Path(alias="reportId", description="Id of the report")]

    @property
    def where(self) -> tuple[int, UUID]:
        """Return the two ids."""
        return self.id, self.report


ChosenReport = Annotated[Chosen, gathered(Chosen)]


class ReportQuestion(BaseModel):
    """What is asked, as `GET /stats/{registryName}` takes it."""

    model_config = ConfigDict(populate_by_name=True)

    version: Text | None = Field(None, description="Published version; else the newest")
    metric: Metric = Metric.COUNT
    field: Text | None = Field(None, description="The field it is computed of")
    groupBy: list[Text] = Field(default=[], max_length=4, examples=[["village"]])
    interval: Interval | None = None
    dateField: Text = CREATED
    first: date | None = Field(None, alias="from", description="First day")
    last: date | None = Field(None, alias="to", description="Last day")
    query: dict[Text, Text] = Field(
        default={},
        max_length=50,
        description="What fields must be, as `query.<fieldName>` says it",
        examples=[{"village": "prefix:Si"}],
    )
    of: Of = Of.RECORDS


class ReportDefinition(BaseModel):
    """What a report shall be."""

    name: _NAME = Field(examples=["Children by village"])
    description: Annotated[Text, Field(max_length=2000)] | None = None
    question: ReportQuestion

    def wanted(self) -> Wanted:
        """Return what is asked for."""
        said: dict[str, Any] = self.question.model_dump(mode="json", by_alias=True)
        return read(self.name, self.description, said)


class ReportInfo(ReportDefinition):
    """A report as kept."""

    id: UUID
    changedAt: AwareDatetime
    changedBy: str = Field(description="The application", examples=["DEV/GOV/10001/analyst"])

    @classmethod
    def of(cls, found: Report) -> "ReportInfo":
        """Return a report as it is shown."""
        return cls(
            id=found.id,
            name=found.wanted.name,
            description=found.wanted.description,
            question=ReportQuestion.model_validate(found.wanted.document),
            changedAt=found.changed_at,
            changedBy=found.changed_by,
        )
