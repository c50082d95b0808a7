"""What one schema breaks of another (DRS-4.e): a rule for each keyword, in both directions.

Readers of the version before may lose what they found; writers by it may write what the new one
refuses. What makes a record of the version before invalid under the new one is always breaking;
what only widens what readers meet is a warning. Words that are only read, such as descriptions,
change nothing.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from registry.databases.models import Definition
from registry.fields.models import Field, Schema
from registry.places import pointer


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference: where in the definition, what it is, and whom it touches in which way.

    ``field`` names what of a record it is about, when it is about a field; ``records`` is how many
    of the records looked at it touches, where that was counted.
    """

    pointer: str
    change: str
    reason: str
    is_breaking: bool = True
    field: str | None = None
    records: int | None = None


@dataclass(frozen=True, slots=True)
class Impact:
    """All differences that matter between two versions."""

    findings: tuple[Finding, ...] = ()
    records_checked: int = 0

    @property
    def breaking(self) -> tuple[Finding, ...]:
        """Return what breaks readers, writers or records of the version before."""
        return tuple(found for found in self.findings if found.is_breaking)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """Return what they should know of."""
        return tuple(found for found in self.findings if not found.is_breaking)

    def counted(self, broken: Mapping[str, int], checked: int) -> "Impact":
        """Return the same with how many of the records looked at each breaking change touches."""
        findings = tuple(
            replace(found, records=broken.get(found.pointer, 0))
            if found.is_breaking and found.field is not None
            else found
            for found in self.findings
        )
        return Impact(findings, checked)


REMOVED = "removed"
_Found = Iterator[Finding]
_Said = Mapping[str, Any]
"""The rule of a field, in the words of JSON Schema."""
_Rule = Callable[[Field, _Said, _Said], _Found]


def between(before: Definition, after: Definition) -> Impact:
    """Return what a definition changes for those who use the one before; raise SchemaInvalid."""
    return Impact((*_access(before, after), *compare(before.schema(), after.schema()).findings))


def compare(before: Schema, after: Schema) -> Impact:
    """Return what a schema changes for those who use the one before."""
    return Impact((*_fields(before.fields, after.fields), *_identity(before, after)))


def _access(before: Definition, after: Definition) -> _Found:
    old = (before["access"] or {}).get("requiresConsent")
    new = (after["access"] or {}).get("requiresConsent")
    if old == new:
        return
    where = pointer("access", "requiresConsent")
    if old is None:
        yield Finding(where, "consent", "reads of other members need the person's consent now")
    elif new is None:
        reason = "reads of other members need no consent any more"
        yield Finding(where, "consent", reason, is_breaking=False)
    else:
        yield Finding(where, "consent", "another agreement or another field decides whose consent")


def _identity(before: Schema, after: Schema) -> _Found:
    old, new = before.primary_key, after.primary_key
    if old is not None and (new is None or new.name != old.name):
        reason = f"records are not addressed by {old.name} any more"
        yield Finding(pointer(*old.place), "primaryKey", reason)
    for names in sorted(set(after.uniques) - set(before.uniques)):
        reason = "must be unique now: " + ", ".join(names)
        yield Finding(pointer("fieldsUniques"), "unique", reason)
    for names in sorted(set(before.uniques) - set(after.uniques)):
        reason = "need not be unique any more: " + ", ".join(names)
        yield Finding(pointer("fieldsUniques"), "unique", reason, is_breaking=False)


def _fields(before: Sequence[Field], after: Sequence[Field]) -> _Found:
    old = {field.path[-1]: field for field in before}
    new = {field.path[-1]: field for field in after}
    for name, field in old.items():
        if name in new:
            yield from _field(field, new[name])
        else:
            reason = "readers find it no more; what records hold of it is kept and not shown"
            yield _breaking(field, None, REMOVED, reason)
    for name, field in new.items():
        if field.required and not (name in old and old[name].required):
            what = "is required now" if name in old else "is new and required"
            yield _breaking(field, None, "required", f"{what}: others write records without it")


def _field(before: Field, after: Field) -> _Found:
    if before.required and not after.required:
        yield _warning(after, None, "optional", "readers may find records without it")
    yield from _marks(before, after)
    if (before.kind, after.kind) == ("integer", "number"):
        yield _warning(after, "type", "widened", "readers may meet numbers that are not whole")
    elif _type(before) != _type(after):
        reason = f"was of type {_type(before)} and is of type {_type(after)}"
        yield _breaking(after, "type", "type", reason)
        return
    was, now = before.rule(), after.rule()
    for rule in _RULES:
        yield from rule(after, was, now)
    yield from _inside(before, after)


def _type(field: Field) -> str:
    return field.kind if field.items is not None else field.geo or _file(field) or field.kind


def _file(field: Field) -> str | None:
    return None if field.file is None else "file"


def _inside(before: Field, after: Field) -> _Found:
    if before.fields and after.fields:
        yield from _fields(before.fields, after.fields)
    elif before.items is not None and after.items is not None:
        yield from _field(before.items, after.items)
    elif after.fields or after.items is not None:
        word = "properties" if after.fields else "items"
        yield _breaking(after, word, "narrowed", "could hold anything inside and now cannot")
    elif before.fields or before.items is not None:
        yield _warning(after, None, "widened", "may hold anything inside now")


