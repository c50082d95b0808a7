"""What can be asked of a ledger: its entries, their proofs, its keeping, and a witness' word."""

import asyncio
import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from kit.access import Caller
from kit.audit import store
from kit.audit.models import (
    ERASE,
    CheckpointNotFound,
    CheckpointRefused,
    Claim,
    EntryNotFound,
    ErasureNotYours,
    Head,
    Kept,
    LedgerForked,
    NotProvenYet,
    Signed,
    View,
    Wanted,
    Witnessed,
    read_head,
)
from kit.audit.publication import PublishedKeys
from kit.database import Lender, Reading, Session, Transaction
from kit.evidence import Entry, Keys, Ledger, NotSigned, Signer, leaf_hash
from kit.evidence.merkle import ProofFailed, root_of, verify_consistency
from kit.evidence.models import moment
from kit.evidence.packages import Detail, Package, Proof, ProvenPart
from kit.evidence.parts import path_of, place_of
from kit.evidence.proofs import (
    Consistency,
    Inclusion,
    NotProvable,
    prove_consistency,
    prove_inclusion,
)
from kit.evidence.signing import CHECKPOINT, COSIGNATURE
from kit.evidence.verification import Extent, Finding, verify
from kit.sealing import DataKey, Keyring, SealBrokenError


@dataclass(frozen=True, slots=True)
class Desk:
    """What answering about a ledger needs."""

    block: str
    lender: Lender
    ledger: Ledger
    keyring: Keyring
    signer: Signer
    published: PublishedKeys
    verifying: asyncio.Lock


@dataclass(frozen=True, slots=True)
class Proven:
    """An entry as one caller may see it, with its proof when it has a place."""

    entry: Kept
    detail: Mapping[str, Any] | None
    inclusion: Inclusion | None


@dataclass(frozen=True, slots=True)
class Word:
    """A witness' answer: what it signed, if it did, and how far it has witnessed the ledger."""

    cosigned: str | None
    witnessed: int


# -- entries -------------------------------------------------------------------------------------


async def page(session: Session, desk: Desk, caller: Caller, wanted: Wanted) -> list[Kept]:
    """Return entries, newest first; that entries about persons were looked at is written down.

    Raises ViewNotYours.
    """
    view = View.of(caller)
    found = await store.page(session, desk.keyring, view, wanted)
    about = [entry for entry in found if entry.subject is not None]
    if about:
        root = root_of(leaf_hash(entry.canonical) for entry in about).hex()
        facts = {"requestId": caller.request_id, "count": len(about), "root": root}
        person = view.person or wanted.subject
        entry = Entry("evidence.read", caller.client, "", person, facts, tenant=caller.tenant)
        await desk.ledger.note(entry)
    return found


async def read(
    session: Session, desk: Desk, caller: Caller, entry: UUID, size: int | None
) -> Proven:
    """Return an entry with its proof under the newest checkpoint or the one over ``size``.

    Raises ViewNotYours, EntryNotFound or CheckpointNotFound.
    """
    view, kept = await _find(session, desk, caller, entry)
    inclusion = None
    if size is not None and await store.checkpoint(session, size) is None:
        raise CheckpointNotFound
    with contextlib.suppress(NotProvable):
        inclusion = await prove_inclusion(session, entry, size)
    opened = _detail(desk, view, kept)
    detail = None
    if opened is not None:
        with contextlib.suppress(SealBrokenError):
            key = DataKey(b"", opened.key)
            detail = json.loads(key.open(opened.sealed, entry.bytes))
    return Proven(kept, detail, inclusion)


