"""What auditors can ask; a tenant of None means every member."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from consent.agreements import service as agreements
from consent.agreements.models import SCHEMA as AGREEMENT
from consent.agreements.models import Agreement, AgreementNotFound
from consent.agreements.models import Filter as AgreementFilter
from consent.agreements.models import Listed as Agreements
from consent.audit.models import (
    CHANGES,
    Extent,
    Finding,
    Row,
    Walk,
    differs,
    kept_wrong,
    thing_of,
    told_wrong,
)
from consent.consents import service as consents
from consent.consents.models import SCHEMA as RECORD
from consent.consents.models import Filter
from consent.consents.models import Listed as Records
from consent.desk import Desk
from consent.policies import service as policies
from consent.policies.models import SCHEMA as POLICY
from consent.revisions import service as revisions
from consent.revisions.models import Listed, Revision, Search, chained_wrong, said_wrong
from consent.signatures import models as signatures
from consent.signatures.models import Content
from consent.tracing import trace
from kit.access import Caller
from kit.evidence import Ledger, Mark, Written
from kit.evidence import Search as LogSearch
from kit.paging import Stop

_ENTRIES = 1000
"""Entries that are looked at of one object, the newest."""


def reach(caller: Caller) -> str | None:
    """Return the member an auditor sees; None for all, with the scope ``audit:all``."""
    return None if caller.may("audit:all") else caller.tenant


async def get_agreement(desk: Desk, agreement_id: str) -> Agreement:
    """Return an agreement, an ended one too, or raise AgreementNotFound."""
    found = await agreements.find(desk.session, agreement_id)
    if found is None or reach(desk.caller) not in {None, found.tenant}:
        raise AgreementNotFound("no data agreement with this id")
    await desk.ledger.note(trace("audit.read", desk.caller, found.thing, tenant=found.tenant))
    return found


async def page_records(desk: Desk, wanted: Filter) -> Records:
    """Return records, superseded ones too; the look is logged, and for each individual."""
    await _note(desk, "consent-record")
    return await consents.page(desk, "audit.read", wanted)


async def page_agreements(desk: Desk, wanted: AgreementFilter) -> Agreements:
    """Return agreements, ended ones too, oldest first, and log the look."""
    await _note(desk, "data-agreement")
    return await agreements.page(desk.session, wanted)


async def page_revisions(desk: Desk, search: Search) -> Listed:
    """Return the revisions of all objects that a search finds, and log the look."""
    await _note(desk, "revision")
    return await revisions.listed(desk.session, search)


async def page_log(ledger: Ledger, caller: Caller, search: LogSearch) -> list[Written]:
    """Return what was done and looked at, newest first; this look is logged too."""
    tenant = reach(caller)
    await ledger.note(trace("audit.log-read", caller, f"{tenant or '*'}/log"))
    within = None if tenant is None else f"{tenant}/"
    return await ledger.search(replace(search, object_prefix=within))


async def _note(desk: Desk, what: str, kind: str = "audit.listed") -> None:
    thing = f"{reach(desk.caller) or '*'}/{what}/"
    await desk.ledger.note(trace(kind, desk.caller, thing))


# -- whether what is kept still is what was written ---------------------------------------------


async def verify(
    desk: Desk, revision_id: str, said: Mapping[str, Any], signature: Content | None
) -> list[str]:
    """Say what does not hold of a presented revision, and of a signature; empty when all does.

    ``said`` are the presented fields by our names. What is kept is checked with it: its hashes, its
    place in its chain, all its signatures, the object's row, and the ledger's entry (CON-6.3.2).
    """
    await _note(desk, "revision", "audit.verified")
    kept = (await revisions.find_many(desk.session, [revision_id])).get(revision_id)
    if kept is None or reach(desk.caller) not in {None, kept.tenant}:
        return ["no such revision is kept"]
    wrong = differs(kept, said) + await _wrong(desk, kept)
    own = await consents.find_signatures(desk, kept)
    if signature is not None:
        wrong += signatures.differs(own, signature)
    return list(dict.fromkeys(wrong + signatures.chain_wrong(kept.snapshot, own)))


async def walk(desk: Desk, extent: Extent) -> Walk:
    """Check revisions, the oldest first, then the entries that tell of them; bounded by ``limit``.

    Each revision is held against its own text, its predecessor, its entry, and the last of a chain
    against its object's row. Then each entry is held against the revisions: what it tells of is
    there. That the entries themselves stand is for ``/evidence/verify`` (CON-6.3.1).
    """
    await _note(desk, "revision", "audit.verified")
    if isinstance(extent.after, str):
        return await _walk_entries(desk, extent, Mark.read(extent.after))
    search = Search(
        extent.tenant,
        object_id=extent.object_id,
        since=extent.since,
        until=extent.until,
        limit=extent.limit,
        after=None if extent.after is None else (extent.after.at, extent.after.id),
    )
    found = (await revisions.listed(desk.session, search)).revisions
    if len(found) < extent.limit:
        rest = await _walk_entries(desk, extent, None)
        findings = await _findings(desk, found)
        through = found[-1].at if found else None
        return Walk(len(found), findings + rest.findings, through, rest.stop)
    last = found[-1]
    return Walk(len(found), await _findings(desk, found), last.at, Stop(last.at, last.id))


async def _findings(desk: Desk, found: Sequence[Revision]) -> list[Finding]:
    before = await revisions.find_before(desk.session, found)
    things = {thing_of(each) for each in found}
    entries = {thing: await _entries(desk, thing) for thing in things}
    findings: list[Finding] = []
    for each in found:
        told = entries[thing_of(each)]
        wrong = said_wrong(each) + chained_wrong(each, before.get(each.id)) + told_wrong(each, told)
        if each.successor is None:
            wrong += await _row_wrong(desk, each, told)
        if wrong:
            findings.append(Finding(each.schema_name, each.object_id, each.id, wrong))
    return findings


async def _wrong(desk: Desk, revision: Revision) -> list[str]:
    return [reason for finding in await _findings(desk, [revision]) for reason in finding.reasons]


async def _row_wrong(desk: Desk, last: Revision, entries: Sequence[Written]) -> list[str]:
    row = await _row(desk, last)
    wrong = kept_wrong(last, row, entries)
    if wrong:  # unless it was written on while we looked
        again = (await revisions.find_many(desk.session, [last.id])).get(last.id)
        if again is None or again.successor is not None:
            return []
    return wrong


async def _row(desk: Desk, revision: Revision) -> Row | None:
    find = _FINDERS.get(revision.schema_name)
    return None if find is None else await find(desk.session, revision.object_id)


async def _entries(desk: Desk, thing: str) -> list[Written]:
    """Return what the ledger has of an object's changes, newest first."""
    kinds = (*CHANGES, "consent.forgotten")
    return await desk.ledger.search(LogSearch(kinds=kinds, object=thing, limit=_ENTRIES))


