"""Policies: whom a rule is about, what it allows or denies, and how it is written (DRS-6.b)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, cast

from kit.problems import FieldError, Invalid
from registry.conditions import models as conditions
from registry.conditions.models import Condition
from registry.databases.models import ConsentRule
from registry.fields.models import Schema
from registry.marks import models as marks
from registry.marks.models import Mask
from registry.places import pointer

ANONYMOUS = "anonymous"
"""The role of everybody, who has no credentials too."""
AUTHENTICATED = "authenticated"
"""The role of whoever has credentials that count."""
MOST_POLICIES = 200
_LONGEST_NAME = 100
_MOST_NAMES = 1000


class RightsInvalid(Invalid):
    """A rights document cannot be used; the errors name the place."""

    title = "The rights cannot be used"


class Action(StrEnum):
    """What can be done with the records of a database."""

    READ = "read"
    LIST = "list"
    EXISTS = "exists"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    ARCHIVE = "archive"
    EXPORT = "export"
    IMPORT = "import"
    STATISTICS = "statistics"
    HISTORY = "history"
    FILES = "files"
    LINKS = "links"
    SHARE = "share"

    @property
    def writes(self) -> bool:
        """Tell whether the action changes records."""
        return self in _WRITES


_WRITES = {Action.CREATE, Action.UPDATE, Action.DELETE, Action.ARCHIVE, Action.IMPORT}


@dataclass(frozen=True, slots=True)
class Party:
    """A caller as policies see one: who asks, in which roles and groups, with which attributes.

    ``people`` are those the caller may speak for: the signed-in person or whom they represent, and
    those who delegated to them.
    """

    client: str
    member: str
    person: str | None = None
    people: frozenset[str] = frozenset()
    service: str | None = None
    roles: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    attributes: Mapping[str, Any] = field(default_factory=dict[str, Any])
    is_anonymous: bool = False

    @property
    def facts(self) -> dict[str, Any]:
        """Return what conditions may ask of the caller, by name."""
        return {
            **self.attributes,
            "client": self.client,
            "member": self.member,
            "person": self.person,
            "people": sorted(self.people),
            "service": self.service,
            "roles": sorted(self.roles),
            "groups": sorted(self.groups),
        }


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a policy is about: each list that is given must hold something the caller is."""

    roles: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    clients: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    persons: tuple[str, ...] = ()
    services: tuple[str, ...] = ()

    def mismatch(self, party: Party) -> str | None:
        """Return which list does not hold the caller, None when the policy is about them."""
        if party.is_anonymous and ANONYMOUS not in self.roles:
            return "subject.roles"
        given: tuple[tuple[str, tuple[str, ...], Collection[str | None]], ...] = (
            ("roles", self.roles, _built_in(party) | party.roles),
            ("groups", self.groups, party.groups),
            ("clients", self.clients, {party.client}),
            ("members", self.members, {party.member}),
            ("persons", self.persons, {party.person}),
            ("services", self.services, {party.service}),
        )
        for name, wanted, held in given:
            if wanted and not any(_fits(each, held) for each in wanted):
                return f"subject.{name}"
        return None


def _built_in(party: Party) -> frozenset[str]:
    """Return the roles nobody is given: everybody is anonymous, who has credentials is more."""
    return frozenset({ANONYMOUS} if party.is_anonymous else {ANONYMOUS, AUTHENTICATED})


def _fits(wanted: str, held: Collection[str | None]) -> bool:
    if wanted.endswith("*"):
        return any(each is not None and each.startswith(wanted[:-1]) for each in held)
    return wanted in held


