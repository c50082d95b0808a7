"""What can be asked about consent records: give, change, forget, and look."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from consent.agreements import service as agreements
from consent.agreements.models import Agreement, Terms
from consent.announcements import service as announcements
from consent.consents import store
from consent.consents.models import (
    Choice,
    DraftOutdated,
    Filter,
    Kept,
    Listed,
    Record,
    RecordNotFound,
    RecordSuperseded,
    RevisionOutdated,
    choose,
)
from consent.desk import ALONE, Desk
from consent.individuals import service as individuals
from consent.individuals.models import Individual
from consent.revisions import service as revisions
from consent.revisions.models import Revision, follow
from consent.signatures import service as signatures
from consent.signatures.models import Content, Signature
from consent.tracing import trace
from consent.transmissions import service as transmissions
from kit.database import Session, Statement, Transaction
from kit.evidence import Entry
from kit.identifiers import new_id
from kit.paging import Stop
from kit.sealing import DataKey


@dataclass(frozen=True, slots=True)
class Step:
    """A record's next state: the choice, under which revision, when, and signed or not."""

    choice: Choice
    agreement_revision: Revision
    at: datetime
    signed: Content | None = None
    moved: Record | None = None
    """The record with another end, where nothing else of it changes."""


def key_of(desk: Desk, individual: Individual) -> DataKey:
    """Return the key that seals what is the individual's."""
    return desk.keyring.unwrap(individual.wrapped)


def told(kind: str, desk: Desk, individual: Individual, thing: str, **facts: Any) -> Entry:
    """Return the ledger's entry for something done for an individual.

    What a representative does stands in the log of both.
    """
    hands = [hand.representation_id for hand in individual.hands]
    facts |= {"representations": hands} if hands else {}
    return trace(
        kind,
        desk.caller,
        thing,
        subject=individual.identity.external_id,
        by=desk.person if hands else None,
        tenant=individual.tenant,
        **facts,
    )


def authorized_by(desk: Desk, individual: Individual, agreement_id: str) -> str | None:
    """Return who decides for an individual, as revisions keep it; None when they do themselves.

    Raises IndividualNotYours for a representative of theirs, but not for this agreement.
    """
    hand = individual.hand(agreement_id)
    return desk.representative if hand is None else hand.text


# -- what individuals decide ----------------------------------------------------------------


async def open_agreement(
    desk: Desk, individual: Individual, agreement_id: str, revision_id: str | None, *, lock: str
) -> tuple[Agreement, Revision]:
    """Return an agreement that takes consent now, at its newest revision.

    Raises AgreementNotFound, AgreementInactive, or RevisionOutdated when another one is pinned;
    IndividualNotYours for a representative whom the individual did not let act on it.
    """
    individual.hand(agreement_id)
    agreement, revision = await agreements.get(
        desk.session, individual.tenant, agreement_id, lock=lock
    )
    check_open(agreement, revision, revision_id)
    return agreement, revision


def check_open(agreement: Agreement, revision: Revision, revision_id: str | None) -> None:
    """Raise AgreementInactive, or RevisionOutdated when another than the newest is pinned."""
    agreement.take_consent()
    if revision_id is not None and revision_id != revision.id:
        raise RevisionOutdated("consent is given to the newest revision only")


async def give(
    desk: Desk, individual: Individual, agreement_id: str, revision_id: str | None, *, opt_in: bool
) -> Kept:
    """Record a choice that is not signed (CON-6.2.2, CON-9.2.f); the same again changes nothing.

    Raises AgreementNotFound, AgreementInactive or RevisionOutdated.
    """
    agreement, revision = await open_agreement(
        desk, individual, agreement_id, revision_id, lock="FOR SHARE"
    )
    at = datetime.now(UTC)
    record = await store.find_under(desk.session, individual.id, revision.id)
    is_over = opt_in and record is not None and record.expired(at)  # a refusal has no end
    if record is not None and record.choice.opt_in == opt_in and not is_over:
        return await load(desk, individual, record)
    choice = choose(agreement, revision, individual.id, opt_in=opt_in, at=at)
    return await write(desk, individual, record, Step(choice, revision, at))


