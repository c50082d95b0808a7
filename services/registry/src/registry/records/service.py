"""What a caller can ask about records without changing them."""

import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from kit.access import Caller
from kit.database import Session
from kit.decisions import Decision, Decisions, Question
from kit.evidence import Ledger
from registry import notices
from registry.counters import service as counters
from registry.databases import service as databases
from registry.databases.models import ConsentRule, RegistryNotFound, Release, version_number
from registry.decisions.models import ConsentRequired
from registry.paths import value_at
from registry.records import store
from registry.records.models import (
    FormatUnknown,
    Found,
    LegalBasisMissing,
    QueryInvalid,
    Record,
    RecordNotFound,
    RegistryArchived,
    Shown,
    person_asked,
    personal_in,
)
from registry.rights import service as rights
from registry.rights.models import FULL, Action, Grant
from registry.secrets import models as secrets
from registry.services import service as services
from registry.usage import service as usage
from registry.usage.models import CHECKED, READ, REFUSED, Look
from registry.usage.service import Purpose
from registry.validation.models import clean

_MOST_FOUND = 512
_found: OrderedDict[tuple[str, str, int], Found] = OrderedDict()
"""What data paths were found to name last: member, registry and version number."""


@dataclass(frozen=True, slots=True)
class Call:
    """Who calls which version of which registry, on what legal basis, about which moment."""

    caller: Caller
    registry: str
    version: str
    legal_basis: str | None = None
    as_of: datetime | None = None
    consent_record: UUID | None = None
    key: str | None = None

    @property
    def where(self) -> tuple[str, str, int]:
        """Return member, registry and version number, or raise RegistryNotFound."""
        return self.caller.tenant, self.registry, version_number(self.version)


@dataclass(frozen=True)
class Opened:
    """What a call opens: the version it names, and what its caller may see and do there.

    Whatever shows a record shows it through this.
    """

    call: Call
    release: Release
    grant: Grant = FULL

    @cached_property
    def private(self) -> X25519PrivateKey | None:
        """Return what opens secrets, for who presents the database's key; raise KeyWrong."""
        kept = secrets.encryption_of(self.release.settings)
        if self.call.key is None or kept is None:
            return None
        return kept.unwrap(self.release.database, secrets.read_key(self.call.key))

    @cached_property
    def is_plain(self) -> bool:
        """Tell whether records show as they are kept."""
        return self.grant.is_full and not self.release.secrets

    @cached_property
    def personal(self) -> tuple[str, ...]:
        """Return the names of the personal fields that may show."""
        if self.grant.fields is None:
            return self.release.personal
        return tuple(name for name in self.release.personal if self.grant.shows(name))

    def personal_of(self, record: Record) -> tuple[str, ...]:
        """Return the names of the personal fields that show of one record."""
        if self.grant.is_full:
            return self.release.personal
        sight = self.grant.sight(json.loads(record.content))
        return tuple(name for name in self.release.personal if sight.shows(name))

    def covers(self, record: Record) -> bool:
        """Tell whether the caller may see a record at all."""
        return self.grant.is_full or self.grant.covers(json.loads(record.content))

    def shown(self, record: Record) -> str:
        """Return the JSON text of what shows of a record."""
        if self.is_plain and record.version == self.release.path.version:
            return record.content
        return json.dumps(self.values(record), ensure_ascii=False)

    def values(self, record: Record) -> dict[str, Any]:
        """Return what shows of a record, as values."""
        content: dict[str, Any] = json.loads(record.content)
        schema = self.release.path.schema
        if self.is_plain:
            exact = record.version == self.release.path.version
            return content if exact else schema.project(content)
        sight = self.grant.sight(content)
        place = self.release.database, record.number
        content = secrets.shown(self.release.secrets, content, place, self.private)
        return sight.of(schema.fields, content)

    def look(self, record: Record, fields: tuple[str, ...] | None = None) -> Look:
        """Return what the log keeps of a look at a record: at what shows of it, or at fields."""
        return Look(
            self.release.database,
            record.id,
            record.number,
            record.primary_key,
            record.subjects,
            self.personal_of(record) if fields is None else fields,
            self.grant.people.intersection(each for each in record.subjects if each),
        )

    def purpose(self, operation: str) -> Purpose:
        """Return why and how records are looked at."""
        stated = self.call.consent_record
        said = None if stated is None else str(stated)
        return Purpose(operation, self.call.legal_basis, stated_consent=said)


