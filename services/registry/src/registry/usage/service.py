"""Writing down who looked at personal data, and telling it to those entitled (DRS-8, DRS-35)."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from kit.access import Caller
from kit.database import Session
from kit.decisions import Decision
from kit.evidence import MOST_PARTS, WHOLE, Entry, Ledger, Search, Written
from registry.databases import service as databases
from registry.databases.models import version_number
from registry.usage import store
from registry.usage.models import (
    READ,
    REPORTED,
    SHOWN,
    Asked,
    Look,
    NotYourData,
    PersonInvalid,
    PersonUnknown,
    Usage,
    check_person,
    parts,
    read_cursor,
    same_fields,
)


@dataclass(frozen=True, slots=True)
class Purpose:
    """Why and how records were looked at.

    ``consent_record_id`` is what the consent block decided by, and ``decision_id`` what it calls
    that decision; ``stated_consent`` what the reader refers to, which nobody checked; ``share`` the
    link that was opened.
    """

    operation: str
    legal_basis: str | None = None
    consent_record_id: str | None = None
    reason: str | None = None
    stated_consent: str | None = None
    share: str | None = None
    decision_id: str | None = None

    def by(self, decision: Decision) -> "Purpose":
        """Return the purpose with a decision that it rests on, if that was made by a record."""
        record, name = decision.consent_record_id, decision.decision_id
        return self if record is None else replace(self, consent_record_id=record, decision_id=name)


def reader(caller: Caller) -> dict[str, Any]:
    """Return who is behind a call, for the sealed detail of an entry."""
    return {
        "readerId": caller.person or caller.reader,
        "readerName": caller.person_name,
        "institutionId": caller.member,
        "institutionName": caller.member_name,
        "applicationName": caller.client_name or caller.client.rpartition("/")[2],
    }


async def note(
    ledger: Ledger, caller: Caller, kind: str, looks: Sequence[Look], purpose: Purpose
) -> None:
    """Write an entry for each record and each person it is about; durable when this returns."""
    entries = [entry for look in looks for entry in _entries(caller, kind, look, purpose)]
    await asyncio.gather(*(ledger.note(entry) for entry in entries))


async def note_rows(
    ledger: Ledger, caller: Caller, kind: str, looks: Sequence[Look], purpose: Purpose
) -> None:
    """Write one entry for a page of records, with a part for each record and person.

    The reader is sealed once, with the key of the member whose records they are: erasing one
    person takes nothing from the others' reports. Looks at nothing personal are left out; more than
    ``MOST_PARTS`` make more entries. Durable when this returns.
    """
    shown = [look for look in looks if look.fields]
    if shown:
        await asyncio.gather(*(ledger.note(entry) for entry in _bulk(caller, kind, shown, purpose)))


def _bulk(caller: Caller, kind: str, looks: Sequence[Look], purpose: Purpose) -> list[Entry]:
    found = parts(looks)
    whole = Entry(
        kind,
        caller.client,
        f"database:{looks[0].database}/records",
        subject=caller.tenant,
        facts=_facts(caller, purpose, fields=same_fields(looks)),
        detail=reader(caller),
        tenant=caller.tenant,
    )
    whole = with_basis(whole, purpose.legal_basis)
    return [
        replace(whole, parts=found[start : start + MOST_PARTS])
        for start in range(0, len(found), MOST_PARTS)
    ]


async def record(
    session: Session, ledger: Ledger, caller: Caller, look: Look, purpose: Purpose
) -> None:
    """Write down, in the change's own transaction, that its answer showed personal data."""
    for entry in _entries(caller, READ, look, purpose):
        await ledger.record(session, entry)


def _entries(caller: Caller, kind: str, look: Look, purpose: Purpose) -> list[Entry]:
    facts = _facts(caller, purpose, fields=list(look.fields), recordNumber=look.number)
    entry = Entry(kind, caller.client, look.object, facts=facts, tenant=caller.tenant)
    if not look.people:
        return [with_basis(entry, purpose.legal_basis)]
    said = {**reader(caller), "reference": look.reference}
    made = [
        replace(entry, subject=person, detail={**said, **_on_behalf(caller, look, person)})
        for person in look.people
    ]
    return [with_basis(each, purpose.legal_basis) for each in made]


def _on_behalf(caller: Caller, look: Look, person: str) -> dict[str, str]:
    """Return for whom the reader spoke, when that is not themselves (DRS-6.d)."""
    principal = caller.represents or (person if person in look.spoken_for else None)
    return {"onBehalfOf": principal} if principal else {}


