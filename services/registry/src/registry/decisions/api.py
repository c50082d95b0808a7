"""The route by which the consent block calls its decisions back."""

from typing import Annotated

from fastapi import APIRouter

from kit.access import Caller, requires
from kit.web import Deciding, Transaction
from registry.decisions.schemas import Withdrawn

router = APIRouter(prefix="/decisions", tags=["decisions"])

Withdrawing = Annotated[Caller, requires("decisions:withdraw")]


@router.post("/withdrawn", status_code=204)
async def withdraw_decisions(
    session: Transaction, decisions: Deciding, _caller: Withdrawing, body: Withdrawn
) -> None:
    """Keep no decision any more that was made by a record or under an agreement (DRS-6.c).

    Each worker of the registry asks again at its next read. Nothing else changes, so it may be
    said twice, and of what nobody keeps.
    """
    for name in body.names:
        await decisions.call_back(session, name)
