"""What a caller can ask about what a change would break."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from kit.database import Session
from registry.databases import service as databases
from registry.databases.models import Definition, Version
from registry.impact import models, store
from registry.impact.models import Finding, Impact
from registry.paths import values_in
from registry.places import pointer
from registry.validation.models import Validator
from registry.views import models as views

MOST_RECORDS = 2000
"""How many records are looked at, the newest ones."""


async def of_proposal(
    session: Session, tenant: str, database_id: int, given: Mapping[str, Any] | None
) -> Impact:
    """Return what a proposed definition, or else the draft, would break of the newest version.

    What the proposal does not say stays as it is. Raise DatabaseNotFound or SchemaInvalid.
    """
    found = await databases.get(session, tenant, database_id)
    newest = found.version
    if given is not None:
        newest = replace(newest, definition=newest.definition.replaced(given))
        newest.compile()
    if found.database.current_version is None:
        return Impact()
    current = await databases.version(session, found.database.current_version)
    return await between(session, current, newest)


async def between(session: Session, before: Version, after: Version) -> Impact:
    """Return what one version changes for those who use another, tried on records there are."""
    impact = models.between(before.definition, after.definition)
    impact = replace(impact, findings=(*impact.findings, *await _views(session, before, after)))
    if not impact.breaking:
        return impact
    contents = await store.sample(session, before.database, MOST_RECORDS)
    definitions = before.definition, after.definition
    return impact.counted(_broken(impact, definitions, contents), len(contents))


async def _views(session: Session, before: Version, after: Version) -> list[Finding]:
    """Return which views will not have their fields any more (DRS-9)."""
    kept = (await databases.settings(session, before.database)).get(views.SETTING, {})
    old, new = (views.broken_by(kept, each.definition.schema()) for each in (before, after))
    return [
        Finding(pointer("views", name), "view", "needs " + ", ".join(fields))
        for name, fields in new.items()
        if name not in old
    ]


def _broken(
    impact: Impact, between: tuple[Definition, Definition], contents: Sequence[str]
) -> Mapping[str, int]:
    """Return how many records each breaking change touches, by its pointer.

    What is secret in one of the versions is sealed, so that nobody can try it.
    """
    schema = between[1].schema()
    validator = Validator(schema)
    secret = {field.path for each in between for field in each.schema().secrets}
    count: Counter[str] = Counter()
    for text in contents:
        content: dict[str, Any] = json.loads(text)
        errors = {_path(each.pointer) for each in validator.errors(schema.project(content))}
        for found in impact.breaking:
            if found.field is not None and _touches(found, content, errors - secret):
                count[found.pointer] += 1
    return count


def _touches(found: Finding, content: Mapping[str, Any], errors: set[tuple[str, ...]]) -> bool:
    path = tuple((found.field or "").split("."))
    if found.change == models.REMOVED:
        return any(value is not None for _, value in values_in(content, path))
    return any(each[: len(path)] == path for each in errors)


def _path(pointer: str) -> tuple[str, ...]:
    """Return the names on a pointer's way, without the numbers of items."""
    parts = (part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:])
    return tuple(part for part in parts if not part.isdecimal())