def with_basis(entry: Entry, legal_basis: str | None) -> Entry:
    """Seal the legal basis a client stated, in its own words, beside an entry.

    Where an entry is about nobody, the key of the member whose record it is seals it.
    """
    if legal_basis is None:
        return entry
    detail = {**(entry.detail or {}), "legalBasis": legal_basis}
    return replace(entry, subject=entry.subject or entry.tenant, detail=detail)


def _facts(caller: Caller, purpose: Purpose, **more: object) -> Mapping[str, Any]:
    said = {
        "operation": purpose.operation,
        "consentRecordId": purpose.consent_record_id,
        "decisionId": purpose.decision_id,
        "statedConsent": purpose.stated_consent,
        "reason": purpose.reason,
        "share": purpose.share,
        "requestId": caller.request_id,
        **more,
    }
    return {name: value for name, value in said.items() if value is not None}


async def report(
    session: Session, ledger: Ledger, caller: Caller, asked: Asked
) -> tuple[list[Usage], str | None]:
    """Return who looked at a person's data, newest first, and the cursor of the next page.

    A signed-in person asks about themselves, or about whom they represent; an application of the
    owner about anybody, and is also told who fetched the report. Raise NotYourData before anything
    is looked up, PersonInvalid, CursorInvalid or PersonUnknown.
    """
    person, before = check_person(asked.person), read_cursor(asked.cursor)
    sees_all = check_entitled(caller, person)
    database = await databases.find_named(session, caller.tenant, asked.registry)
    kinds = (*SHOWN, REPORTED) if sees_all else SHOWN
    prefix = f"database:{database.id}/"
    search = Search(kinds, object_prefix=prefix, subject=person, before=before, limit=asked.limit)
    found = await ledger.search(search)
    if not found and before is None and not await store.knows(session, database.id, person):
        raise PersonUnknown("no record of this database is about this person")
    await ledger.note(
        Entry(
            REPORTED,
            caller.client,
            f"{prefix}usage",
            subject=person,
            facts=_facts(caller, Purpose("DPU")),
            detail=reader(caller),
            tenant=caller.tenant,
        )
    )
    more = found[-1].mark.text if len(found) == asked.limit else None
    return await _told(session, person, found), more


async def report_of(
    session: Session, ledger: Ledger, caller: Caller, version: str, asked: Asked
) -> tuple[list[Usage], str | None]:
    """Return the report of a registry as its data paths name it; raise RegistryNotFound too.

    Without a person it is about whom the signed-in person speaks for.
    """
    person = asked.person or caller.speaks_for
    if person is None:
        raise PersonInvalid("nobody is signed in: userId says whose report is asked for")
    check_entitled(caller, person)
    database = await databases.find_named(session, caller.tenant, asked.registry)
    await databases.release_of(session, caller.tenant, database.id, version_number(version))
    return await report(session, ledger, caller, replace(asked, person=person))


async def looks(
    session: Session, ledger: Ledger, tenant: str, person: str, limit: int
) -> tuple[list[Usage], bool]:
    """Return who looked at a person's data in all databases of a member, and whether that is all.

    Who asks for it writes that down.
    """
    search = Search(SHOWN, tenant=tenant, subject=person, limit=limit + 1)
    found = await ledger.search(search)
    return await _told(session, person, found[:limit]), len(found) <= limit


def check_entitled(caller: Caller, person: str) -> bool:
    """Tell whether a caller sees everything about a person, or raise NotYourData.

    An application of the owner does when nobody is signed in; a person sees their own.
    """
    analyst = caller.person is None and caller.is_owner
    if not analyst and caller.speaks_for != person:
        raise NotYourData("a person may ask about themselves, the owner's application for anybody")
    return analyst


async def _told(session: Session, person: str, found: Sequence[Written]) -> list[Usage]:
    """Return entries as the report has them; a part's record is called what it is called now."""
    told = [_usage(entry, person) for entry in found]
    bulk = [UUID(one.record) for one in told if one.place is not None and one.record]
    names = await store.references(session, bulk) if bulk else {}
    return [
        replace(one, detail={**one.detail, "reference": names.get(one.record)})
        if one.place is not None
        else one
        for one in told
    ]


def _usage(entry: Written, person: str) -> Usage:
    return Usage(
        entry.id,
        entry.at,
        entry.actor,
        entry.object,
        entry.facts,
        entry.detail or {},
        person,
        None if entry.place == WHOLE else entry.place,
    )