async def change(  # noqa: PLR0913  what an individual changes
    desk: Desk,
    individual: Individual,
    record_id: str,
    *,
    opt_in: bool,
    revision_hash: str,
    expires_at: datetime | None = None,
) -> Kept:
    """Opt out, or opt in again without a signature (CON-6.2.3), or choose another end.

    The same again changes nothing. Opting out is always possible; opting in only under the
    agreement's newest revision. Raises RecordNotFound, RecordSuperseded, RevisionOutdated,
    AgreementNotFound, AgreementInactive, ExpiryInvalid or ExtensionRefused.
    """
    record = await get(desk, individual, record_id)
    if revision_hash not in {"", record.choice.agreement_revision_hash}:
        raise RevisionOutdated("a record stays under the revision it was given under")
    if record.choice.opt_in == opt_in:
        if not opt_in or expires_at is None or expires_at == record.choice.expires_at:
            return await load(desk, individual, record)
        return await _end(desk, individual, record, expires_at)
    await _check_current(desk, record)
    given_under = await revisions.get(desk.session, record.choice.agreement_revision_id)
    at = datetime.now(UTC)
    choice = replace(record.choice, opt_in=opt_in)
    if opt_in:
        agreement, revision = await open_agreement(
            desk, individual, choice.agreement_id, given_under.id, lock="FOR SHARE"
        )
        choice = choose(
            agreement, revision, individual.id, opt_in=True, at=at, expires_at=expires_at
        )
    return await write(desk, individual, record, Step(choice, given_under, at))


async def _end(desk: Desk, individual: Individual, record: Record, ends: datetime) -> Kept:
    """Keep another end: a later one by the terms of now and by those agreed to."""
    given_under = await revisions.get(desk.session, record.choice.agreement_revision_id)
    terms: Sequence[Terms] = ()
    if record.choice.expires_at is not None and ends > record.choice.expires_at:
        await _check_current(desk, record)
        agreement, _ = await open_agreement(
            desk, individual, record.choice.agreement_id, None, lock="FOR SHARE"
        )
        terms = agreement.terms, Terms(agreement.tenant, given_under.object_data)
    at = datetime.now(UTC)
    moved = record.ending(ends, terms, at)
    return await write(desk, individual, record, Step(moved.choice, given_under, at, moved=moved))


async def forget(desk: Desk, individual: Individual) -> Sequence[Record]:
    """Delete the records that need not stay, with their signatures (CON-API.rtbf).

    Their revisions stay: they name nobody but by the id this block made. What was decided under an
    earlier revision of the agreement does not come back: it is withdrawn. What was sent under them
    stays and names the individual no more.
    """
    individual.hand(None)
    gone = await store.delete_forgettable(desk.session, individual.id)
    await transmissions.forget(desk.session, [record.id for record in gone])
    for record in gone:
        gone_for_good = told("consent.forgotten", desk, individual, record.thing)
        await announcements.record(desk, gone_for_good, individualId=individual.id)
    for agreement_id in {record.choice.agreement_id for record in gone if record.decided}:
        await _withdraw_earlier(desk, individual, agreement_id)
    return gone


async def _withdraw_earlier(desk: Desk, individual: Individual, agreement_id: str) -> None:
    wanted = Filter(individual_ids=[individual.id], agreement_id=agreement_id)
    earlier = await find_current(desk, wanted)
    if earlier is not None:
        await change(desk, individual, earlier.id, opt_in=False, revision_hash="")


async def write(desk: Desk, individual: Individual, record: Record | None, step: Step) -> Kept:
    """Keep a record's next state: row, revision and signature, or nothing.

    A signed state is serialized without the record's id, as its draft was. Raises DraftOutdated.
    """
    key = key_of(desk, individual)
    last, signed_before = None, None
    if record is not None:
        last = await revisions.get(desk.session, record.revision_id)
        signed_before = await signatures.digest(desk.session, key, last.id)
        if step.signed is not None and step.at <= last.at:
            raise DraftOutdated("the record has changed since; ask for a new draft")
    record_id = record.id if record else str(new_id())
    revision = await revisions.append(
        desk.session,
        step.choice.snapshot(
            step.at,
            None if step.signed else record_id,
            authorized_by(desk, individual, step.choice.agreement_id),
        ),
        tenant=individual.tenant,
        object_id=record_id,
        predecessor=last,
        predecessor_signature=signed_before,
    )
    kept = await _save(desk, record, step, revision)
    signed: list[Signature] = []
    if step.signed is not None:
        signature = await signatures.keep(
            desk.session, key, record_id=record_id, revision_id=revision.id, content=step.signed
        )
        signed.append(signature)
    changed = _changed(_kind(record, step), desk, individual, kept, revision)
    again = record is not None or step.agreement_revision.number > 1  # it may cover less now
    await announcements.record(desk, changed, closes=again, individualId=individual.id)
    return Kept(kept, revision, step.agreement_revision, signed)