async def _walk_entries(desk: Desk, extent: Extent, before: Mark | None) -> Walk:
    """Hold entries against the revisions, the newest first."""
    prefix = None if extent.tenant is None else f"{extent.tenant}/"
    thing = None
    if extent.object_id is not None:
        found = await revisions.page(
            desk.session, Search(extent.tenant, object_id=extent.object_id, limit=1)
        )
        if not found:
            return Walk(0)
        thing, prefix = thing_of(found[0]), None
    search = LogSearch(
        kinds=CHANGES,
        object=thing,
        object_prefix=prefix,
        since=extent.since,
        until=extent.until,
        before=before,
        limit=extent.limit,
    )
    entries = await desk.ledger.search(search)
    named = {str(entry.facts["revision"]): entry for entry in entries if "revision" in entry.facts}
    there = await revisions.find_many(desk.session, named)
    findings = [
        Finding("", entry.object.rpartition("/")[2], revision_id, [_GONE.format(entry.id)])
        for revision_id, entry in named.items()
        if revision_id not in there
    ]
    stop = entries[-1].mark.text if len(entries) == extent.limit else None
    return Walk(0, findings, None, stop)


_GONE = "the ledger's entry {} tells of it, and it is gone"
_FINDERS: Mapping[str, Any] = {
    POLICY: policies.find,
    AGREEMENT: agreements.find,
    RECORD: consents.find_any,
}
