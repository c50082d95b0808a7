"""How individuals are told that an agreement of theirs has changed (CON-6.2.6)."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

from consent.desk import Desk
from consent.individuals import service as individuals
from consent.individuals.models import Individual
from consent.notices import store
from consent.notices.models import Change, Task, message
from consent.preferences import service as preferences
from consent.preferences.models import Preference
from consent.revisions import service as revisions
from consent.revisions.models import Revision
from kit import jobs
from kit.database import Lender, Transaction
from kit.evidence import Entry, Ledger
from kit.mediator import Mediator, NeighbourUnavailable
from kit.sealing import Keyring

TELL = "tell individuals of a change"
"""The job that tells one page of individuals; its payload is a ``Task``."""

_PAGE = 200  # individuals in one job
_TOGETHER = 8  # messages on their way at once
_SEND = "/messaging/send/email/single"


@dataclass(frozen=True, slots=True)
class Post:
    """What messages are sent with: the rows, the keys, the log, and the way to messaging.

    ``client`` is this block as an application of its member.
    """

    database: Lender
    keyring: Keyring
    ledger: Ledger
    mediator: Mediator
    client: str


async def enqueue(desk: Desk, agreement_id: str, revision: Revision, change: Change) -> None:
    """Have everybody told who wants to be, in the transaction of the change."""
    task = Task(agreement_id, revision.id, change, desk.caller.request_id)
    await jobs.enqueue(desk.session, TELL, task.payload)


async def tell(post: Post, task: Task) -> None:
    """Tell a page of individuals, and have the next page told after it.

    Who was told is not told again, however often this runs: it is kept for each revision and
    individual, and messaging takes a request with the same ``transactionId`` once. Raises
    NeighbourUnavailable when messaging cannot be reached: the job then runs again.
    """
    async with Transaction(post.database) as session:
        revision = await revisions.get(session, task.revision_id)
        page = await store.page(session, task.agreement_id, task.after, revision.at, _PAGE)
        told = await store.find_told(session, revision.id, page)
        whose = await individuals.load(session, post.keyring, set(page) - told)
        wanted = {
            name: await preferences.find(session, post.keyring, whose[name]) for name in whose
        }
    turns = asyncio.Semaphore(_TOGETHER)

    async def send(one: Individual) -> None:
        async with turns:
            await _send(post, task, revision, one, wanted[one.id])

    results = await asyncio.gather(*map(send, whose.values()), return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    if len(page) == _PAGE:
        async with Transaction(post.database) as session:
            await jobs.enqueue(session, TELL, replace(task, after=page[-1]).payload)


async def _send(
    post: Post, task: Task, revision: Revision, individual: Individual, wanted: Preference
) -> None:
    answer = await post.mediator.call(
        "POST",
        _SEND,
        body=_body(task, revision, individual, wanted),
        request_id=task.request_id,
    )
    refused = answer.status_code == HTTPStatus.METHOD_NOT_ALLOWED
    if not answer.is_success and not refused:
        raise NeighbourUnavailable(f"messaging answered {answer.status_code}")
    message_id = None if refused else answer.json()["requestUid"]
    async with Transaction(post.database) as session:
        if await store.keep(session, revision.id, individual.id, message_id):
            await post.ledger.record(session, _told(post, task, individual, message_id))


def _body(
    task: Task, revision: Revision, individual: Individual, wanted: Preference
) -> Mapping[str, Any]:
    title, text = message(
        task.change, wanted.language, revision.object_data["purpose"], revision.tenant
    )
    return {
        "recipientInfo": {"email": wanted.address},
        "emailContent": {"title": title, "content": text},
        "transactionId": f"{revision.id}/{individual.id}",
    }


def _told(post: Post, task: Task, individual: Individual, message_id: str | None) -> Entry:
    facts = {"requestId": task.request_id, "revision": task.revision_id}
    sent = {"message": message_id} if message_id else {}
    return Entry(
        "notice.sent" if message_id else "notice.refused",
        post.client,
        f"{individual.tenant}/data-agreement/{task.agreement_id}",
        subject=individual.identity.external_id,
        facts={**facts, **sent},
        tenant=individual.tenant,
    )
