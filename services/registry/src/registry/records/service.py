"""What a caller can ask about records without changing them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kit.access import Caller
from kit.database import Session
from kit.evidence import Ledger
from kit.mediator import Mediator
from registry.databases import service as databases
from registry.databases.models import RegistryNotFound, Release, version_number
from registry.decisions import service as decisions
from registry.decisions.models import ConsentRequired, Question
from registry.records import store
from registry.records.models import (
    FormatUnknown,
    Found,
    Listing,
    QueryInvalid,
    Record,
    RecordNotFound,
    person_asked,
    personal_in,
)
from registry.triggers.models import value_at
from registry.usage import service as usage
from registry.usage.models import CHECKED, READ, REFUSED, Look
from registry.usage.service import Purpose
from registry.validation.models import clean


@dataclass(frozen=True, slots=True)
class Call:
    """Who calls which version of which registry, and on what legal basis."""

    caller: Caller
    registry: str
    version: str
    legal_basis: str | None = None

    @property
    def where(self) -> tuple[str, str, int]:
        """Return member, registry and version number, or raise RegistryNotFound."""
        return self.caller.tenant, self.registry, version_number(self.version)


@dataclass(frozen=True, slots=True)
class Shown:
    """One page of a list, as JSON texts."""

    count: int
    results: list[str]


async def release_of(session: Session, call: Call, found: Found | None) -> Release:
    """Return the release a call names, or raise RegistryNotFound."""
    if found is None:
        raise RegistryNotFound(f"there is no published version {call.version} of this registry")
    ids = found.path_version, found.current_version
    return await databases.release(session, found.code, found.database, ids)


async def open_for_change(session: Session, call: Call) -> Release:
    """Return the release a call names, kept from changing until the transaction ends."""
    return await release_of(
        session, call, await store.find_release(session, *call.where, lock=True)
    )


async def page(session: Session, ledger: Ledger, call: Call, listing: Listing) -> Shown:
    """Return a page of records; each record with personal data is noted for each person.

    Another member's list of a database that needs consent is refused: consent is for a record.
    """
    release = await release_of(session, call, await store.find_release(session, *call.where))
    if release.current.consent is not None and not call.caller.is_owner:
        raise ConsentRequired("reads need each person's consent: read one record at a time")
    selection = listing.selection(release.path.schema)
    rows = await store.page(session, release.database, selection, listing)
    if release.personal:
        looks = [look(release, record, release.personal) for record in rows.records]
        await usage.note(ledger, call.caller, READ, looks, Purpose("list", call.legal_basis))
    return Shown(rows.count, [record.shown(release) for record in rows.records])


async def exists(session: Session, ledger: Ledger, call: Call, query: Mapping[str, Any]) -> bool:
    """Tell whether a record matches; a match by personal data is noted."""
    release, record = await _match(session, call, query)
    if record is None:
        return False
    schema = release.path.schema
    used = [name for name in release.personal if value_at(query, schema.get(name).path) is not None]
    if used:
        looks = [look(release, record, used)]
        await usage.note(ledger, call.caller, CHECKED, looks, Purpose("exists", call.legal_basis))
    return True


async def read(
    session: Session, ledger: Ledger, mediator: Mediator, call: Call, query: Mapping[str, Any]
) -> str:
    """Return the JSON text of the record that matches, or raise RecordNotFound.

    Raise ConsentRequired when another member reads without the person's consent.
    """
    release, record = await _match(session, call, query)
    if record is None:
        raise RecordNotFound
    await _account(ledger, mediator, call, "read", (release, record, release.personal))
    return record.shown(release)


async def read_value(
    session: Session, ledger: Ledger, mediator: Mediator, call: Call, asked: tuple[str, str, str]
) -> str:
    """Return the JSON text of one field: ``asked`` is the record's key or id, field and format."""
    reference, name, extension = asked
    if extension != "json":
        raise FormatUnknown("a value is given as .json only")
    found = await store.find_referred(session, *call.where, reference)
    release = await release_of(session, call, found)
    field = release.path.schema.get(name)
    if found is None or found.record is None:
        raise RecordNotFound
    record = found.record
    await _account(
        ledger, mediator, call, "readValue", (release, record, personal_in(release, field))
    )
    value = value_at(record.values(release), field.path)
    return json.dumps(value, ensure_ascii=False)


def look(release: Release, record: Record, fields: list[str] | tuple[str, ...]) -> Look:
    """Return what the log keeps of a look at a record."""
    return Look(
        release.database, record.id, record.number, record.primary_key, record.subjects, fields
    )


async def _match(
    session: Session, call: Call, query: Mapping[str, Any]
) -> tuple[Release, Record | None]:
    if not query:
        raise QueryInvalid("query.content names at least one field")
    query = clean(query, "query", "content")
    found = await store.find_matching(session, *call.where, query)
    release = await release_of(session, call, found)
    release.path.schema.check_known(query, "query", "content")
    return release, found.record if found else None


async def _account(
    ledger: Ledger,
    mediator: Mediator,
    call: Call,
    operation: str,
    shown: tuple[Release, Record, list[str] | tuple[str, ...]],
) -> None:
    """Ask for consent where it is needed, and write the read down before it is answered."""
    release, record, fields = shown
    looks = [look(release, record, fields)]
    purpose = Purpose(operation, call.legal_basis)
    if release.current.consent is not None and not call.caller.is_owner:
        purpose = await _consented(ledger, mediator, call, purpose, (release, record, looks))
    if fields:
        await usage.note(ledger, call.caller, READ, looks, purpose)


async def _consented(
    ledger: Ledger,
    mediator: Mediator,
    call: Call,
    purpose: Purpose,
    shown: tuple[Release, Record, list[Look]],
) -> Purpose:
    """Return the purpose with the consent it stands on, or raise ConsentRequired."""
    release, record, looks = shown
    rule, person = release.current.consent, person_asked(release, record)
    named = call.caller.client != call.caller.member
    reason, consent = "no-record" if named else "wrong-recipient", None
    if named and rule is not None and person is not None:
        question = Question(
            rule.data_agreement_id,
            person,
            rule.external_id_type,
            call.caller.client,
            call.caller.tenant,
            looks[0].fields,
        )
        decision = await decisions.ask(mediator, question, call.caller.request_id)
        if decision.permitted:
            return Purpose(purpose.operation, purpose.legal_basis, decision.consent_record_id)
        reason, consent = decision.reason, decision.consent_record_id
    refused = Purpose(purpose.operation, purpose.legal_basis, consent, reason)
    await usage.note(ledger, call.caller, REFUSED, looks, refused)
    raise ConsentRequired.because(reason)
