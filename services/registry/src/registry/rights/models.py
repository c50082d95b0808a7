"""What a caller may do with records: the grant that policies make (DRS-6)."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, cast

from kit.problems import Forbidden, Unauthenticated
from registry.conditions.models import All, Condition, Either, Not
from registry.databases.models import ConsentRule
from registry.fields.models import Field, Schema
from registry.marks.models import Mask
from registry.policies.models import Action, Party, Policy

__all__ = ["FULL", "Action", "FieldHidden", "Grant", "LoginNeeded", "NotAllowed"]


class NotAllowed(Forbidden):
    """The rights of the database do not allow the caller this."""

    title = "The rights of the database do not allow this"


class LoginNeeded(Unauthenticated):
    """The database is not open to callers without credentials."""

    title = "The database is not open to everybody"


class FieldHidden(Forbidden):
    """The request names a field that the caller may not see in every record it could match."""

    title = "The field may not be used"


@dataclass(frozen=True, slots=True)
class Rights:
    """A database's rights document as its owner wrote it."""

    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Held:
    """What a party holds: roles, groups, those who delegated to them, and attributes."""

    roles: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    people: frozenset[str] = frozenset()
    attributes: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Brought:
    """Policies that a database did not write itself: a role's, or an access template's."""

    is_role: bool
    name: str
    policies: Any

    @property
    def prefix(self) -> str:
        """Return what stands before the policies' names."""
        return f"{'role' if self.is_role else 'template'} {self.name}"


@dataclass(frozen=True, slots=True)
class Term:
    """What one policy lets through: fields (all of them when None) of the records it is about."""

    fields: frozenset[str] | None = None
    masks: Mapping[str, Mask] = field(default_factory=dict[str, Mask])
    where: Condition | None = None
    consent: ConsentRule | None = None
    needs_legal_basis: bool = False
    lookups: frozenset[str] = frozenset()
    """Fields a record may be asked for by, though they do not show."""

    def covers(self, content: Mapping[str, Any]) -> bool:
        """Tell whether a record is one the policy is about."""
        return self.where is None or self.where.holds(content)

    def admits(self, name: str, *, lookup: bool) -> bool:
        """Tell whether records may be chosen by a field."""
        if lookup and name in self.lookups:
            return True
        return (self.fields is None or name in self.fields) and name not in self.masks


@dataclass(frozen=True, slots=True)
class Denial:
    """What one policy takes away: fields (the whole record when None) of some records."""

    fields: frozenset[str] | None
    where: Condition | None

    def covers(self, content: Mapping[str, Any]) -> bool:
        """Tell whether a record is one the policy is about."""
        return self.where is None or self.where.holds(content)


@dataclass(frozen=True)
class Grant:
    """What a caller may do with one action: the terms that let through, less what is denied."""

    terms: tuple[Term, ...] = (Term(),)
    denials: tuple[Denial, ...] = ()
    people: frozenset[str] = frozenset()
    """Whom the caller may speak for besides themselves."""

    @cached_property
    def is_full(self) -> bool:
        """Tell whether every record shows as it is."""
        plain = any(t.fields is None and not t.masks and t.where is None for t in self.terms)
        return plain and not self.denials

    @cached_property
    def where(self) -> Condition | None:
        """Return what a record must fulfil to be shown at all, None when every record may be."""
        taken = [denial.where for denial in self.denials if denial.fields is None]
        let = [term.where for term in self.terms]
        parts: list[Condition] = (
            [] if None in let else [Either(tuple(each for each in let if each))]
        )
        parts += [Either(()) if each is None else Not(each) for each in taken]
        return All(tuple(parts)) if parts else None

    @cached_property
    def fields(self) -> frozenset[str] | None:
        """Return the fields that may show in some record, None for all of them."""
        return _union(term.fields for term in self.terms)

    @property
    def needs_legal_basis(self) -> bool:
        """Tell whether a call must say by what law it is made."""
        return all(term.needs_legal_basis for term in self.terms)

    @property
    def consents(self) -> tuple[ConsentRule, ...]:
        """Return whose consents terms stand on."""
        return tuple(dict.fromkeys(term.consent for term in self.terms if term.consent))

    def without_consents(self, permitted: Collection[ConsentRule] = ()) -> "Grant":
        """Return what is left without the terms whose consents are not among those permitted."""
        kept = [t for t in self.terms if t.consent is None or t.consent in permitted]
        return replace(self, terms=tuple(kept))

    def narrowed(self, schema: Schema, names: Iterable[str]) -> "Grant":
        """Return what is left of it for a service that knows some fields only.

        Records can still be asked for by what names them: their key and what is unique.
        """
        named = expanded(schema, names)
        keys = frozenset(group[0] for group in schema.uniques if len(group) == 1)
        terms = [
            replace(
                term,
                fields=named if term.fields is None else term.fields & named,
                lookups=term.lookups | (keys if term.fields is None else keys & term.fields),
            )
            for term in self.terms
        ]
        return Grant(tuple(terms), self.denials)

    def covers(self, content: Mapping[str, Any]) -> bool:
        """Tell whether a record may be shown at all; ``content`` is all that is kept of it."""
        if any(denial.fields is None and denial.covers(content) for denial in self.denials):
            return False
        return any(term.covers(content) for term in self.terms)

    def sight(self, content: Mapping[str, Any]) -> "Sight":
        """Return what shows of one record."""
        terms = [term for term in self.terms if term.covers(content)]
        taken = [d.fields or frozenset[str]() for d in self.denials if d.covers(content)]
        masks: dict[str, Mask] = {}
        for name in {name for term in terms for name in term.masks}:
            showing = [t for t in terms if t.fields is None or name in t.fields]
            if showing and all(name in term.masks for term in showing):
                masks[name] = showing[0].masks[name]
        return Sight(_union(t.fields for t in terms), frozenset[str]().union(*taken), masks)

    def shows(self, name: str) -> bool:
        """Tell whether a field may show in some record."""
        return self.fields is None or name in self.fields

    def check_named(self, names: Iterable[str], *, lookup: bool = False) -> None:
        """Raise FieldHidden for a field that is not shown as it is in every record.

        Who could filter, sort or search by a field they do not see would learn what is in it. A
        ``lookup``, which gives the whole value of a field, is admitted by what policies say of it.
        """
        for name in names:
            admitted = all(term.admits(name, lookup=lookup) for term in self.terms)
            if not admitted or any(name in (denial.fields or ()) for denial in self.denials):
                reason = "records may not be chosen by it: it does not show to you"
                raise FieldHidden(f"{name}: {reason}")