async def write_first(
    desk: Desk, session: Transaction, individual: Individual, step: Step, held: Statement
) -> Kept | None:
    """Keep a signed record with its revision, signature and entry in one statement.

    None where ``held`` has no row, or another request was first: nothing is kept then. Webhooks are
    not told, and no decision is called back: before the first consent there was none.
    """
    who = authorized_by(desk, individual, step.choice.agreement_id)
    state = step.choice.snapshot(step.at, None, who)
    revision = follow(state, individual.tenant, str(new_id()), None)
    made = _new(step, revision)
    signature, signed = signatures.insertion(
        key_of(desk, individual), made.id, revision.id, step.signed or {}, held.name
    )
    changed = _changed(_kind(None, step), desk, individual, made, revision)
    entry, told_of = await desk.ledger.prepare(changed, held.name)
    written = revisions.insertion(revision, held.name), store.insertion(made, held.name), signed
    if not await store.run(session, [held, *written, *told_of]):
        return None
    desk.ledger.written(entry, session)
    return Kept(made, revision, step.agreement_revision, [signature])


async def _save(desk: Desk, record: Record | None, step: Step, revision: Revision) -> Record:
    if record is not None:
        changed = record.changed(step.choice, revision.id, signed=step.signed is not None)
        if step.moved is not None:
            changed = replace(step.moved, revision_id=revision.id)
        await store.save(desk.session, changed)
        return changed
    made = _new(step, revision)
    if not await store.insert(desk.session, made):
        raise DraftOutdated("another request gave this consent at the same time")
    return made


def _new(step: Step, revision: Revision) -> Record:
    signed = step.signed is not None
    return Record(
        id=revision.object_id,
        tenant=revision.tenant,
        choice=step.choice,
        agreement_revision_number=step.agreement_revision.number,
        state="signed" if signed else "unsigned",
        revision_id=revision.id,
        ever_signed=signed,
        created_at=datetime.now(UTC),
    )


def _kind(before: Record | None, step: Step) -> str:
    if step.moved is not None:
        return "consent.expiry-changed"
    if step.choice.opt_in:
        return "consent.given"
    return "consent.refused" if before is None else "consent.withdrawn"


def _changed(
    kind: str, desk: Desk, individual: Individual, record: Record, revision: Revision
) -> Entry:
    return told(
        kind,
        desk,
        individual,
        record.thing,
        agreement=record.choice.agreement_id,
        **revision.told,
        state=record.state,
    )


# -- records for signing --------------------------------------------------------------------


async def get(desk: Desk, individual: Individual, record_id: str) -> Record:
    """Return an individual's record, locked until the transaction ends, or raise RecordNotFound."""
    record = await store.find(desk.session, record_id, lock=ALONE)
    if record is None or record.choice.individual_id != individual.id:
        raise RecordNotFound("no consent record with this id")
    individual.hand(record.choice.agreement_id)
    return record


async def check_signable(desk: Desk, individual: Individual, record: Record) -> None:
    """See that an individual's record can be signed now.

    Raises RecordSuperseded, RevisionOutdated or AgreementInactive.
    """
    await _check_current(desk, record)
    if record.choice.opt_in:
        named, under = record.choice.agreement_id, record.choice.agreement_revision_id
        await open_agreement(desk, individual, named, under, lock="FOR SHARE")


async def find_under(desk: Desk, individual: Individual, revision: Revision) -> Record | None:
    """Return an individual's record under one revision of an agreement, if there is one."""
    return await store.find_under(desk.session, individual.id, revision.id)


async def find(desk: Desk, individual: Individual, record_id: str) -> Record | None:
    """Return an individual's record, if it is theirs."""
    record = await store.find(desk.session, record_id)
    if record is None or record.choice.individual_id != individual.id:
        return None
    individual.hand(record.choice.agreement_id)
    return record


async def mark_signed(desk: Desk, individual: Individual, record: Record) -> None:
    """Keep that a record's newest state is signed, or signed once more."""
    if not record.signed:
        await store.save(desk.session, record.sign())
    await announcements.record(
        desk,
        told("consent.signed", desk, individual, record.thing, revision=record.revision_id),
        individualId=individual.id,
    )


