"""What statistics are asked for, what they are made from, and what is too small to be told."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Any

from kit.problems import Forbidden, Invalid, Problem, Unavailable
from registry.conditions.models import All, Condition
from registry.databases.models import RegistryNotFound
from registry.decisions.models import ConsentRequired
from registry.fields.models import Field, FieldUnknown, Schema
from registry.filters import models as filters
from registry.filters.models import FilterInvalid
from registry.records.models import LegalBasisMissing
from registry.rights.models import FieldHidden, Grant, LoginNeeded, NotAllowed

NAME = "statistics"
"""Under which name the settings of a database hold this."""

SMALLEST = 5
"""How many records a group has at least, where that matters and the owner says nothing else."""

MOST_GROUPS = 5_000
MOST_FIELDS = 4
CREATED, CHANGED, CHANGE = "created", "changed", "change"
_SCALARS = {"string", "integer", "number", "boolean"}
_NUMBERS = {"integer", "number"}
_DATES = {"date", "date-time"}


class QuestionInvalid(Invalid):
    """The statistics cannot be made as asked."""

    title = "The statistics cannot be made like this"


class TooRevealing(Forbidden):
    """The answer would tell of single persons."""

    title = "This would tell of single persons"


class TooSlow(Unavailable):
    """Making the statistics takes longer than a statement may take."""

    title = "The statistics take too long"


REFUSALS: tuple[type[Problem], ...] = (
    RegistryNotFound,
    LoginNeeded,
    NotAllowed,
    LegalBasisMissing,
    FieldHidden,
    FieldUnknown,
    FilterInvalid,
    ConsentRequired,
    QuestionInvalid,
    TooRevealing,
    TooSlow,
)
"""Why a question may not be answered."""


class Metric(StrEnum):
    """What is computed of each group."""

    COUNT = "count"
    SUM = "sum"
    AVERAGE = "avg"
    LEAST = "min"
    MOST = "max"
    DISTINCT = "countDistinct"


class Interval(StrEnum):
    """The periods of a time series; a week begins on Monday."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


class Of(StrEnum):
    """What is counted: records as they are, or each time one was created, changed or deleted."""

    RECORDS = "records"
    CHANGES = "changes"


@dataclass(frozen=True, slots=True)
class Question:
    """What a caller asks; ``filters`` are fields with the texts of ``registry.filters``."""

    metric: Metric = Metric.COUNT
    field: str | None = None
    group_by: tuple[str, ...] = ()
    interval: Interval | None = None
    date_field: str = CREATED
    first: date | None = None
    last: date | None = None
    filters: tuple[tuple[str, str], ...] = ()
    of: Of = Of.RECORDS

    @property
    def named(self) -> list[str]:
        """Return the names of all fields of the schema that the question is about."""
        names = [self.field, *self.group_by, *(name for name, _ in self.filters)]
        if self.date_field not in (CREATED, CHANGED):
            names.append(self.date_field)
        return [name for name in dict.fromkeys(names) if name not in (None, CHANGE)]

    def plan(self, schema: Schema, grant: Grant, *, is_owner: bool) -> "Plan":
        """Return what to compute.

        Raise QuestionInvalid, FieldUnknown or FilterInvalid for what makes no sense, FieldHidden
        for a field that does not show to this caller, TooRevealing for what is about one person.
        """
        fields = {name: schema.get(name) for name in self.named}
        grant.check_named(fields)
        _check_usable(schema, fields.values())
        self._check()
        field = None if self.field is None else fields[self.field]
        _check_metric(self.metric, field)
        for name in self.group_by:
            if name != CHANGE and fields[name].kind not in _SCALARS:
                raise QuestionInvalid(f"{name}: records are not grouped by what holds others")
        asked = [filters.parse(fields[name], name, text) for name, text in self.filters]
        where: list[Condition] = [*asked] if grant.where is None else [*asked, grant.where]
        personal = {field.name for field in fields.values() if field.is_personal}
        _check_discreet(self, fields)
        return Plan(
            self,
            field,
            tuple(None if name == CHANGE else fields[name] for name in self.group_by),
            fields.get(self.date_field),
            All(tuple(where)),
            is_protected=bool(personal) or not is_owner,
        )

    def _check(self) -> None:
        if len(self.group_by) > MOST_FIELDS:
            raise QuestionInvalid(f"records are grouped by {MOST_FIELDS} fields at most")
        if len(set(self.group_by)) < len(self.group_by):
            raise QuestionInvalid("a field is grouped by once")
        if self.of is Of.CHANGES and (self.metric is not Metric.COUNT or self._has_date_field):
            raise QuestionInvalid("changes are counted, by the time they were made")
        if CHANGE in self.group_by and self.of is not Of.CHANGES:
            raise QuestionInvalid("only changes are grouped by change: of=changes")

    @property
    def _has_date_field(self) -> bool:
        return self.date_field not in (CREATED, CHANGED)


