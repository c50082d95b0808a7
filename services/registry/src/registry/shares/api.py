"""Routes for shares: making them, and opening what was shared."""

import json
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import segno
from fastapi import APIRouter, Depends, Header, Path, Request, Response
from fastapi.responses import StreamingResponse

from kit.access import Caller, requires
from kit.decisions import DecisionMissing
from kit.paging import Paged
from kit.web import Deciding, Evidence, Neighbours, Reading, Text, Transaction, may_answer
from registry.databases.models import ConsentRule, RegistryNotFound
from registry.decisions.models import ConsentRequired
from registry.files.api import answered
from registry.files.models import FileNotFound
from registry.files.schemas import CONTENT
from registry.openings import service as openings
from registry.records.models import LegalBasisMissing, RecordNotFound
from registry.records.schemas import NoRecord
from registry.records.service import Call
from registry.rights.models import FieldHidden, LoginNeeded, NotAllowed
from registry.settings import Settings
from registry.shares import service
from registry.shares.models import (
    Channel,
    MailUnavailable,
    Rules,
    Share,
    ShareEnded,
    ShareInvalid,
    ShareNotFound,
    ShareRefused,
    refusal,
)
from registry.shares.schemas import (
    ChangedShare,
    MadeShare,
    NewShare,
    SharedRecord,
    ShareInfo,
    Shares,
)
from registry.shares.service import Asked, Desk

router = APIRouter(prefix="/shares", tags=["shares"])

Sharing = Annotated[Caller, requires("shares:write")]
Reader = Annotated[Caller, requires("shares:open", "records:read")]
LegalBasis = Annotated[
    Text | None,
    Header(
        alias="X-Legal-Basis",
        max_length=200,
        description="Law or decision this is done under; it holds for what the link shows, too",
    ),
]
ShareId = Annotated[UUID, Path(alias="share", description="Id of the share")]
Token = Annotated[str, Path(alias="share", max_length=100, description="What the link carries")]

_CLOSED = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}
_SVG: dict[str, Any] = {"image/svg+xml": {"schema": {"type": "string"}}}
_opening = may_answer(ShareNotFound, ShareEnded, ShareRefused, ConsentRequired, DecisionMissing)


async def _desk(
    reading: Reading,
    session: Transaction,
    ledger: Evidence,
    neighbours: Neighbours,
    decisions: Deciding,
) -> Desk:
    return Desk(reading, session, ledger, neighbours, decisions)


At = Annotated[Desk, Depends(_desk, scope="function")]


@router.post(
    "",
    status_code=201,
    response_model_exclude_none=True,
    responses={
        **may_answer(ShareInvalid, FieldHidden, NotAllowed, LoginNeeded, LegalBasisMissing),
        **may_answer(MailUnavailable),
        404: {
            "model": NoRecord,
            "description": f"{RecordNotFound.title} or {RegistryNotFound.title}",
            "content": {
                "application/problem+json": {
                    "schema": {"$ref": "#/components/schemas/ProblemDocument"}
                }
            },
        },
    },
)
async def create_share(
    request: Request, desk: At, caller: Sharing, new: NewShare, basis: LegalBasis = None
) -> MadeShare:
    """Share fields of a record by a link, which is told once, or sent and not told."""
    call = Call(caller, new.registry, new.version, basis)
    made = await service.create(desk, _asked(call, new), _base(request))
    sent = made.share.channel is Channel.EMAIL
    qr = _svg(made.url) if new.qr and not sent else None
    url, token = (None, None) if sent else (made.url, made.token)
    return MadeShare(**_said(made.share), url=url, token=token, qr=qr)


@router.get("")
async def shares(session: Reading, caller: Sharing, page: Paged) -> Shares:
    """Return the caller's shares, newest first; an application of the owner sees all of them."""
    found = await service.page(session, caller, (page.offset, page.limit))
    return Shares(shares=[ShareInfo(**_said(each)) for each in found])


@router.patch("/{share}", responses=may_answer(ShareNotFound))
async def change_share(
    desk: At, caller: Sharing, share: ShareId, change: ChangedShare
) -> ShareInfo:
    """Change until when and how often a link opens, or switch it off or on."""
    names = {"isActive": "is_active", "expiresAt": "expires_at", "maxUses": "max_uses"}
    given = change.model_dump(exclude_unset=True)
    asked = {names[name]: value for name, value in given.items()}
    return ShareInfo(**_said(await service.change(desk, caller, share, asked)))


