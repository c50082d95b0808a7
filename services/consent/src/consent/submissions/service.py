"""What can be asked on the way to a signed record: draft, submit, sign what is there."""

from dataclasses import replace
from datetime import UTC, datetime

from consent.agreements import service as agreements
from consent.agreements.models import Agreement
from consent.consents import service as consents
from consent.consents.models import DraftOutdated, Kept, choose, draft_time
from consent.consents.service import Step, key_of, told
from consent.desk import ALONE, Desk
from consent.individuals import service as individuals
from consent.individuals.models import Individual
from consent.revisions import service as revisions
from consent.revisions.models import Revision, sha256
from consent.signatures import service as signatures
from consent.signatures.models import (
    Content,
    PayloadMismatch,
    Signature,
    SignatureNotBegun,
    complete,
    parse,
    prepare,
    snapshot_of,
)
from consent.submissions import store
from consent.submissions.models import Draft, Found, Submission, Wish
from kit.database import Transaction


async def draft(desk: Desk, individual_id: str, wish: Wish) -> Draft:
    """Return what an individual can sign; nothing is kept of it (CON-9.2.a).

    Raises as ``individuals.acting``, AgreementNotFound, AgreementInactive, RevisionOutdated,
    ExpiryInvalid or AttributesInvalid.
    """
    found = await store.find(desk.session, individual_id, wish.agreement_id)
    individual = _acting_alone(desk, found)
    if individual is None:
        individual = await individuals.acting(desk, individual_id, by_agreement=True)
    agreement, revision = _open(individual, found, wish.agreement_id, wish.revision_id)
    at = datetime.now(UTC)
    choice = choose(
        agreement,
        revision,
        individual.id,
        opt_in=wish.opt_in,
        at=at,
        expires_at=wish.expires_at,
        attributes=wish.attributes,
    )
    await desk.ledger.note(told("consent.drafted", desk, individual, agreement.thing))
    who = consents.authorized_by(desk, individual, agreement.id)
    text = choice.snapshot(at, None, who).text
    return Draft(choice, revision, prepare(text, at, None))


def _acting_alone(desk: Desk, found: Found) -> Individual | None:
    kept = found.individual
    named = None if kept is None else individuals.opened(desk.keyring, kept)
    return individuals.acting_alone(desk, named)


def _open(
    individual: Individual, found: Found, agreement_id: str, revision_id: str | None
) -> tuple[Agreement, Revision]:
    """Return what ``consents.open_agreement`` does, of what was found."""
    individual.hand(agreement_id)
    agreement, revision = agreements.of_member(found.agreement, individual.tenant)
    consents.check_open(agreement, revision, revision_id)
    return agreement, revision


async def submit(looking: Desk, session: Transaction, individual_id: str, sent: Submission) -> Kept:
    """Keep a signed record: record, revision and signature, or nothing (CON-9.2.c).

    What was submitted before is answered as it stands, with its old time (CON-9.2.d). ``looking``
    reads outside the transaction ``session``. Most records are the first of their individual under
    an agreement: these are written in one statement. Where more is to be done, or that statement
    kept nothing, it is done step by step.
    """
    serialized = snapshot_of(sent.signature["payload"])
    kept = await _first(looking, session, individual_id, sent, serialized)
    if kept is not None:
        return kept
    desk = replace(looking, session=session)
    individual = await individuals.acting(desk, individual_id, lock=ALONE, by_agreement=True)
    return await _step_by_step(desk, individual, sent, serialized)


async def _first(
    desk: Desk, session: Transaction, individual_id: str, sent: Submission, serialized: str
) -> Kept | None:
    """Keep a consent in one statement; None when it must be done step by step.

    That statement sees to it that nothing is written when something has changed since it was read.
    """
    if not sent.opt_in:
        return None
    digest = sha256(serialized)
    found = await store.find_for(
        desk.session, individual_id, sent.agreement_id, digest, "consent.given"
    )
    individual = _acting_alone(desk, found)
    if individual is None or found.individual is None or not found.first:
        return None
    agreement, revision = _open(individual, found, sent.agreement_id, None)
    sent.check_individual(individual.id)
    step = _step(desk, individual, (agreement, revision), sent, serialized)
    held = store.held(found.individual, agreement)
    return await consents.write_first(desk, session, individual, step, held)