@dataclass(frozen=True, slots=True)
class Policy:
    """One rule: whom it is about, what they may or may not do, and with which part of records."""

    name: str
    allows: bool
    subject: Subject
    actions: frozenset[Action]
    fields: tuple[str, ...] | None = None
    without: tuple[str, ...] = ()
    masks: Mapping[str, Mask] = field(default_factory=dict[str, Mask])
    unmasked: tuple[str, ...] = ()
    lookups: tuple[str, ...] = ()
    records: Condition | None = None
    when: Condition | None = None
    consent: ConsentRule | None = None
    needs_legal_basis: bool = False
    valid_from: datetime | None = None
    valid_until: datetime | None = None

    def mismatch(self, party: Party, action: Action, at: datetime) -> str | None:
        """Return why the policy says nothing about this call, None when it does."""
        if action not in self.actions:
            return "actions"
        if self.valid_from is not None and at < self.valid_from:
            return "validFrom"
        if self.valid_until is not None and at >= self.valid_until:
            return "validUntil"
        reason = self.subject.mismatch(party)
        if reason is None and self.when is not None:
            holds = self.when.bind(party.facts).holds(party.facts)
            return None if holds else "when"
        return reason


# -- read from JSON --------------------------------------------------------------------------

Place = tuple[object, ...]
_LISTS = ("roles", "groups", "clients", "members", "persons", "services")
_KEYS = {
    "name",
    "effect",
    "subject",
    "actions",
    "fields",
    "withoutFields",
    "mask",
    "unmasked",
    "lookups",
    "records",
    "when",
    "requiresConsent",
    "requiresLegalBasis",
    "validFrom",
    "validUntil",
    "description",
}


def refusal(place: Sequence[object], reason: str) -> RightsInvalid:
    """Return the refusal of one place of a rights document."""
    where = pointer(*place)
    return RightsInvalid(f"{where}: {reason}", errors=[FieldError(where, reason)])


def parse_all(
    said: Any, place: Place, schema: Schema | None, *, needs_subject: bool = True
) -> tuple[Policy, ...]:
    """Read a list of policies, or raise RightsInvalid or ConditionInvalid naming the place.

    With a schema, fields it does not have are refused. A role's policies need no subject.
    """
    if not isinstance(said, list) or len(cast("list[Any]", said)) > MOST_POLICIES:
        raise refusal(place, f"is a list of {MOST_POLICIES} policies at most")
    given = enumerate(cast("list[Any]", said))
    read = [parse(each, (*place, index), schema) for index, each in given]
    if needs_subject:
        _check_subjects(read, place)
    names = [policy.name for policy in read]
    for index, name in enumerate(names):
        if name in names[:index]:
            raise refusal((*place, index, "name"), "another policy has this name")
    return tuple(read)


def _check_subjects(read: Sequence[Policy], place: Place) -> None:
    for index, policy in enumerate(read):
        if policy.subject == Subject():
            reason = "names whom the policy is about; everybody with credentials is"
            where = (*place, index, "subject")
            raise refusal(where, f'{reason} {{"roles": ["{AUTHENTICATED}"]}}')


def parse(said: Any, place: Place, schema: Schema | None) -> Policy:
    """Read one policy; with a schema, fields it does not have are refused."""
    spec = _object(said, place, _KEYS)
    effect = spec.get("effect", "allow")
    if effect not in ("allow", "deny"):
        raise refusal((*place, "effect"), "is allow or deny")
    fields = None if "fields" not in spec else _fields(spec, "fields", place, schema)
    return Policy(
        name=_name(spec.get("name"), (*place, "name")),
        allows=effect == "allow",
        subject=_subject(spec.get("subject"), (*place, "subject")),
        actions=_actions(spec.get("actions"), (*place, "actions")),
        fields=fields,
        without=_fields(spec, "withoutFields", place, schema),
        masks=_masks(spec.get("mask", {}), (*place, "mask"), schema),
        unmasked=_fields(spec, "unmasked", place, schema),
        lookups=_fields(spec, "lookups", place, schema),
        records=_condition(spec, "records", place, schema),
        when=_condition(spec, "when", place, None),
        consent=_consent(spec.get("requiresConsent"), (*place, "requiresConsent"), schema),
        needs_legal_basis=_flag(spec.get("requiresLegalBasis", False), place),
        valid_from=moment(spec.get("validFrom"), (*place, "validFrom")),
        valid_until=moment(spec.get("validUntil"), (*place, "validUntil")),
    )