@router.delete("/{share}", status_code=204)
async def end_share(desk: At, caller: Sharing, share: ShareId) -> None:
    """Switch a share off; one that is off stays off."""
    await service.end(desk, caller, share)


@router.get("/{share}", response_model=SharedRecord, responses=_opening)
async def open_share(desk: At, caller: Reader, share: Token) -> Response:
    """Return what a link shows; opening it is written down."""
    seen = await openings.view(desk, caller, share, downloads=False)
    return _shown(seen.share, seen.content, {})


@router.get("/{share}/download", response_model=SharedRecord, responses=_opening)
async def download_share(desk: At, caller: Reader, share: Token) -> Response:
    """Return what a link shows, to be saved; not where it may only be looked at."""
    seen = await openings.view(desk, caller, share, downloads=True)
    saved = {"Content-Disposition": 'attachment; filename="shared.json"'}
    return _shown(seen.share, seen.content, saved)


@router.get(
    "/{share}/files/{fileId}",
    response_class=StreamingResponse,
    responses={200: {"content": CONTENT}, **_opening, **may_answer(ShareNotFound, FileNotFound)},
)
async def shared_file(
    desk: At,
    caller: Reader,
    share: Token,
    file_id: Annotated[UUID, Path(alias="fileId", description="Id of the file")],
) -> Response:
    """Return a file that a link shows, to be saved."""
    response = answered(await openings.file(desk, caller, share, file_id), None)
    response.headers.update(_CLOSED)
    return response


@router.get(
    "/{share}/qr",
    response_class=Response,
    responses={200: {"content": _SVG}, **may_answer(ShareNotFound, ShareEnded)},
)
async def share_qr(request: Request, desk: At, _caller: Reader, share: Token) -> Response:
    """Return a link as a QR code (SVG), for whoever has the link: only they could make it."""
    await openings.check(desk, share)
    svg = _svg(f"{_base(request)}/shares/{share}")
    return Response(svg.encode(), media_type="image/svg+xml", headers=_CLOSED)


def _base(request: Request) -> str:
    """Return the address at which people reach the registry."""
    settings: Settings = request.app.state.settings
    return (settings.public_url or f"{settings.gateway_url}/registry").rstrip("/")


def _svg(url: str) -> str:
    return segno.make(url, error="m", micro=False).svg_inline(scale=4, border=4, omitsize=False)


def _asked(call: Call, new: NewShare) -> Asked:
    if (new.channel is Channel.EMAIL) != (new.recipient is not None):
        raise refusal(("recipient",), "goes with the channel email, and with no other")
    rule = None if isinstance(new.requiresConsent, bool) else new.requiresConsent
    consent = (
        None
        if rule is None
        else ConsentRule(rule.dataAgreementId, rule.externalIdType, rule.personalDataIdField)
    )
    return Asked(
        call,
        new.recordId,
        tuple(dict.fromkeys(new.fields)),
        new.channel,
        Rules(consent, tuple(new.roles), new.viewOnly),
        new.requiresConsent is True,
        new.recipient.email if new.recipient else None,
        new.expiresAt,
        new.maxUses,
    )


def _stamp(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat().replace("+00:00", "Z")


def _said(share: Share) -> dict[str, Any]:
    return {
        "id": share.id,
        "recordId": share.record,
        "databaseId": share.database,
        "version": share.version,
        "fields": list(share.fields),
        "channel": share.channel,
        "isActive": share.ended_at is None,
        "createdAt": _stamp(share.created_at),
        "expiresAt": _stamp(share.expires_at),
        "maxUses": share.max_uses,
        "uses": share.uses,
        "roles": list(share.rules.roles),
        "requiresConsent": share.rules.consent is not None,
        "viewOnly": share.rules.view_only,
    }


def _shown(share: Share, content: Any, more: dict[str, str]) -> Response:
    said = {"content": content, "viewOnly": share.rules.view_only}
    if share.expires_at is not None:
        said["expiresAt"] = _stamp(share.expires_at)
    text = json.dumps(said, ensure_ascii=False).encode()
    return Response(text, media_type="application/json", headers={**_CLOSED, **more})