async def _step_by_step(
    desk: Desk, individual: Individual, sent: Submission, serialized: str
) -> Kept:
    """Keep a signed record; ``individual`` is locked, so that two submits follow one another."""
    sent.check_individual(individual.id)
    known = await revisions.find_by_digest(desk.session, sha256(serialized))
    if known is not None:
        return await _again(desk, individual, sent, known)
    agreement, revision = await consents.open_agreement(
        desk, individual, sent.agreement_id, None, lock="FOR SHARE"
    )
    step = _step(desk, individual, (agreement, revision), sent, serialized)
    record = await consents.find_under(desk, individual, revision)
    if record is not None and record.stands(step.choice, datetime.now(UTC)):
        return await consents.load(desk, individual, record)
    if record is None:
        last = await revisions.newest_at(desk.session, individual.id, agreement.id)
        if last is not None and step.at <= last:
            raise DraftOutdated("something was decided since; ask for a new draft")
    return await consents.write(desk, individual, record, step)


def _step(
    desk: Desk, individual: Individual, under: agreements.Kept, sent: Submission, serialized: str
) -> Step:
    """Return the state to be kept, when it is what was signed.

    Raises RevisionOutdated, DraftOutdated, ExpiryInvalid, AttributesInvalid, or what ``complete``
    finds wrong.
    """
    agreement, revision = under
    sent.check_revision(revision)
    at = draft_time(parse(serialized), datetime.now(UTC), desk.draft_lifetime)
    choice = choose(
        agreement,
        revision,
        individual.id,
        opt_in=sent.opt_in,
        at=at,
        expires_at=sent.expires_at,
        attributes=sent.attributes,
    )
    who = consents.authorized_by(desk, individual, agreement.id)
    text = choice.snapshot(at, None, who).text
    return Step(choice, revision, at, complete(prepare(text, at, None), sent.signature, desk.trust))


async def _again(desk: Desk, individual: Individual, sent: Submission, known: Revision) -> Kept:
    """Answer a repeated submit, or raise DraftOutdated when its signature is spent."""
    record = await consents.find(desk, individual, known.object_id)
    if record is None or record.revision_id != known.id:
        raise DraftOutdated("this signature was used; ask for a new draft")
    if not sent.says(record.choice):
        raise PayloadMismatch("the record beside the payload is another one")
    return await consents.load(desk, individual, record)


async def begin(desk: Desk, individual: Individual, record_id: str) -> Signature:
    """Return a record's next signature with a payload ready for signing.

    The first signs the record's newest state, a further one the signature before it. Raises
    RecordNotFound, RecordSuperseded, RevisionOutdated, AgreementInactive or SignaturesEnough.
    """
    record = await consents.get(desk, individual, record_id)
    await consents.check_signable(desk, individual, record)
    revision = await revisions.get(desk.session, record.revision_id)
    return await signatures.begin(desk.session, key_of(desk, individual), record.id, revision)


async def finish(desk: Desk, individual: Individual, record_id: str, sent: Content) -> Signature:
    """Sign what was begun of a record; the same again is answered as it stands.

    Raises as ``begin``, SignatureNotBegun, or what ``complete`` finds wrong.
    """
    record, key = await consents.get(desk, individual, record_id), key_of(desk, individual)
    kept = await signatures.find_all(desk.session, key, record.revision_id)
    for each in kept:
        if each.says(sent):
            return each
    await consents.check_signable(desk, individual, record)
    if not kept or kept[-1].complete:
        raise SignatureNotBegun("ask for the signature first: POST to the same path")
    content = complete(kept[-1].content, sent, desk.trust)
    signed = await signatures.finish(desk.session, key, kept[-1], content)
    await consents.mark_signed(desk, individual, record)
    return signed