async def package(  # noqa: PLR0913, PLR0917  what a package is of
    session: Session,
    desk: Desk,
    caller: Caller,
    entry: UUID,
    size: int | None,
    part: int | None = None,
) -> Package:
    """Return an entry with all that proves it, under the checkpoint that most others signed.

    With the place of a part, the package is of that part. Raises ViewNotYours, EntryNotFound,
    CheckpointNotFound or NotProvenYet.
    """
    view, kept = await _find(session, desk, caller, entry)
    proven = None if part is None else await _proven_part(session, desk, view, (kept, part))
    if kept.index is None:
        raise NotProvenYet
    chosen = size or await store.best_size(session, kept.index)
    if chosen is not None and await store.checkpoint(session, chosen) is None:
        raise CheckpointNotFound
    try:
        found = await prove_inclusion(session, entry, chosen)
    except NotProvable as error:
        raise NotProvenYet(str(error)) from error
    signed = await _signed(session, found.checkpoint.size)
    cosigned = await _proven_words(desk, signed)
    return Package(
        entry=found.canonical,
        proof=Proof(found.index, found.checkpoint.size, tuple(found.path)),
        checkpoint=found.checkpoint.signed,
        keys=(*desk.signer.public, *cosigned.values()),
        detail=_detail(desk, view, kept),
        cosignatures=tuple(cosigned),
        timestamp=signed.timestamp,
        part=proven,
    )


async def _proven_part(
    session: Session, desk: Desk, view: View, wanted: tuple[Kept, int]
) -> ProvenPart:
    """Return a part with its path under its entry's root; a person is shown only their own."""
    kept, place = wanted
    part = await store.find_part(session, desk.keyring, view, kept.id, place)
    if part is None:
        raise EntryNotFound("the entry has no such part")
    proof = Proof(place, len(part.leaves), tuple(path_of(place, part.leaves)))
    sealed, bound = (part.sealed, part.wrapped), place_of(kept.id, place)
    return ProvenPart(part.canonical, proof, _opening(desk, view, kept.tenant, sealed, bound))


async def erase(session: Session, desk: Desk, caller: Caller, subject: str) -> None:
    """Destroy a person's key in this block; written down first, and only when there is one.

    Raises ErasureNotYours for a right to everything that does not name this: the key seals what
    all members keep about the person.
    """
    if ERASE not in caller.scopes and not caller.is_administrator:
        raise ErasureNotYours(f"the right must name {ERASE}")
    if await store.has_key(session, desk.keyring.reference(subject)):
        facts = {"requestId": caller.request_id}
        entry = Entry("evidence.erased", caller.client, "", subject, facts, tenant=caller.tenant)
        await desk.ledger.note(entry)
        await desk.ledger.erase(subject)


async def _find(session: Session, desk: Desk, caller: Caller, entry: UUID) -> tuple[View, Kept]:
    view = View.of(caller)
    kept = await store.find(session, desk.keyring, view, entry)
    if kept is None:
        raise EntryNotFound
    if kept.subject is not None:
        read_here = Entry(
            "evidence.read",
            caller.client,
            f"entry:{entry}",
            facts={"requestId": caller.request_id},
            tenant=caller.tenant,
            reference=kept.subject,
        )
        await desk.ledger.note(read_here)
    return view, kept


def _detail(desk: Desk, view: View, kept: Kept) -> Detail | None:
    """Return a detail and the key to it alone, None when the caller or nobody may open it."""
    return _opening(desk, view, kept.tenant, (kept.sealed, kept.wrapped), kept.id.bytes)


def _opening(
    desk: Desk, view: View, tenant: str, kept: tuple[bytes | None, bytes | None], place: bytes
) -> Detail | None:
    sealed, wrapped = kept
    if sealed is None or wrapped is None or not view.opens(tenant):
        return None
    try:
        return Detail(sealed, desk.keyring.unwrap(wrapped).derived(place).secret)
    except SealBrokenError:
        return None


# -- the ledger as a whole -----------------------------------------------------------------------


async def checkpoints(session: Session, limit: int, offset: int) -> list[Signed]:
    """Return checkpoints, newest first."""
    return await store.checkpoints(session, limit, offset)


async def anchored(session: Session, limit: int, offset: int) -> list[Signed]:
    """Return the checkpoints that somebody outside has signed too, newest first."""
    return await store.anchored(session, limit, offset)


async def latest(session: Session) -> Signed:
    """Return the newest checkpoint, or raise CheckpointNotFound."""
    found = await store.checkpoints(session, 1, 0)
    if not found:
        raise CheckpointNotFound("nothing has been written here yet")
    return found[0]


