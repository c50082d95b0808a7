"""Routes for a database's key."""

from typing import Annotated

from fastapi import APIRouter

from kit.access import Caller, requires
from kit.web import Evidence, Reading, Transaction, may_answer
from registry.databases.models import DatabaseNotFound
from registry.databases.schemas import ChosenDatabase
from registry.secrets import service
from registry.secrets.models import Encryption, KeyInvalid, KeyTaken, KeyWrong
from registry.secrets.schemas import KeyInfo, NewKey

router = APIRouter(prefix="/database/{id}/encryption-key", tags=["databases"])

Viewer = Annotated[Caller, requires("databases:read")]
Analyst = Annotated[Caller, requires("databases:write")]


@router.get("", response_model_exclude_none=True, responses=may_answer(DatabaseNotFound))
async def encryption_key(session: Reading, caller: Viewer, chosen: ChosenDatabase) -> KeyInfo:
    """Tell whether a database has a key, and since when; the key itself is told to nobody."""
    return _info(await service.get(session, caller, chosen.id))


@router.put(
    "",
    response_model_exclude_none=True,
    responses=may_answer(DatabaseNotFound, KeyInvalid, KeyWrong, KeyTaken),
)
async def put_encryption_key(
    session: Transaction, ledger: Evidence, caller: Analyst, chosen: ChosenDatabase, asked: NewKey
) -> KeyInfo:
    """Set or change a database's key; who presents it reads secret fields (DRS-18)."""
    current = None if asked.currentKey is None else asked.currentKey.get_secret_value()
    keys = asked.key.get_secret_value(), current
    return _info(await service.put(session, ledger, caller, chosen.id, keys))


def _info(found: Encryption | None) -> KeyInfo:
    if found is None:
        return KeyInfo(isSet=False, keyId=None)
    return KeyInfo(isSet=True, keyId=found.key_id, changedAt=found.changed_at)