@dataclass(frozen=True, slots=True)
class Plan:
    """A question with its fields; ``groups`` holds None where changes are grouped by kind."""

    question: Question
    field: Field | None
    groups: tuple[Field | None, ...]
    date: Field | None
    where: All
    is_protected: bool
    """Whether small groups are kept back."""


@dataclass(frozen=True, slots=True)
class Group:
    """Records alike in what they are grouped by, how many there are, and what was computed."""

    values: tuple[Any, ...]
    period: str | None
    count: int
    value: Any


@dataclass(frozen=True, slots=True)
class Statistics:
    """What was computed, and how many groups were kept back because they are small."""

    question: Question
    version: str
    groups: Sequence[Group]
    suppressed: int = 0
    smallest: int | None = None
    """How many records a group has at least; None where all are told."""


def smallest_group(settings: Mapping[str, Any]) -> int:
    """Return how many records a group has at least, as a database's settings say."""
    return int((settings.get(NAME) or {}).get("smallestGroup", SMALLEST))


def protected(found: Statistics, smallest: int) -> Statistics:
    """Keep back groups that are so small that they could tell of single persons.

    So that nobody finds them as what is missing from the whole, what is kept back is together at
    least as large as a group must be: if it is not, the next smallest group goes with it.
    """
    by_size = sorted(found.groups, key=lambda group: group.count)
    small = [group for group in by_size if 0 < group.count < smallest]
    left = [group for group in by_size if group.count >= smallest]
    while small and left and sum(group.count for group in small) < smallest:
        small.append(left.pop(0))
    back = {id(group) for group in small}
    told = [group for group in found.groups if id(group) not in back]
    return replace(found, groups=told, suppressed=len(small), smallest=smallest)


def _check_usable(schema: Schema, fields: Iterable[Field]) -> None:
    for field in fields:
        if field.in_list:
            raise QuestionInvalid(f"{field.name}: what stands inside a list is not counted by")
        for secret in schema.secrets:
            if field.path == secret.path[: len(field.path)]:
                raise FieldHidden(f"{field.name}: is kept encrypted")


def _check_metric(metric: Metric, field: Field | None) -> None:
    if metric is Metric.COUNT:
        if field is not None:
            raise QuestionInvalid("count is of records: name no field, or take countDistinct")
        return
    if field is None:
        raise QuestionInvalid(f"{metric} is of a field: name it")
    known = _NUMBERS if metric in (Metric.SUM, Metric.AVERAGE) else _SCALARS
    if metric in (Metric.LEAST, Metric.MOST):
        known = _SCALARS - {"boolean"}
    if field.kind not in known:
        raise QuestionInvalid(f"{field.name}: there is no {metric} of such values")


def _check_discreet(question: Question, fields: Mapping[str, Field]) -> None:
    """Refuse what is one person's even in a large group."""
    field = fields.get(question.field or "")
    if question.metric in (Metric.LEAST, Metric.MOST) and field is not None and field.is_personal:
        raise TooRevealing(f"{field.name}: the {question.metric} is somebody's own value")
    for name in question.group_by:
        if name != CHANGE and fields[name].marked("x-personalDataId"):
            raise TooRevealing(f"{name}: a group for each person tells of each person")


def check_date(plan: Plan) -> None:
    """Raise QuestionInvalid where periods would be of a field without dates."""
    if plan.date is not None and plan.date.format not in _DATES:
        raise QuestionInvalid(f"{plan.date.name}: is no date")
