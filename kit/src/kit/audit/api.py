"""Routes of the ledger: what each caller may see of it, and what anybody may check."""

import asyncio
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from kit.access import Caller, public, requires
from kit.audit import schemas, service
from kit.audit.models import (
    COSIGN,
    ERASE,
    OWN,
    READ,
    VERIFY,
    CheckpointNotFound,
    CheckpointRefused,
    Claim,
    EntryNotFound,
    ErasureNotYours,
    LedgerForked,
    NotProvenYet,
    ViewNotYours,
    Wanted,
)
from kit.audit.publication import PublishedKeys
from kit.evidence.verification import Extent
from kit.web import Moment, Reading, Text, may_answer

ledger_router = APIRouter(tags=["evidence"])
"""Routes of the ledger itself."""

_keys_router = APIRouter(tags=["evidence"])

Reader = Annotated[Caller, requires(READ, OWN)]
Auditor = Annotated[Caller, requires(VERIFY)]
Eraser = Annotated[Caller, requires(ERASE)]
Signatory = Annotated[Caller, requires(COSIGN)]
Anyone = Annotated[Caller, public()]
PageNumber = Annotated[int, Query(ge=1, le=1_000_000, description="From 1")]
PageSize = Annotated[int, Query(alias="pageSize", ge=1, le=1000, description="Of one page")]
Under = Annotated[schemas.Size | None, Query(description="Under the checkpoint of this size")]


async def _desk(request: Request) -> service.Desk:
    state = request.app.state
    if not hasattr(state, "published_keys"):
        state.published_keys, state.verifying = PublishedKeys(state.mediator), asyncio.Lock()
    return service.Desk(
        state.block,
        state.database,
        state.ledger,
        state.keyring,
        state.evidence_signer,
        state.published_keys,
        state.verifying,
    )


Desk = Annotated[service.Desk, Depends(_desk)]


@ledger_router.get("/evidence/entries", responses=may_answer(ViewNotYours))
async def evidence_entries(  # noqa: PLR0913, PLR0917  the filters
    session: Reading,
    desk: Desk,
    caller: Reader,
    since: Annotated[Moment | None, Query(description="Then or later")] = None,
    until: Annotated[Moment | None, Query(description="Before")] = None,
    kind: Annotated[list[Text], Query(description="Of one of these kinds", max_length=50)] = [],  # noqa: B006  FastAPI copies it
    actor: Annotated[Text | None, Query(description="By this application")] = None,
    about: Annotated[
        Text | None, Query(alias="object", description="About what begins like this")
    ] = None,
    page: PageNumber = 1,
    page_size: PageSize = 100,
) -> schemas.EvidenceEntries:
    """List entries, newest first: about the person signed in, or of the application's member.

    A person is never named in an address: `POST /evidence/entries/search` takes one.
    """
    wanted = Wanted(kind, actor, about, None, since, until, page_size, (page - 1) * page_size)
    found = await service.page(session, desk, caller, wanted)
    return schemas.EvidenceEntries(entries=[schemas.EvidenceEntry.of(one) for one in found])


@ledger_router.post("/evidence/entries/search", responses=may_answer(ViewNotYours))
async def search_evidence(
    session: Reading, desk: Desk, caller: Reader, asked: schemas.EvidenceSearch
) -> schemas.EvidenceEntries:
    """List entries as `GET /evidence/entries` does, also of one person, who is in the body."""
    wanted = Wanted(
        asked.kind,
        asked.actor,
        asked.object,
        asked.subject,
        asked.since,
        asked.until,
        asked.pageSize,
        (asked.page - 1) * asked.pageSize,
    )
    found = await service.page(session, desk, caller, wanted)
    return schemas.EvidenceEntries(entries=[schemas.EvidenceEntry.of(one) for one in found])


@ledger_router.get(
    "/evidence/entries/{id}", responses=may_answer(ViewNotYours, EntryNotFound, CheckpointNotFound)
)
async def evidence_entry(
    session: Reading,
    desk: Desk,
    caller: Reader,
    id: UUID,  # noqa: A002  the wire's spelling
    size: Under = None,
) -> schemas.ProvenEntry:
    """Read an entry, with the proof that it is in the ledger."""
    found = await service.read(session, desk, caller, id, size)
    return schemas.ProvenEntry.proven(found)


