"""The route for those who hold data, and for those who are about to fetch it."""

from typing import Annotated

from fastapi import Header

from consent.decisions import schemas, service
from consent.decisions.models import KeyReused, MomentInvalid, OnlyEarlier
from consent.door import BothSpellings, Office
from kit.access import Caller, requires
from kit.web import Reading, Text, may_answer

router = BothSpellings(tags=["decisions"])

Asker = Annotated[
    Caller, requires("verification:read", "decisions:host", "audit:read", "audit:all")
]
Key = Annotated[
    Text | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        description="The same question under the same key gets the same answer for 24 hours, and "
        "counts one fetch (draft-ietf-httpapi-idempotency-key-header)",
    ),
]


@router.post(
    "/service/verification/decision/",
    operation_id="serviceVerificationDecision",
    responses=may_answer(KeyReused, MomentInvalid, OnlyEarlier),
)
async def service_verification_decision(
    session: Reading,
    office: Office,
    caller: Asker,
    body: schemas.Question,
    key: Key = None,
) -> schemas.Decision:
    """Decide whether a client may have a person's data.

    ``decisions:host`` asks under any agreement; ``verification:read`` under those that the
    asker's member owns or is a data source of, others are unknown to it. Auditors ask about
    earlier moments only.
    """
    desk = office.desk(session, caller)
    decided = await service.decision(desk, office.lender, body.question(), key)
    return schemas.Decision.of(decided, explain=body.explain)