def _upper(keyword: str) -> _Rule:
    def rule(after: Field, was: _Said, now: _Said) -> _Found:
        old, new = was.get(keyword), now.get(keyword)
        if new is not None and (old is None or new < old):
            yield _breaking(after, keyword, "narrowed", f"others may write more than {new}")
        elif old is not None and (new is None or new > old):
            yield _warning(after, keyword, "widened", f"readers may meet more than {old}")

    return rule


def _lower(keyword: str) -> _Rule:
    nothing = 0 if keyword in _COUNTS else None

    def rule(after: Field, was: _Said, now: _Said) -> _Found:
        old, new = was.get(keyword, nothing), now.get(keyword, nothing)
        if new is not None and (old is None or new > old):
            yield _breaking(after, keyword, "narrowed", f"others may write less than {new}")
        elif old is not None and (new is None or new < old):
            yield _warning(after, keyword, "widened", f"readers may meet less than {old}")

    return rule


_COUNTS = ("minLength", "minItems")
"""Limits that are 0 when nothing is said."""


def _form(keyword: str, place: str | None = None) -> _Rule:
    """Return the rule for what a value must look like: any other form may refuse it."""

    def rule(after: Field, was: _Said, now: _Said) -> _Found:
        old, new = was.get(keyword), now.get(keyword)
        if old == new:
            return
        if new is None:
            yield _warning(after, place or keyword, "widened", "readers may meet other forms")
        else:
            yield _breaking(after, place or keyword, "narrowed", "others may write other forms")

    return rule


def _enum(after: Field, was: _Said, now: _Said) -> _Found:
    old, new = _listed(was), _listed(now)
    if new is not None and (old is None or not old <= new):
        yield _breaking(after, "enum", "narrowed", "others may write values not listed any more")
    if old is not None and (new is None or not new <= old):
        yield _warning(after, "enum", "widened", "readers may meet values they do not know")


def _listed(rule: _Said) -> set[str] | None:
    said = rule.get("enum")
    return {repr(value) for value in said} if isinstance(said, list) else None


def _unique_items(after: Field, was: _Said, now: _Said) -> _Found:
    old, new = bool(was.get("uniqueItems")), bool(now.get("uniqueItems"))
    if new and not old:
        yield _breaking(after, "uniqueItems", "narrowed", "others may write an item twice")
    elif old and not new:
        yield _warning(after, "uniqueItems", "widened", "readers may meet an item twice")


_RULES: tuple[_Rule, ...] = (
    *(_lower(keyword) for keyword in (*_COUNTS, "minimum", "exclusiveMinimum")),
    *(_upper(keyword) for keyword in ("maxLength", "maximum", "exclusiveMaximum", "maxItems")),
    *(_form(keyword) for keyword in ("format", "pattern", "multipleOf")),
    _form("allOf", "x-personalDataId"),
    _enum,
    _unique_items,
)
"""Rules of the keywords that a field's rule can have; it has what is enforced, and no more."""


_SET: Mapping[str, tuple[bool, str]] = {
    "readOnly": (True, "nobody may write it any more"),
    "x-personalDataId": (True, "identifies a person now: once it is there it never changes"),
    "x-personalData": (False, "each read of it is written down now"),
    "x-secret": (True, "readers need the key of the database now"),
    "x-mask": (True, "readers see only a part of it now"),
    "x-link": (True, "must name a record of another database now"),
    "x-file": (True, "takes files of some kinds only"),
    "triggers": (False, "new records get other values"),
}
"""Of each mark that is set: whether that breaks anybody, and what it means."""

_CLEARED: Mapping[str, str] = {
    "x-personalDataId": "identifies nobody any more",
    "x-personalData": "reads through this version are not written down for it",
    "x-secret": "is kept and shown in the clear",
    "x-mask": "readers see all of it",
    "x-link": "may name what is not there",
    "x-file": "takes files of any kind",
    "triggers": "new records do not get it by themselves",
}
"""Of each mark that is taken away, what that means; it is a warning."""

_TURNED = ("x-link", "x-file", "x-mask", "triggers")
"""Marks that can say something else than before."""


def _marks(before: Field, after: Field) -> _Found:
    for mark, (strict, reason) in _SET.items():
        was, now = before.marked(mark), after.marked(mark)
        breaks = strict and (mark != "x-link" or after.link is None or after.link.is_strict)
        if now and not was:
            yield _finding(after, mark, "marked", reason, is_breaking=breaks)
        elif was and not now and mark in _CLEARED:
            yield _warning(after, mark, "unmarked", _CLEARED[mark])
        elif now and mark in _TURNED and before.spec[mark] != after.spec[mark]:
            yield _finding(after, mark, "marked otherwise", reason, is_breaking=breaks)


def _breaking(field: Field, keyword: str | None, change: str, reason: str) -> Finding:
    return _finding(field, keyword, change, reason, is_breaking=True)


def _warning(field: Field, keyword: str | None, change: str, reason: str) -> Finding:
    return _finding(field, keyword, change, reason, is_breaking=False)


def _finding(
    field: Field, keyword: str | None, change: str, reason: str, *, is_breaking: bool
) -> Finding:
    place = field.place if keyword is None else (*field.place, keyword)
    return Finding(pointer(*place), change, reason, is_breaking, field.name)