@ledger_router.get(
    "/evidence/packages/{id}",
    responses=may_answer(ViewNotYours, EntryNotFound, CheckpointNotFound, NotProvenYet),
    response_model_exclude_unset=True,
)
async def evidence_package(  # noqa: PLR0913, PLR0917  FastAPI reads them from the signature
    session: Reading,
    desk: Desk,
    caller: Reader,
    id: UUID,  # noqa: A002  as above
    size: Under = None,
    part: Annotated[
        int | None,
        Query(ge=0, lt=1 << 31, description="Of a bulk operation: the place of one of its parts"),
    ] = None,
) -> schemas.EvidencePackage:
    """Export an entry with all that proves it, to be checked without us."""
    found = await service.package(session, desk, caller, id, size, part)
    return schemas.EvidencePackage.model_validate(found.as_json())


@ledger_router.post("/evidence/erasures", status_code=204, responses=may_answer(ErasureNotYours))
async def erase_person(
    session: Reading, desk: Desk, caller: Eraser, asked: schemas.Erasure
) -> None:
    """Make a person's sealed details unreadable for good; every proof stays valid."""
    await service.erase(session, desk, caller, asked.subject)


@ledger_router.get("/evidence/checkpoints")
async def evidence_checkpoints(
    session: Reading, _caller: Anyone, page: PageNumber = 1, page_size: PageSize = 100
) -> schemas.Checkpoints:
    """List checkpoints, newest first."""
    found = await service.checkpoints(session, page_size, (page - 1) * page_size)
    return schemas.Checkpoints(checkpoints=[schemas.Checkpoint.of(one) for one in found])


@ledger_router.get("/evidence/checkpoints/latest", responses=may_answer(CheckpointNotFound))
async def latest_checkpoint(session: Reading, _caller: Anyone) -> schemas.Checkpoint:
    """Read the newest checkpoint."""
    return schemas.Checkpoint.of(await service.latest(session))


@ledger_router.get("/evidence/consistency", responses=may_answer(CheckpointNotFound))
async def evidence_consistency(
    session: Reading,
    _caller: Anyone,
    first: Annotated[schemas.Size, Query(description="Size of a checkpoint")],
    second: Annotated[schemas.Size, Query(description="Size of a later one")],
) -> schemas.ConsistencyProof:
    """Prove that one checkpoint extends another."""
    return schemas.ConsistencyProof.of(await service.consistency(session, first, second))


@ledger_router.get("/evidence/verify")
async def verify_evidence(
    session: Reading,
    desk: Desk,
    _caller: Auditor,
    start: Annotated[
        int, Query(alias="from", ge=0, lt=1 << 53, description="From this place on")
    ] = 0,
    end: Annotated[
        int | None, Query(alias="to", ge=0, lt=1 << 53, description="Before this place")
    ] = None,
) -> schemas.LedgerFinding:
    """Walk through entries, tree and checkpoints; name the first that does not hold."""
    return schemas.LedgerFinding.of(await service.walk(session, desk, Extent(start, end)))


@ledger_router.post("/evidence/cosignatures", responses=may_answer(CheckpointRefused, LedgerForked))
async def cosign_checkpoint(
    desk: Desk, _caller: Signatory, asked: schemas.CosignatureAsked
) -> schemas.CosignatureGiven:
    """Witness another ledger's checkpoint, which must extend the one witnessed before."""
    path = [bytes.fromhex(step) for step in asked.path]
    claim = Claim(asked.ledger, asked.checkpoint, asked.first, path)
    return schemas.CosignatureGiven.of(await service.cosign(desk, claim))


@_keys_router.get("/.well-known/jwks.json")
async def jwks(request: Request, response: Response, _caller: Anyone) -> schemas.PublicKeys:
    """Return the keys that verify checkpoints, promises and co-signing (RFC 7517)."""
    response.headers["Cache-Control"] = "public, max-age=300"
    return schemas.PublicKeys(keys=request.app.state.evidence_signer.public)


router = APIRouter()
"""All of it, for a block that publishes no other keys."""
router.include_router(ledger_router)
router.include_router(_keys_router)
