"""What those who use data can ask."""

from datetime import UTC, datetime
from typing import Any

from consent.agreements.models import Agreement
from consent.desk import Desk
from consent.individuals import service as individuals
from consent.tracing import trace
from consent.verification import store
from consent.verification.models import Decision, Question, Reason, decide


async def decision(desk: Desk, question: Question) -> Decision:
    """Decide whether data may be used now; every decision is evidence."""
    now = datetime.now(UTC)
    digests = individuals.digests(desk.keyring, question.external_id, question.external_id_type)
    agreement, given = await store.find(desk.session, question.agreement_id, *digests)
    if agreement is None or not _may_ask(desk, agreement):
        decided = Decision(Reason.AGREEMENT_UNKNOWN, now)
    else:
        decided = decide(question, agreement, given, now)
    await _note(desk, agreement, question, decided)
    return decided


def _may_ask(desk: Desk, agreement: Agreement) -> bool:
    """Tell whether the asker may know of the agreement: a host, the owner, or a data source."""
    member = desk.caller.member
    concerned = member == agreement.tenant or member in agreement.terms.data_sources
    return desk.caller.may("decisions:host") or concerned


async def _note(
    desk: Desk, agreement: Agreement | None, question: Question, decided: Decision
) -> None:
    """Write a decision down: in the clear only what an agreement names, all of it sealed."""
    facts: dict[str, Any] = {"permitted": decided.permitted, "reason": decided.reason.value}
    if agreement is not None:
        facts["agreement"] = agreement.id
        facts |= agreement.terms.named(
            question.recipient, question.data_source, question.attributes
        )
    entry = trace(
        "decision",
        desk.caller,
        agreement.thing if agreement else f"{desk.caller.tenant}/data-agreement/",
        subject=question.external_id,
        tenant=agreement.tenant if agreement else None,
        asked={
            "agreement": question.agreement_id,
            "client": question.client,
            "dataSource": question.data_source,
            "attributes": list(question.attributes),
        },
        **facts,
    )
    await desk.ledger.note(entry)
