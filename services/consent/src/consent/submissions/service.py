"""What can be asked on the way to a signed record: draft, submit, sign what is there."""

from datetime import UTC, datetime

from consent.consents import service as consents
from consent.consents.models import DraftOutdated, Kept, choose, draft_time
from consent.consents.service import Step, key_of, told
from consent.desk import Desk
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
from consent.submissions.models import Draft, Submission, Wish


async def draft(desk: Desk, individual: Individual, wish: Wish) -> Draft:
    """Return what an individual can sign; nothing is kept of it (CON-9.2.a).

    Raises AgreementNotFound, AgreementInactive, RevisionOutdated or ExpiryInvalid.
    """
    agreement, revision = await consents.open_agreement(
        desk, individual, wish.agreement_id, wish.revision_id, lock=""
    )
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


async def submit(desk: Desk, individual: Individual, sent: Submission) -> Kept:
    """Keep a signed record: record, revision and signature, or nothing (CON-9.2.c).

    What was submitted before is answered as it stands, with its old time (CON-9.2.d). The row of
    ``individual`` is locked by the caller, so that two submits follow one another.
    """
    serialized = snapshot_of(sent.signature["payload"])
    if sent.individual_id not in {None, individual.id}:
        raise PayloadMismatch("the payload is not this individual's record")
    known = await revisions.find_by_digest(desk.session, sha256(serialized))
    if known is not None:
        return await _again(desk, individual, sent, known)
    agreement, revision = await consents.open_agreement(
        desk, individual, sent.agreement_id, None, lock="FOR SHARE"
    )
    sent.check_revision(revision)
    now = datetime.now(UTC)
    at = draft_time(parse(serialized), now, desk.draft_lifetime)
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
    signed = complete(prepare(text, at, None), sent.signature, desk.trust)
    record = await consents.find_under(desk, individual, revision)
    if record is not None and record.stands(choice, now):
        return await consents.load(desk, individual, record)
    if record is None:
        last = await revisions.newest_at(desk.session, individual.id, agreement.id)
        if last is not None and at <= last:
            raise DraftOutdated("something was decided since; ask for a new draft")
    return await consents.write(desk, individual, record, Step(choice, revision, at, signed))


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
