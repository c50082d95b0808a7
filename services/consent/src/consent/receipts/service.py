"""What can be asked about receipts: to be given one, and whether one holds."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from consent.announcements.models import EVENTS
from consent.consents import service as consents
from consent.consents.models import SCHEMA, Filter, Kept, RecordNotFound
from consent.desk import Desk
from consent.individuals import service as individuals
from consent.individuals.models import IndividualNotFound, IndividualNotYours
from consent.receipts.models import (
    CREDENTIAL,
    KIND,
    SIGNATURE,
    Issue,
    Standing,
    Verdict,
    credential,
    named,
    receipt,
    standing,
)
from consent.revisions import service as revisions
from consent.revisions.models import Revision, Search
from kit.evidence import Keys, NotSigned, Signer, attached, detached
from kit.evidence import Search as LogSearch
from kit.identifiers import new_id

_MOST = 1000
"""States of one record that a receipt tells of."""


async def issue(desk: Desk, record_id: str, header: str | None, base: str) -> Issue:
    """Return what a receipt of a record is made of, and log that it was given (CON-4.i).

    Raises RecordNotFound for a record of somebody the caller does not act for.
    """
    record = await consents.find_any(desk.session, record_id)
    if record is None or header not in {None, record.choice.individual_id}:
        raise RecordNotFound("no consent record with this id")
    try:
        individual = await individuals.acting(desk, record.choice.individual_id, by_agreement=True)
        individual.hand(record.choice.agreement_id)
    except (IndividualNotFound, IndividualNotYours) as error:
        raise RecordNotFound("no consent record with this id") from error
    kept = await consents.load(desk, individual, record)
    made = await _issue(desk, kept, base)
    facts = {**kept.revision.told, "receipt": made.id}
    await desk.ledger.note(consents.told("receipt.given", desk, individual, record.thing, **facts))
    return made


async def _issue(desk: Desk, kept: Kept, base: str) -> Issue:
    record = kept.record
    search = LogSearch(kinds=tuple(EVENTS), object=record.thing, limit=_MOST)
    entries: dict[str, str] = {}
    for entry in await desk.ledger.search(search):  # newest first: the one that wrote it stays
        if "revision" in entry.facts:
            entries[str(entry.facts["revision"])] = str(entry.id)
    return Issue(
        str(new_id()),
        datetime.now(UTC),
        base,
        kept,
        await _chain(desk, record.id),
        entries,
        await _is_superseded(desk, kept),
    )


async def _chain(desk: Desk, record_id: str) -> list[Revision]:
    search = Search(schema_name=SCHEMA, object_id=record_id, sort="objectId", limit=_MOST)
    return await revisions.page(desk.session, search)


async def _is_superseded(desk: Desk, kept: Kept) -> bool:
    choice = kept.record.choice
    wanted = Filter(individual_ids=[choice.individual_id], agreement_id=choice.agreement_id)
    current = await consents.find_current(desk, wanted)
    return current is not None and current.id != kept.record.id


def signed(signer: Signer, made: Issue) -> dict[str, Any]:
    """Return a receipt with a detached JWS (RFC 7515 appendix F) over its canonical form."""
    said = receipt(made)
    return said | {SIGNATURE: detached(signer.sign(KIND, said))}


def enveloped(signer: Signer, made: Issue) -> str:
    """Return a receipt as a credential that is secured by a JWS around it."""
    return signer.sign(CREDENTIAL, credential(made))


async def verify(
    desk: Desk, signer: Signer, presented: Mapping[str, Any] | None, enclosed: str | None
) -> Verdict:
    """Check a presented receipt, or credential: its signature, and the record as it is now."""
    try:
        said = _opened(Keys(signer.public), presented, enclosed)
    except NotSigned as error:
        return Verdict([f"it is not signed by this block: {error}"])
    told = named(said)
    if told is None:
        return Verdict(["it names no record"])
    return await _compared(desk, *told)


def _opened(
    keys: Keys, presented: Mapping[str, Any] | None, enclosed: str | None
) -> Mapping[str, Any]:
    if enclosed is not None:
        return keys.verify(CREDENTIAL, enclosed)
    said = dict(presented or {})
    proof = said.pop(SIGNATURE, None)
    if not isinstance(proof, str):
        raise NotSigned("it carries no signature")
    return keys.verify(KIND, attached(proof, said))


async def _compared(desk: Desk, record_id: str, revision_id: str, digest: str) -> Verdict:
    kept_state = (await revisions.find_many(desk.session, [revision_id])).get(revision_id)
    if kept_state is None or kept_state.hash_sha256 != digest:
        return Verdict(["what it tells of is not what is kept"])
    record = await consents.find_any(desk.session, record_id)
    if record is None:
        return Verdict([], standing=Standing.FORGOTTEN)
    whose = record.choice.individual_id
    individual = (await individuals.get_many(desk, [whose]))[whose]
    kept = await consents.load(desk, individual, record)
    superseded = await _is_superseded(desk, kept)
    now = datetime.now(UTC)
    stands = standing(kept, await _chain(desk, record.id), now, superseded=superseded)
    ended = stands in {Standing.SUPERSEDED, Standing.EXPIRED}
    entry = consents.told("receipt.verified", desk, individual, record.thing, standing=stands.value)
    await desk.ledger.note(replace(entry, tenant=record.tenant))
    return Verdict([], record.revision_id == revision_id and not ended, stands)