async def open_for(session: Session, call: Call, action: Action) -> Opened:
    """Return what a call opens for an action.

    Raise RegistryNotFound, RegistryArchived, LegalBasisMissing, NotAllowed or LoginNeeded.
    """
    return await opened(session, call, action, await find(session, call))


async def open_for_change(session: Session, call: Call, action: Action) -> Opened:
    """Return what a call opens, as ``open_for``, kept from changing until the transaction ends."""
    return await opened(session, call, action, await find(session, call, lock=True))


async def find(session: Session, call: Call, *, lock: bool = False) -> Found | None:
    """Return the published version that a call names, if there is one; ``lock`` holds it."""
    found = await store.find_release(session, *call.where, lock=lock)
    _found.pop(call.where, None)
    if found is not None:
        _found[call.where] = found
        if len(_found) > _MOST_FOUND:
            _found.popitem(last=False)
    return found


def found_last(call: Call) -> Found | None:
    """Return what ``find`` gave last for the same path, without asking PostgreSQL.

    Whoever works with it must see to it that the statement does nothing when the database has
    another revision by now.
    """
    return _found.get(call.where)


async def opened(session: Session, call: Call, action: Action, found: Found | None) -> Opened:
    """Return what a call opens where its version has been found, or not; raise as ``open_for``."""
    if found is None:
        raise RegistryNotFound(f"there is no published version {call.version} of this registry")
    return await opened_as(session, call, action, await databases.release(session, found.named))


async def opened_as(session: Session, call: Call, action: Action, release: Release) -> Opened:
    """Return what a call opens where it is known what its version is; raise as ``open_for``."""
    only = services.admit(release)
    if release.is_archived and action.writes:
        raise RegistryArchived("the database is archived: its records stay as they are")
    grant = await rights.grant(session, release, call.caller, action)
    needs_basis = release.current.needs_legal_basis or grant.needs_legal_basis
    if needs_basis and call.legal_basis is None and not action.writes:
        raise LegalBasisMissing("say by what law in the header X-Legal-Basis")
    if only is not None:
        grant = grant.narrowed(release.path.schema, only)
    counters.count(release, call.caller.client)
    return Opened(call, release, grant)


async def exists(session: Session, ledger: Ledger, call: Call, query: Mapping[str, Any]) -> bool:
    """Tell whether a record matches; a match by personal data is noted."""
    found, record = await _match(session, call, query, Action.EXISTS)
    if record is None:
        return False
    schema = found.release.path.schema
    used = tuple(
        name
        for name in found.release.personal
        if value_at(query, schema.get(name).path) is not None
    )
    if used:
        looks = [found.look(record, used)]
        await usage.note(ledger, call.caller, CHECKED, looks, found.purpose("exists"))
    return True


async def read(
    session: Session, ledger: Ledger, decisions: Decisions, call: Call, query: Mapping[str, Any]
) -> Shown:
    """Return the record that matches, or raise RecordNotFound.

    Raise ConsentRequired when another member reads without the person's consent.
    """
    found, record = await _match(session, call, query, Action.READ)
    return await _read(ledger, decisions, found, record)


async def get(
    session: Session, ledger: Ledger, decisions: Decisions, call: Call, reference: str
) -> Shown:
    """Return the record with this id; raise as ``read`` does."""
    found = await store.find_referred(session, *call.where, reference, call.as_of)
    opening = await opened(session, call, Action.READ, found)
    record = found.record if found else None
    if record is not None and record.is_archived and not call.caller.is_owner:
        raise RecordNotFound
    return await _read(ledger, decisions, opening, record)


async def read_value(
    session: Session, ledger: Ledger, decisions: Decisions, call: Call, asked: tuple[str, str, str]
) -> str:
    """Return the JSON text of one field: ``asked`` is the record's key or id, field and format."""
    reference, name, extension = asked
    if extension != "json":
        raise FormatUnknown("a value is given as .json only")
    value = await value_of(session, ledger, decisions, call, (reference, name, Action.READ))
    return json.dumps(value, ensure_ascii=False)


async def value_of(
    session: Session,
    ledger: Ledger,
    decisions: Decisions,
    call: Call,
    asked: tuple[str, str, Action],
) -> Any:
    """Return what shows of one field: ``asked`` is the record's key or id, field and action."""
    reference, name, action = asked
    found = await store.find_referred(session, *call.where, reference, call.as_of)
    opening = await opened(session, call, action, found)
    field = opening.release.path.schema.get(name)
    if found is None or found.record is None or not opening.covers(found.record):
        raise RecordNotFound
    record, operation = found.record, "readValue" if action is Action.READ else str(action)
    among = tuple(personal_in(opening.release, field))
    opening = await _account(ledger, decisions, _Showing(opening, record, operation, among))
    return value_at(opening.values(record), field.path)