def _object(said: Any, place: Place, known: Collection[str]) -> Mapping[str, Any]:
    if not isinstance(said, dict):
        raise refusal(place, "is an object")
    spec = cast("dict[str, Any]", said)
    for key in spec:
        if key not in known:
            raise refusal((*place, key), "is not known here")
    return spec


def _name(said: Any, place: Place) -> str:
    if not isinstance(said, str) or not 0 < len(said) <= _LONGEST_NAME:
        raise refusal(place, f"is a name of 1 to {_LONGEST_NAME} characters")
    return said


def names(said: Any, place: Place) -> tuple[str, ...]:
    """Read a list of names, or raise RightsInvalid."""
    if not isinstance(said, list) or len(cast("list[Any]", said)) > _MOST_NAMES:
        raise refusal(place, f"is a list of {_MOST_NAMES} names at most")
    for index, each in enumerate(cast("list[Any]", said)):
        if not isinstance(each, str) or not each:
            raise refusal((*place, index), "is a name")
    return tuple(cast("list[str]", said))


def _subject(said: Any, place: Place) -> Subject:
    spec = _object({} if said is None else said, place, _LISTS)
    return Subject(**{key: names(value, (*place, key)) for key, value in spec.items()})


def _actions(said: Any, place: Place) -> frozenset[Action]:
    given = names(said, place)
    known = [action.value for action in Action]
    for index, each in enumerate(given):
        if each not in (*known, "*"):
            raise refusal((*place, index), "is one of *, " + ", ".join(known))
    return frozenset(Action) if "*" in given else frozenset(Action(each) for each in given)


def _fields(
    spec: Mapping[str, Any], key: str, place: Place, schema: Schema | None
) -> tuple[str, ...]:
    given = names(spec.get(key, []), (*place, key))
    for index, each in enumerate(given):
        if schema is not None and schema.find(each) is None:
            raise refusal((*place, key, index), "is not a field of the database")
    return given


def _masks(said: Any, place: Place, schema: Schema | None) -> dict[str, Mask]:
    if not isinstance(said, dict):
        raise refusal(place, "is an object of fields and their masks")
    given = cast("dict[str, Any]", said)
    _fields({"mask": list(given)}, "mask", place[:-1], schema)
    return {name: marks.mask(each, (*place, name)) for name, each in given.items()}


def _condition(
    spec: Mapping[str, Any], key: str, place: Place, schema: Schema | None
) -> Condition | None:
    if spec.get(key) is None:
        return None
    return conditions.parse(spec[key], (*place, key), schema)


def _consent(said: Any, place: Place, schema: Schema | None) -> ConsentRule | None:
    if said is None:
        return None
    keys = ("dataAgreementId", "externalIdType", "personalDataIdField")
    spec = _object(said, place, keys)
    for key in keys[:2]:
        _name(spec.get(key), (*place, key))
    named = spec.get("personalDataIdField")
    if schema is not None and named not in (None, *(each.name for each in schema.identifiers)):
        raise refusal((*place, keys[2]), "is not a field marked x-personalDataId")
    return ConsentRule(spec["dataAgreementId"], spec["externalIdType"], named)


def _flag(said: Any, place: Place) -> bool:
    if not isinstance(said, bool):
        raise refusal((*place, "requiresLegalBasis"), "is true or false")
    return said


def moment(said: Any, place: Place) -> datetime | None:
    """Read a time with its offset (RFC 3339), or raise RightsInvalid."""
    if said is None:
        return None
    try:
        found = datetime.fromisoformat(said) if isinstance(said, str) else None
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise refusal(place, "is a time with its offset, as 2026-01-31T08:00:00Z")
    return found
