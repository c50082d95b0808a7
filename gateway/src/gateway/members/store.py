"""A changed configuration's rows."""

from dataclasses import asdict
from typing import Any

from sqlalchemy import Table, delete
from sqlalchemy.dialects.postgresql import insert

from gateway import tables
from gateway.configuration.models import Grantee
from gateway.members.models import Difference
from kit.database import Session


async def apply(session: Session, difference: Difference) -> None:
    """Write what changes, and delete what is gone (with what hangs on it)."""
    rights = difference.removed("rights")
    for service, grantee in rights:
        await session.rows(delete(tables.service_right).where(*_is_right(service, grantee)))
    for table, name in (
        (tables.service, "services"),
        (tables.application, "applications"),
        (tables.member, "members"),
    ):
        gone = difference.removed(name)
        if gone:
            await session.rows(delete(table).where(table.c.address.in_(gone)))
    await _upsert(session, tables.instance, _instances(difference))
    await _upsert(session, tables.member, _members(difference))
    await _upsert(session, tables.application, _addressed(difference, "applications"))
    await _upsert(session, tables.service, _addressed(difference, "services"))
    await _upsert(session, tables.service_right, _rights(difference))


def _is_right(service: str, grantee: Grantee) -> tuple[Any, ...]:
    right = tables.service_right.c
    return (
        right.service == service,
        right.member == grantee.member,
        right.application == grantee.application,
        right.by_name == grantee.by_name,
    )


def _instances(difference: Difference) -> list[dict[str, Any]]:
    return [{"name": n, "domain": d} for n, d in difference.written("instances").items()]


def _members(difference: Difference) -> list[dict[str, Any]]:
    return [
        {
            "address": member.address,
            "instance": member.instance,
            "class": member.member_class,
            "code": member.code,
            "name": member.name,
        }
        for member in difference.written("members").values()
    ]


def _addressed(difference: Difference, name: str) -> list[dict[str, Any]]:
    return [
        {**asdict(thing), "address": address, "scopes": list(thing.scopes)}
        for address, thing in difference.written(name).items()
    ]


def _rights(difference: Difference) -> list[dict[str, Any]]:
    return [
        {"service": service, **asdict(grantee), "scopes": None if scopes is None else list(scopes)}
        for (service, grantee), scopes in difference.written("rights").items()
    ]


async def _upsert(session: Session, table: Table, rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    statement = insert(table)
    keys = [column.name for column in table.primary_key]
    others = {
        column.name: statement.excluded[column.name]
        for column in table.columns
        if column.name not in keys
    }
    await session.rows(statement.on_conflict_do_update(index_elements=keys, set_=others), rows)
