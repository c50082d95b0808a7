"""What a caller can ask about e-mails."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from kit.access import Caller
from kit.database import Session
from kit.evidence import Entry, Ledger
from kit.identifiers import new_id
from kit.sealing import Keyring
from messaging.emails import store
from messaging.emails.models import (
    DUPLICATE_WINDOW,
    AcceptedRequest,
    Email,
    Limits,
    TransactionTaken,
    as_bytes,
    new_request_uid,
)
from messaging.messages import service as messages


async def send(  # noqa: PLR0913  what the door hands in, one by one
    session: Session,
    ledger: Ledger,
    keyring: Keyring,
    *,
    caller: Caller,
    email: Email,
    limits: Limits,
) -> str:
    """Accept an e-mail and return its requestUid; it leaves in the background.

    The same transactionId with the same body within 24 hours is the same request: it gets the same
    id and is sent once. With another body it raises TransactionTaken.
    """
    email.check(limits)
    email.letter.sender.check_is(caller.member)
    request = _request(keyring, caller, email)
    earlier = await _earlier(session, request)
    if earlier is not None:
        return earlier.uid
    batch = _batch(email, request)
    written = messages.write(keyring, batch)
    await store.insert(session, request, written)
    await ledger.record(session, _accepted(request, len(email.recipients), caller.request_id))
    await messages.queue(session, ledger, batch, written)
    return request.uid


async def count(
    session: Session, caller: Caller, uid: str, words: Sequence[str]
) -> Mapping[str, int]:
    """Count the messages of a request of the caller's member in the states asked for."""
    return await messages.count(session, caller.tenant, uid, words)


def _request(keyring: Keyring, caller: Caller, email: Email) -> AcceptedRequest:
    """Return the request to keep; hash and transactionId only as keyed pseudonyms."""
    transaction = email.transaction
    return AcceptedRequest(
        id=new_id(),
        uid=new_request_uid(),
        tenant=caller.tenant,
        client=caller.client,
        hash=keyring.reference(f"message hash {email.digest()}"),
        transaction=keyring.reference(f"transaction {transaction}") if transaction else None,
        priority=email.rank,
        created_at=datetime.now(UTC),
    )


def _batch(email: Email, request: AcceptedRequest) -> messages.Batch:
    return messages.Batch(
        request_id=request.id,
        request_uid=request.uid,
        client=request.client,
        tenant=request.tenant,
        accepted_at=request.created_at,
        priority=request.priority,
        letter=as_bytes(email.letter),
        recipients=[None if each.faults() else as_bytes(each) for each in email.recipients],
    )


async def _earlier(session: Session, request: AcceptedRequest) -> AcceptedRequest | None:
    """Return the request this one repeats, or raise TransactionTaken."""
    if request.transaction is None:
        return None
    await store.wait_for_turn(session, request.tenant, request.transaction)
    since = request.created_at - DUPLICATE_WINDOW
    earlier = await store.find_by_transaction(session, request.tenant, request.transaction, since)
    if earlier is not None and earlier.hash != request.hash:
        raise TransactionTaken("transactionId was used for another body less than 24 hours ago")
    return earlier


def _accepted(request: AcceptedRequest, count_of_messages: int, request_id: str) -> Entry:
    facts = {
        "requestId": request_id,
        "messages": count_of_messages,
        "priority": request.priority,
        "hash": request.hash.hex(),
    }
    return Entry(
        "message.accepted", request.client, request.uid, facts=facts, tenant=request.tenant
    )