async def _read(
    ledger: Ledger, decisions: Decisions, found: Opened, record: Record | None
) -> Shown:
    if record is None or not found.covers(record):
        raise RecordNotFound
    found = await _account(ledger, decisions, _Showing(found, record, "read"))
    return Shown(found.shown(record), record.tag, record.id)


def _named(release: Release, query: Mapping[str, Any]) -> list[str]:
    """Return the names of the fields a query gives values for."""
    return [
        each.name
        for each in release.path.schema.every
        if not each.fields and value_at(query, each.path) is not None
    ]


async def _match(
    session: Session, call: Call, query: Mapping[str, Any], action: Action
) -> tuple[Opened, Record | None]:
    if not query:
        raise QueryInvalid("query.content names at least one field")
    query = clean(query, "query", "content")
    found = await store.find_matching(session, *call.where, query, call.as_of)
    opening = await opened(session, call, action, found)
    opening.release.path.schema.check_known(query, "query", "content")
    counters.count_search(opening.release, query)
    record = found.record if found else None
    if opening.grant.is_full or record is None:
        return opening, record
    opening.grant.check_named(_named(opening.release, query), lookup=True)
    matching = await store.find_all_matching(session, opening.release.database, query, call.as_of)
    return opening, next((each for each in matching if opening.covers(each)), None)


@dataclass(frozen=True, slots=True)
class _Showing:
    """What a read is about to show: a record's fields, by which operation."""

    opened: Opened
    record: Record
    operation: str
    among: tuple[str, ...] | None = None
    """The personal fields that are shown when those are not all."""

    @property
    def personal(self) -> tuple[str, ...]:
        """Return the names of the personal fields that show."""
        fields = self.opened.personal_of(self.record)
        return fields if self.among is None else tuple(n for n in fields if n in self.among)


async def _account(ledger: Ledger, decisions: Decisions, showing: _Showing) -> Opened:
    """Ask for the consents a read stands on and write it down before it is answered.

    Return what it opens with the consents that were given, or raise ConsentRequired.
    """
    purpose = showing.opened.purpose(showing.operation)
    if showing.opened.grant.consents:
        showing, purpose = await _consented(ledger, decisions, showing, purpose)
    if showing.personal:
        looks = [showing.opened.look(showing.record, showing.personal)]
        await usage.note(ledger, showing.opened.call.caller, READ, looks, purpose)
    return showing.opened


async def _consented(
    ledger: Ledger, decisions: Decisions, showing: _Showing, purpose: Purpose
) -> tuple[_Showing, Purpose]:
    """Return what shows by the consents that were given, and the purpose with the last of them."""
    found, given, reason = showing.opened, list[ConsentRule](), ""
    permits: list[Decision] = []
    for rule in found.grant.consents:
        decided = await _decided(decisions, showing, rule)
        if decided.permitted:
            given.append(rule)
            permits.append(decided)
        reason = reason or decided.reason
        purpose = purpose.by(decided)
    left = replace(found, grant=found.grant.without_consents(given))
    if left.grant.terms and left.covers(showing.record):
        showing = replace(showing, opened=left)
        for each in permits:
            notices.refer(each.consent_record_id, each.decision_id, showing.personal)
        return showing, purpose
    looks = [found.look(showing.record, showing.personal)]
    refused = replace(purpose, reason=reason)
    await usage.note(ledger, found.call.caller, REFUSED, looks, refused)
    raise ConsentRequired.because(reason)


async def _decided(decisions: Decisions, showing: _Showing, rule: ConsentRule) -> Decision:
    """Ask the consent block whether the person agreed to this read; nobody else can tell.

    Who reads what is their own needs nobody's consent.
    """
    caller = showing.opened.call.caller
    person = person_asked(showing.opened.release, showing.record, rule)
    if person is not None and person == caller.speaks_for:
        return Decision(permitted=True, reason="own")
    if caller.client == caller.member:
        return Decision(permitted=False, reason="wrong-recipient")
    if person is None:
        return Decision(permitted=False, reason="no-record")
    question = Question(
        rule.data_agreement_id,
        person,
        rule.external_id_type,
        caller.client,
        caller.tenant,
        showing.personal,
    )
    return await decisions.ask(question, caller.request_id)
