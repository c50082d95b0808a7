"""What a batch is asked to do, what it makes of its entries, and what is wrong with them."""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from kit.evidence import Part
from kit.problems import FieldError, Problem, TooLarge
from registry.changes import models as changes
from registry.changes.models import Draft
from registry.databases.models import Release
from registry.effects.models import Effect
from registry.links.models import LINKED_FROM, LINKS
from registry.paths import value_at, with_value
from registry.places import pointer
from registry.records.models import Record
from registry.validation.models import MAX_ERRORS

MOST = 10_000
"""Entries of one batch, and records that one query may change or delete."""

Leaves = Sequence[tuple[str, tuple[str, ...]]]
"""The names and paths of the fields that hold no described fields."""

_WHOLE = re.compile(r"#(/write/content|/entries/[0-9]+)")


class BatchTooLarge(TooLarge):
    """A batch has more entries than one transaction should hold."""

    title = "The batch is too large"


@dataclass(frozen=True, slots=True)
class Fault:
    """Why one entry of a batch cannot be kept; pointers are inside the entry."""

    row: int
    problem: Problem

    @property
    def errors(self) -> list[FieldError]:
        """Return the fields and reasons, or the one reason when no field is named."""
        if self.problem.errors:
            return [replace(e, pointer=inside(e.pointer)) for e in self.problem.errors]
        return [FieldError("#", self.problem.detail or self.problem.title)]


@dataclass(frozen=True, slots=True)
class Made:
    """One record of a batch: what it was, what it is, and what was written of it."""

    row: int
    record: Record
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    draft: Draft | None = None

    @property
    def is_changed(self) -> bool:
        """Tell whether the batch changed the record."""
        return self.draft is not None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a batch: its records in the order of its entries, and what was not kept."""

    made: Sequence[Made] = ()
    faults: Sequence[Fault] = ()


def inside(place: str) -> str:
    """Return a pointer into a record's content, given one into a request that holds it."""
    return _WHOLE.sub("#", place, count=1)


def depends(release: Release) -> bool:
    """Tell whether what an entry takes must be given back when that entry alone is not kept."""
    return is_linked(release) or any(trigger.counter for trigger in release.path.triggers)


def is_linked(release: Release) -> bool:
    """Tell whether records refer to others, or others to them."""
    return any(release.settings.get(name) for name in (LINKS, LINKED_FROM))


def check_size(count: int, what: str) -> None:
    """Raise BatchTooLarge for more than a transaction should hold."""
    if count > MOST:
        raise BatchTooLarge(f"{what}: {MOST} are the most, an import takes any number")


def refuse(faults: Sequence[Fault]) -> None:
    """Raise the problem of a batch of which nothing is kept, naming the entries that are wrong.

    It is of the kind of its first fault; the errors are the first 20, by entry.
    """
    if not faults:
        return
    first = min(faults, key=lambda fault: fault.row)
    errors = [
        FieldError(pointer("entries", fault.row) + error.pointer[1:], error.reason)
        for fault in sorted(faults, key=lambda fault: fault.row)
        for error in fault.errors
    ][:MAX_ERRORS]
    said = "; ".join(f"{error.pointer}: {error.reason}" for error in errors[:3])
    raise type(first.problem)(f"{len(faults)} entries cannot be kept: {said}", errors=errors)


def try_each(
    entries: Iterable[tuple[int, Any]], do: Callable[[int, Any], Made]
) -> tuple[list[Made], list[Fault]]:
    """Do the same with each entry, by its row; return what was made and what cannot be kept."""
    made: list[Made] = []
    faults: list[Fault] = []
    for row, entry in entries:
        try:
            made.append(do(row, entry))
        except Problem as problem:
            faults.append(Fault(row, problem))
    return made, faults


def record_of(release: Release, born: tuple[UUID, int], draft: Draft) -> Record:
    """Return the record that a draft becomes; ``born`` are its id and number."""
    text = json.dumps(draft.content, ensure_ascii=False)
    version = release.path.version if draft.is_exact else None
    return Record(*born, version, draft.primary_key, draft.subjects, text)


def changed_by(release: Release, record: Record, draft: Draft) -> Record:
    """Return what a record is once a draft is written in it."""
    made = record_of(release, (record.id, record.number), draft)
    return replace(made, revision=record.revision + 1, is_archived=record.is_archived)


def is_whole(
    key: Mapping[str, Any], paths: Sequence[tuple[str, ...]], values: Sequence[Any]
) -> bool:
    """Tell whether a key is made of these values at these paths, and of nothing else."""
    made: dict[str, Any] = {}
    for path, value in zip(paths, values, strict=True):
        made = with_value(made, path, value)
    return None not in values and made == key


def effects_of(release: Release, kind: str, made: Sequence[Made]) -> list[Effect]:
    """Return what others are told of the records of a batch."""
    leaves = [
        (field.name, field.path)
        for field in release.path.schema.every
        if not field.in_list and not field.inside
    ]
    return [
        Effect(kind, one.record, one.before, one.after, _names(release, leaves, one))
        for one in made
    ]


def _names(release: Release, leaves: Leaves, made: Made) -> list[str]:
    """Return the names of the fields that differ; a new record is not compared with anything."""
    if made.before and made.after:
        return changes.changed(release, made.before, made.after)
    content = made.before or made.after
    return [
        name
        for name, path in leaves
        if (content.get(name) if len(path) == 1 else value_at(content, path)) is not None
    ]


def part_of(release: Release, effect: Effect) -> Part:
    """Return what the ledger keeps of one record of a batch, as it would of a single change.

    Values are sealed for those entitled where the record is about somebody, or else digests tell.
    """
    record, before, after = effect.record, effect.before, effect.after
    person = next((subject for subject in record.subjects if subject), None)
    name = f"database:{release.database}/record:{record.id}"
    facts: dict[str, Any] = {"fields": list(effect.fields), "recordNumber": record.number}
    if person is None:
        return Part(
            name, None, {**facts, "before": changes.digest(before), "after": changes.digest(after)}
        )
    detail = {
        "reference": record.primary_key,
        "before": changes.values(before, effect.fields),
        "after": changes.values(after, effect.fields),
    }
    return Part(name, person, facts, detail)