FULL = Grant()


def _union(sets: Iterable[frozenset[str] | None]) -> frozenset[str] | None:
    """Return all the names in some sets, None when one of them means all."""
    found: set[str] = set()
    for each in sets:
        if each is None:
            return None
        found |= each
    return frozenset(found)


@dataclass(frozen=True, slots=True)
class Sight:
    """What of one record shows: some fields or all, without others, some of them masked."""

    fields: frozenset[str] | None = None
    without: frozenset[str] = frozenset()
    masks: Mapping[str, Mask] = field(default_factory=dict[str, Mask])

    def shows(self, name: str) -> bool:
        """Tell whether a field shows, masked or not."""
        return (self.fields is None or name in self.fields) and name not in self.without

    def of(self, fields: Sequence[Field], content: Mapping[str, Any]) -> dict[str, Any]:
        """Return what shows of content that has these fields."""
        return {
            each.path[-1]: self._value(each, content[each.path[-1]])
            for each in fields
            if each.path[-1] in content and any(self.shows(inner.name) for inner in each.walk())
        }

    def _value(self, shown: Field, value: Any) -> Any:
        if shown.name in self.masks:
            return self.masks[shown.name].apply(value)
        if isinstance(value, dict) and shown.fields:
            return self.of(shown.fields, cast("dict[str, Any]", value))
        if isinstance(value, list) and shown.items is not None and shown.inside:
            items = cast("list[Any]", value)
            return [self._value(shown.items, item) for item in items]
        return value


def expanded(schema: Schema, names: Iterable[str]) -> frozenset[str]:
    """Return the names of the fields meant, with all that is inside them."""
    given = set(names)
    return frozenset(
        each.name
        for each in schema.every
        if any(".".join(each.path[:depth]) in given for depth in range(1, len(each.path) + 1))
    )


def grant_of(schema: Schema, policies: Iterable[Policy], party: Party) -> Grant | None:
    """Return what policies that are about a call allow, None when they allow nothing."""
    terms: list[Term] = []
    denials: list[Denial] = []
    for policy in policies:
        where = policy.records and policy.records.bind(party.facts)
        if policy.allows:
            terms.append(_term(schema, policy, where))
        else:
            named = None if policy.fields is None else expanded(schema, policy.fields)
            denials.append(Denial(named, where))
    if not terms or any(d.fields is None and d.where is None for d in denials):
        return None
    return Grant(tuple(terms), tuple(denials), party.people - {party.person or ""})


def _term(schema: Schema, policy: Policy, where: Condition | None) -> Term:
    given = {each.name for each in schema.every} if policy.fields is None else policy.fields
    named = expanded(schema, given) - expanded(schema, policy.without)
    marked = {each.name: each.mask for each in schema.masked if each.mask is not None}
    masks = {**marked, **policy.masks}
    kept = {name: mask for name, mask in masks.items() if name not in policy.unmasked}
    everything = policy.fields is None and not policy.without
    return Term(
        None if everything else named,
        kept,
        where,
        policy.consent,
        policy.needs_legal_basis,
        expanded(schema, policy.lookups),
    )


def stranger_grant(schema: Schema, consent: ConsentRule | None) -> Grant:
    """Return what another member may see of a database that has no rights document.

    What it needs besides is the mediator's right; the masks of the schema apply.
    """
    marked = {each.name: each.mask for each in schema.masked if each.mask is not None}
    return Grant((Term(masks=marked, consent=consent),)) if marked or consent else FULL
