"""Writing down who looked at personal data, and telling it to those entitled (DRS-8, DRS-35)."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kit.access import Caller
from kit.database import Session
from kit.evidence import Entry, Ledger, Search, Written
from registry.databases import service as databases
from registry.usage import store
from registry.usage.models import (
    CHECKED,
    READ,
    REPORTED,
    Look,
    NotYourData,
    PersonUnknown,
    Usage,
    check_person,
)

MOST = 1000


@dataclass(frozen=True, slots=True)
class Purpose:
    """Why and how records were looked at."""

    operation: str
    legal_basis: str | None = None
    consent_record_id: str | None = None
    reason: str | None = None


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
    entry = replace(entry, detail={**reader(caller), "reference": look.reference})
    return [
        with_basis(replace(entry, subject=person), purpose.legal_basis) for person in look.people
    ]


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
        "reason": purpose.reason,
        "requestId": caller.request_id,
        **more,
    }
    return {name: value for name, value in said.items() if value is not None}


async def report(
    session: Session, ledger: Ledger, caller: Caller, person: str, registry: str
) -> list[Usage]:
    """Return who looked at a person's data in a database, newest first, 1000 entries at most.

    A signed-in person asks about themselves, or about whom they represent; an application of the
    owner about anybody, and is also told who fetched the report. Raise NotYourData, PersonInvalid
    or PersonUnknown.
    """
    check_person(person)
    analyst = caller.person is None and caller.is_owner
    if not analyst and caller.speaks_for != person:
        raise NotYourData("a person may ask about themselves, the owner's application for anybody")
    database = await databases.find_named(session, caller.tenant, registry)
    kinds = (READ, CHECKED, REPORTED) if analyst else (READ, CHECKED)
    prefix = f"database:{database.id}/"
    found = await ledger.search(
        Search(kinds=kinds, object_prefix=prefix, subject=person, limit=MOST)
    )
    if not found and not await store.knows(session, database.id, person):
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
    return [_usage(entry) for entry in found]


def _usage(entry: Written) -> Usage:
    return Usage(entry.id, entry.at, entry.actor, entry.object, entry.facts, entry.detail or {})
