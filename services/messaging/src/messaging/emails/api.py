"""The routes of e-mails, at GovStack's paths."""

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request

from kit.access import Caller, requires
from kit.sealing import Keyring
from kit.web import Evidence, Reading, Text, Transaction, leads_to, may_answer
from messaging.emails import schemas, service
from messaging.emails.models import (
    ContentTooLarge,
    EmailInvalid,
    Limits,
    SenderNotCaller,
    TransactionTaken,
)
from messaging.messages.models import RequestNotFound, StatusUnknown
from messaging.settings import Settings

router = APIRouter(tags=["emails"])

Sends = Annotated[Caller, requires("messages:send")]
Reads = Annotated[Caller, requires("messages:read")]


async def _keyring(request: Request) -> Keyring:
    return request.app.state.keyring


async def _limits(request: Request) -> Limits:
    settings: Settings = request.app.state.settings
    return Limits(settings.most_recipients, settings.longest_content)


async def _key_is_checked_by_the_gateway(
    apiKey: Annotated[  # noqa: N803  the contract's name
        str | None,
        Header(alias="apiKey", description="Checked by the gateway, which also takes api_key"),
    ] = None,
) -> None:
    """Document the contract's header; the block believes the gateway's assertion alone."""


ApiKey = Depends(_key_is_checked_by_the_gateway)
Keys = Annotated[Keyring, Depends(_keyring)]
Bounds = Annotated[Limits, Depends(_limits)]

_MAY_ANSWER = {
    **may_answer(EmailInvalid, TransactionTaken, SenderNotCaller, ContentTooLarge),
    **leads_to(200, "getEmailStatus", requestUid="$response.body#/requestUid"),
}


@router.post(
    "/send/email/single",
    operation_id="sendSingleEmail",
    summary="Send an e-mail",
    responses=_MAY_ANSWER,
    dependencies=[ApiKey],
)
async def send_single_email(  # noqa: PLR0913  one line each for what FastAPI hands in
    session: Transaction,
    ledger: Evidence,
    keyring: Keys,
    caller: Sends,
    *,
    limits: Bounds,
    email: schemas.Email,
) -> schemas.RequestAccepted:
    """Accept an e-mail; it is sent in the background (MSG-6.1.1, MSG-5.1.17)."""
    asked = schemas.read_email(email)
    uid = await service.send(session, ledger, keyring, caller=caller, email=asked, limits=limits)
    return _accepted(uid)


@router.post(
    "/send/email/batch",
    operation_id="sendBatchEmail",
    summary="Send an e-mail to each of many recipients",
    responses=_MAY_ANSWER,
    dependencies=[ApiKey],
)
async def send_batch_email(  # noqa: PLR0913  as above
    session: Transaction,
    ledger: Evidence,
    keyring: Keys,
    caller: Sends,
    *,
    limits: Bounds,
    email: schemas.Email,
) -> schemas.RequestAccepted:
    """Accept a batch; each recipient gets a message of their own (MSG-6.2.2)."""
    asked = schemas.read_email(email)
    uid = await service.send(session, ledger, keyring, caller=caller, email=asked, limits=limits)
    return _accepted(uid)


@router.get(
    "/status/email",
    operation_id="getEmailStatus",
    summary="Count the messages of a request by state",
    responses=may_answer(StatusUnknown, RequestNotFound),
    response_model_exclude_unset=True,
    dependencies=[ApiKey],
)
async def get_email_status(
    session: Reading,
    caller: Reads,
    request_uid: Annotated[
        Text, Header(alias="requestUid", examples=["UfQK-CPju-Ea5B-6y7X-8A72-VqU5"])
    ],
    status: Annotated[
        list[Text],
        Query(
            description="The states to count: scheduled, processing, deferred, bounced, notSent "
            "(or not_sent, or not sent), delivered. The answer spells them as they were asked"
        ),
    ] = [],  # noqa: B006  FastAPI copies it
    bracketed: Annotated[list[Text], Query(alias="status[]", description="The same")] = [],  # noqa: B006
) -> schemas.RequestStatus:
    """Answer the states asked for, and only for requests of the caller's member (MSG-8.st)."""
    counts = await service.count(session, caller, request_uid, [*status, *bracketed])
    return schemas.RequestStatus.model_validate(counts)


def _accepted(uid: str) -> schemas.RequestAccepted:
    return schemas.RequestAccepted(response=schemas.ACCEPTED, requestUid=uid, requestUID=uid)
