"""A report: a question of statistics with a name (DRS-26)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from kit.problems import Conflict, NotFound
from registry.statistics.models import CREATED, Interval, Metric, Of, Question


class ReportNotFound(NotFound):
    """The database has no such report."""

    title = "Report not found"


class ReportTaken(Conflict):
    """Another report of the database has this name."""

    title = "Another report has this name"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a report shall be; ``version`` is that it is about, the newest when None."""

    name: str
    question: Question
    description: str | None = None
    version: str | None = None

    @property
    def document(self) -> dict[str, Any]:
        """Return the question as it is kept."""
        asked = self.question
        return {
            "version": self.version,
            "metric": asked.metric.value,
            "field": asked.field,
            "groupBy": list(asked.group_by),
            "interval": None if asked.interval is None else asked.interval.value,
            "dateField": asked.date_field,
            "from": None if asked.first is None else asked.first.isoformat(),
            "to": None if asked.last is None else asked.last.isoformat(),
            "query": dict(asked.filters),
            "of": asked.of.value,
        }


@dataclass(frozen=True, slots=True)
class Report:
    """A report as kept."""

    id: UUID
    database: int
    wanted: Wanted
    changed_at: datetime
    changed_by: str


def read(name: str, description: str | None, said: Mapping[str, Any]) -> Wanted:
    """Return what a report is from its name, description and kept question."""
    interval = said.get("interval")
    question = Question(
        Metric(said["metric"]),
        said.get("field"),
        tuple(said.get("groupBy") or ()),
        None if interval is None else Interval(interval),
        said.get("dateField", CREATED),
        _date(said.get("from")),
        _date(said.get("to")),
        tuple((said.get("query") or {}).items()),
        Of(said.get("of", Of.RECORDS)),
    )
    return Wanted(name, question, description, said.get("version"))


def _date(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