async def _check_current(desk: Desk, record: Record) -> None:
    wanted = Filter(
        individual_ids=[record.choice.individual_id], agreement_id=record.choice.agreement_id
    )
    current = (await store.page(desk.session, wanted))[0]
    if current.id != record.id:
        raise RecordSuperseded(f"the record under the newest revision is {current.id}")


# -- looking --------------------------------------------------------------------------------


async def load(desk: Desk, individual: Individual, record: Record) -> Kept:
    """Return a record with its states and its signatures."""
    signed = await signatures.find_all(desk.session, key_of(desk, individual), record.revision_id)
    return replace((await _with_states(desk, [record]))[0], signatures=signed)


async def _with_states(desk: Desk, found: Sequence[Record]) -> list[Kept]:
    named = [name for r in found for name in (r.revision_id, r.choice.agreement_revision_id)]
    states = await revisions.get_many(desk.session, named)
    return [Kept(r, states[r.revision_id], states[r.choice.agreement_revision_id]) for r in found]


async def find_any(session: Session, record_id: str) -> Record | None:
    """Return any member's record, if there is one; nothing is logged."""
    return await store.find(session, record_id)


async def find_signatures(desk: Desk, revision: Revision) -> Sequence[Signature]:
    """Return the signatures of a record's revision, those that are kept; nothing is logged."""
    record = await store.find(desk.session, revision.object_id)
    if record is None:
        return ()
    named = record.choice.individual_id
    individual = (await individuals.get_many(desk, [named]))[named]
    return await signatures.find_all(desk.session, key_of(desk, individual), revision.id)


async def find_current(desk: Desk, wanted: Filter) -> Record | None:
    """Return the newest of the current records a filter finds; nothing is logged."""
    found = await store.page(desk.session, wanted)
    return found[0] if found else None


async def view_current(desk: Desk, individual: Individual, agreement_id: str) -> Kept:
    """Return an individual's one record under an agreement, or raise RecordNotFound."""
    individual.hand(agreement_id)
    wanted = Filter(individual_ids=[individual.id], agreement_id=agreement_id)
    found = await find_current(desk, wanted)
    if found is None:
        raise RecordNotFound("no consent record under this data agreement")
    viewed = told("consent.viewed", desk, individual, found.thing)
    await announcements.note(desk, viewed, individualId=individual.id)
    return await load(desk, individual, found)


async def page_of(desk: Desk, persons: Sequence[Individual], wanted: Filter) -> Listed:
    """Return the records of those acted for, and log the look once for each of them."""
    reach = persons[0].reach if len(persons) == 1 else None
    whose = [individual.id for individual in persons]
    for_all = replace(wanted, individual_ids=whose, agreement_ids=reach)
    found, stop = await _page(desk, for_all)
    await _note(desk, "consent.viewed", {one.id: one for one in persons}, found)
    return Listed(await _with_states(desk, found), stop)


async def page(desk: Desk, kind: str, wanted: Filter) -> Listed:
    """Return the records a filter lets through, and log the look once for each individual."""
    found, stop = await _page(desk, wanted)
    whose = await individuals.get_many(desk, (record.choice.individual_id for record in found))
    await _note(desk, kind, whose, found)
    return Listed(await _with_states(desk, found), stop)


async def _page(desk: Desk, wanted: Filter) -> tuple[list[Record], Stop | None]:
    found = await store.page(desk.session, replace(wanted, limit=wanted.limit + 1))
    kept = found[: wanted.limit]
    return kept, Stop(kept[-1].created_at, kept[-1].id) if len(found) > len(kept) else None


async def view(desk: Desk, kind: str, tenant: str | None, record_id: str) -> Kept:
    """Return one record of a member, or of any (None), and log the look; or RecordNotFound."""
    found = await store.find(desk.session, record_id)
    if found is None or tenant not in {None, found.tenant}:
        raise RecordNotFound("no consent record with this id")
    named = found.choice.individual_id
    individual = (await individuals.get_many(desk, [named]))[named]
    await desk.ledger.note(told(kind, desk, individual, found.thing))
    return await load(desk, individual, found)


async def _note(
    desk: Desk, kind: str, whose: Mapping[str, Individual], found: Sequence[Record]
) -> None:
    seen: dict[str, list[str]] = {}
    for record in found:
        seen.setdefault(record.choice.individual_id, []).append(record.id)
    await asyncio.gather(
        *(
            announcements.note(desk, told(kind, desk, one, one.thing, records=seen.get(one.id, [])))
            for one in whose.values()
        )
    )
