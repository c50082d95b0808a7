"""Routes for receipts: as JSON-LD, as a credential, or as a page."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request, Response

from consent.consents.models import RecordNotFound
from consent.door import BothSpellings, HeaderId, Office
from consent.printouts.models import HEADERS, page
from consent.receipts import schemas, service
from consent.settings import Settings
from kit.access import Caller, requires
from kit.evidence import Signer
from kit.web import Reading, may_answer

router: APIRouter = BothSpellings(tags=["receipts"])

Reader = Annotated[Caller, requires("consents:read")]
Verifier = Annotated[Caller, requires("consents:read", "verification:read")]
_JSON, _CREDENTIAL, _PAGE = "application/ld+json", "application/vc+jwt", "text/html"
_OFFERED = {
    _JSON: _JSON,
    "application/json": _JSON,
    _CREDENTIAL: _CREDENTIAL,
    _PAGE: _PAGE,
    "*/*": _JSON,
    "application/*": _JSON,
    "text/*": _PAGE,
}
_PRIVATE = {"Vary": "Accept", "Cache-Control": "no-store"}
_TEXT = {"schema": {"type": "string"}}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The receipt, as the header Accept asks for it",
        "content": {
            _JSON: {"schema": {"type": "object", "additionalProperties": True}},
            _CREDENTIAL: _TEXT,
            _PAGE: _TEXT,
        },
    }
}


async def _signer(request: Request) -> Signer:
    return request.app.state.evidence_signer


async def _base(request: Request) -> str:
    settings: Settings = request.app.state.settings
    return (settings.public_url or f"{settings.gateway_url}/consent").rstrip("/")


Signing = Annotated[Signer, Depends(_signer)]
Base = Annotated[str, Depends(_base)]


def preferred(accept: str | None) -> str:
    """Return what is offered and preferred (RFC 9110, 12.5.1); JSON-LD when nothing fits."""
    best, chosen = 0.0, _JSON
    for each in (accept or "").split(","):
        kind, *more = (part.strip().lower() for part in each.split(";"))
        weights = [part[2:] for part in more if part.startswith("q=")]
        weight = _weight(weights[0]) if weights else 1.0
        if kind in _OFFERED and weight > best:
            best, chosen = weight, _OFFERED[kind]
    return chosen


def _weight(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


@router.get(
    "/service/individual/record/consent-record/{consentRecordId}/receipt/",
    operation_id="serviceIndividualConsentRecordReceiptRead",
    response_class=Response,
    responses={**may_answer(RecordNotFound), **_ANSWERS},
)
async def service_individual_consent_record_receipt_read(  # noqa: PLR0913, PLR0917  what it takes
    session: Reading,
    office: Office,
    signer: Signing,
    base: Base,
    caller: Reader,
    consentRecordId: str,  # noqa: N803  GovStack's spelling
    header: HeaderId = None,
    accept: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> Response:
    """Give an individual a copy to keep: JSON-LD, a verifiable credential, or a page (CON-4.i)."""
    made = await service.issue(office.desk(session, caller), consentRecordId, header, base)
    kind = preferred(accept)
    if kind == _CREDENTIAL:
        return Response(service.enveloped(signer, made), media_type=kind, headers=_PRIVATE)
    if kind == _PAGE:
        return Response(page(made), media_type=kind, headers=_PRIVATE | HEADERS)
    said = json.dumps(service.signed(signer, made), ensure_ascii=False)
    return Response(said.encode(), media_type=kind, headers=_PRIVATE)


@router.post("/service/receipt/verify/", operation_id="serviceReceiptVerify")
async def service_receipt_verify(
    session: Reading, office: Office, signer: Signing, caller: Verifier, body: schemas.Presented
) -> schemas.Verdict:
    """Check a receipt that somebody shows, and what has become of the consent since."""
    desk = office.desk(session, caller)
    return schemas.Verdict.of(await service.verify(desk, signer, body.receipt, body.credential))
