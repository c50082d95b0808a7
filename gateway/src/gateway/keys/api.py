"""API keys of applications."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from gateway.configuration.api import Books, Configured, Instance, refusals_noted
from gateway.configuration.models import ApplicationNotFound, ScopesNotYours
from gateway.identity.api import admits
from gateway.keys import service
from gateway.keys.models import KeyNotYours, KeyRefused, KeyTaken
from gateway.keys.schemas import ApiKey, NewKey
from kit.access import Caller
from kit.web import Evidence, Reading, Text, Transaction, may_answer

router = APIRouter(
    prefix="/api/v1/members/{memberClass}/{memberCode}/applications/{applicationId}/keys",
    tags=["keys"],
)
Writer = Annotated[Caller, admits("write:conf")]
Reader = Annotated[Caller, admits("read:conf")]


async def _address(
    ours: Instance,
    memberClass: Text,  # noqa: N803  the wire's spelling
    memberCode: Text,  # noqa: N803  as above
    applicationId: Text,  # noqa: N803  as above
    instanceId: Annotated[str | None, Query()] = None,  # noqa: N803  as above
) -> str:
    return f"{instanceId or ours}/{memberClass}/{memberCode}/{applicationId}"


Address = Annotated[str, Depends(_address)]


@router.post(
    "",
    status_code=201,
    response_model_exclude_none=True,
    responses={
        200: {"model": ApiKey, "description": "The key was there already"},
        **may_answer(ApplicationNotFound, KeyTaken, KeyRefused, KeyNotYours, ScopesNotYours),
    },
)
async def give_key(  # noqa: PLR0913, PLR0917  what a change of the configuration needs
    request: Request,
    response: Response,
    caller: Writer,
    application: Address,
    session: Transaction,
    ledger: Evidence,
    book: Books,
    now: Configured,
    new: NewKey | None = None,
) -> ApiKey:
    """Give an application an API key; the key is shown this once."""
    asked = new or NewKey.model_validate({})
    wish = service.Wish(application, asked.id, asked.key, asked.expiresAt)
    digest = request.app.state.identity.digest_of_key
    async with refusals_noted(request, caller, now, application, "giveKey"):
        service.allowed(now, caller, wish)
    key, text = await service.give(session, ledger, book, caller, wish, digest)
    response.status_code = 201 if text else 200
    return ApiKey.of(key, text)


@router.get("", response_model_exclude_none=True, responses=may_answer(ApplicationNotFound))
async def list_keys(
    _caller: Reader, application: Address, session: Reading, configuration: Configured
) -> list[ApiKey]:
    """List an application's keys, without the keys themselves."""
    return [ApiKey.of(key) for key in await service.listed(session, configuration, application)]


@router.delete("/{keyId}", status_code=204)
async def withdraw_key(  # noqa: PLR0913, PLR0917  as above
    caller: Writer,
    application: Address,
    keyId: Text,  # noqa: N803  the wire's spelling
    session: Transaction,
    ledger: Evidence,
    book: Books,
) -> None:
    """Withdraw a key at once; withdrawing it again changes nothing."""
    await service.withdraw(session, ledger, book, caller, application, keyId)