async def consistency(session: Session, first: int, second: int) -> Consistency:
    """Prove that one checkpoint extends another; raise CheckpointNotFound."""
    try:
        return await prove_consistency(session, first, second)
    except NotProvable as error:
        raise CheckpointNotFound(str(error)) from error


async def walk(session: Reading, desk: Desk, extent: Extent) -> Finding:
    """Verify the ledger; one walk at a time in a process."""
    async with desk.verifying:
        names = await store.witnesses(session)
        known = {name: await desk.published.known(name) for name in names}
        witnesses = {name: Keys(keys) for name, keys in known.items() if keys}
        return await verify(session, desk.block, Keys(desk.signer.public), extent, witnesses)


async def _signed(session: Session, size: int) -> Signed:
    found = await store.checkpoint(session, size)
    if found is None:
        raise CheckpointNotFound
    return found


async def _proven_words(desk: Desk, signed: Signed) -> dict[str, Mapping[str, Any]]:
    """Return the witnesses' words whose keys can be had, each with its key."""
    found: dict[str, Mapping[str, Any]] = {}
    for witness, word in signed.cosigned.items():
        for key in await desk.published.known(witness):
            with contextlib.suppress(NotSigned):
                Keys([key]).verify(COSIGNATURE, word)
                found[word] = key
    return found


# -- witnessing other ledgers --------------------------------------------------------------------


async def cosign(desk: Desk, claim: Claim) -> Word:
    """Sign another ledger's checkpoint if it extends the one that was witnessed last.

    Nothing is signed when the proof begins at another checkpoint than that: the answer says at
    which. Raises CheckpointRefused, NeighbourUnavailable, or LedgerForked, which is written down.
    """
    if claim.ledger == desk.block:
        raise CheckpointRefused("a ledger is no witness of its own")
    keys, head = await _read(desk, claim)
    try:
        async with Transaction(desk.lender) as session:
            witnessed = await _extend(session, claim, head, keys)
    except LedgerForked as forked:
        facts = {
            "reason": forked.detail,
            "size": head.size,
            "root": head.root.hex(),
            "checkpoint": head.digest,
        }
        await desk.ledger.note(Entry("evidence.forked", desk.block, claim.ledger, facts=facts))
        raise
    if witnessed != head.size:
        return Word(None, witnessed)
    said = {
        "at": moment(datetime.now(UTC)),
        "checkpoint": head.digest,
        "ledger": claim.ledger,
        "size": head.size,
        "witness": desk.block,
    }
    return Word(desk.signer.sign(COSIGNATURE, said), witnessed)


async def _read(desk: Desk, claim: Claim) -> tuple[Keys, Head]:
    """Return the ledger's published keys and what its checkpoint says."""
    for anew in (False, True):
        keys = Keys(await desk.published.of(claim.ledger, anew=anew))
        try:
            return keys, read_head(claim, keys)
        except NotSigned as error:
            refused = str(error)
    raise CheckpointRefused(refused)


async def _extend(session: Session, claim: Claim, head: Head, keys: Keys) -> int:
    """Keep a checkpoint that extends the last one; return the size witnessed, or LedgerForked."""
    last = await store.last_witnessed(session, claim.ledger)
    if last is not None:
        _check_key(last, keys)
        if head.size == last.size and head.root != last.root:
            raise LedgerForked(f"two checkpoints over {head.size} entries have two roots")
        if head.size <= last.size or claim.first != last.size:
            return last.size
        try:
            verify_consistency((last.size, head.size), (last.root, head.root), claim.path)
        except ProofFailed as error:
            said = f"that over {head.size} entries is not shown to extend that over {last.size}"
            raise LedgerForked(f"{said}: {error}") from error
    await store.insert_witnessed(
        session, claim.ledger, Witnessed(head.size, head.root, claim.checkpoint)
    )
    return head.size


def _check_key(last: Witnessed, keys: Keys) -> None:
    """Trust on first use: the keys published now must hold the one that signed the last time."""
    try:
        keys.verify(CHECKPOINT, last.signed)
    except NotSigned as error:
        raise LedgerForked("its published keys no longer verify what was witnessed") from error
