"""Statistics in PostgreSQL: one statement, made of texts written here; all else is a parameter."""

import json
from decimal import Decimal
from typing import Any

import asyncpg

from kit.database import Session
from registry import selecting
from registry.fields.models import Field
from registry.selecting import Arguments
from registry.statistics.models import (
    CHANGED,
    MOST_GROUPS,
    Group,
    Interval,
    Metric,
    Of,
    Plan,
    QuestionInvalid,
    TooSlow,
)

# ruff: noqa: S608  as the first line says


async def groups(session: Session, database: int, plan: Plan) -> list[Group]:
    """Return the groups of records, the oldest period and then the largest group first.

    Raise TooSlow when PostgreSQL gives up, QuestionInvalid when there are too many groups.
    """
    sql, arguments = _statement(database, plan)
    try:
        rows = await session.fetch(sql, *arguments.values)
    except asyncpg.QueryCanceledError as error:
        raise TooSlow("narrow the records down, or group by less") from error
    if len(rows) > MOST_GROUPS:
        raise QuestionInvalid(f"there are more than {MOST_GROUPS} groups: group by less")
    return [_group(row, plan) for row in rows]


def _statement(database: int, plan: Plan) -> tuple[str, Arguments]:
    asked, arguments = plan.question, Arguments(database)
    columns = [_key(field, arguments) for field in plan.groups]
    moment = _moment(plan, arguments)
    if asked.interval is not None:
        columns.append(_period(asked.interval, moment))
    keys = "".join(f", {column} AS g{at}" for at, column in enumerate(columns))
    grouped = ", ".join(str(at + 3) for at in range(len(columns)))
    where = " AND ".join(_conditions(plan, moment, arguments))
    order = f"{len(columns) + 2} NULLS LAST, 1 DESC" if asked.interval else "1 DESC"
    sql = f"""
        SELECT count(*) AS count, {_metric(plan, arguments)} AS value{keys}
        FROM {_SOURCES[asked.of]} r WHERE {where}
        {f"GROUP BY {grouped}" if columns else ""}
        ORDER BY {order}{f", {grouped}" if columns else ""} LIMIT {MOST_GROUPS + 1}
    """
    return sql, arguments


def _conditions(plan: Plan, moment: str, arguments: Arguments) -> list[str]:
    asked = plan.question
    parts = ["r.database_id = $1"]
    if asked.first is not None:
        parts.append(f"{moment} >= {arguments.add(asked.first, 'date')}")
    if asked.last is not None:
        parts.append(f"{moment} < {arguments.add(asked.last, 'date')} + 1")
    if plan.where.parts:
        parts.append(selecting.where(plan.where, arguments))
    return parts


def _path(field: Field, arguments: Arguments) -> str:
    return arguments.add(list(field.path), "text[]")


def _key(field: Field | None, arguments: Arguments) -> str:
    """Return what records are grouped by, as JSON text; missing and null are the same."""
    if field is None:
        return "to_json(r.change)::text"
    return f"(coalesce(r.content #> {_path(field, arguments)}, 'null'))::text"


def _moment(plan: Plan, arguments: Arguments) -> str:
    """Return the time in UTC that periods and days are of."""
    if plan.question.of is Of.CHANGES:
        return "(r.at AT TIME ZONE 'UTC')"
    if plan.date is None:
        column = "changed_at" if plan.question.date_field == CHANGED else "created_at"
        return f"(r.{column} AT TIME ZONE 'UTC')"
    said = f"(r.content #>> {_path(plan.date, arguments)})"
    # what an older version let in may be no day of the calendar, and must not end the statement
    return (
        f"(CASE WHEN {said} ~ '{_DAY}' THEN (to_date(left({said}, 7), 'YYYY-MM')"
        f" + (substr({said}, 9, 2)::int - 1))::timestamp END)"
    )


def _period(interval: Interval, moment: str) -> str:
    return f"to_char(date_trunc('{interval}', {moment}), 'YYYY-MM-DD')"


def _metric(plan: Plan, arguments: Arguments) -> str:
    if plan.field is None:
        return "count(*)::text"
    path = _path(plan.field, arguments)
    value = f"(r.content #> {path})"
    text = f"(r.content #>> {path})"
    if plan.question.metric is Metric.DISTINCT:
        return f"count(DISTINCT {value}) FILTER (WHERE {value} <> 'null')::text"
    if plan.field.kind == "string":
        return f'to_json({plan.question.metric}({text} COLLATE "C"))::text'
    number = f"CASE jsonb_typeof({value}) WHEN 'number' THEN {text}::numeric END"
    return f"{plan.question.metric}({number})::text"


def _group(row: asyncpg.Record, plan: Plan) -> Group:
    keys = [row[f"g{at}"] for at in range(len(plan.groups))]
    period = row[f"g{len(keys)}"] if plan.question.interval else None
    values = tuple(json.loads(key) for key in keys)
    return Group(values, period, row["count"], _number(row["value"]))


def _number(text: str | None) -> Any:
    """Return a value as JSON has it: an integer where it is one."""
    if text is None or text.startswith('"'):
        return None if text is None else json.loads(text)
    found = Decimal(text)
    return int(found) if found == found.to_integral_value() else float(found)


_DAY = "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_SOURCES = {
    Of.RECORDS: """(
        SELECT database_id, content, created_at, changed_at FROM record
        WHERE database_id = $1 AND deleted_at IS NULL AND archived_at IS NULL
    )""",
    Of.CHANGES: """(
        SELECT database_id, content, created_at AS at, 'created' AS change
        FROM record WHERE database_id = $1
        UNION ALL
        SELECT n.database_id, n.content, h.valid_to, 'updated'
        FROM record_history h JOIN record n ON n.id = h.record_id
        WHERE n.database_id = $1 AND h.valid_to IS DISTINCT FROM n.deleted_at
        UNION ALL
        SELECT database_id, content, deleted_at, 'deleted'
        FROM record WHERE database_id = $1 AND deleted_at IS NOT NULL
    )""",
}
