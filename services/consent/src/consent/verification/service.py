"""What those who use data can ask."""

from datetime import UTC, datetime

from consent.agreements import service as agreements
from consent.agreements.models import Agreement, Terms
from consent.consents import service as consents
from consent.consents.models import Filter, Record
from consent.desk import Desk
from consent.individuals import service as individuals
from consent.revisions import service as revisions
from consent.tracing import trace
from consent.verification.models import Decision, Question, Reason, decide


async def decision(desk: Desk, question: Question) -> Decision:
    """Decide whether data may be used now; every decision is evidence."""
    now = datetime.now(UTC)
    agreement = await agreements.find(desk.session, question.agreement_id)
    if agreement is None or not _may_ask(desk, agreement):
        decided = Decision(Reason.AGREEMENT_UNKNOWN, now)
    else:
        decided = decide(question, agreement, await _given(desk, agreement, question), now)
    await _note(desk, agreement, question, decided)
    return decided


def _may_ask(desk: Desk, agreement: Agreement) -> bool:
    """Tell whether the asker may know of the agreement: a host, the owner, or a data source."""
    member = desk.caller.member
    concerned = member == agreement.tenant or member in agreement.terms.data_sources
    return desk.caller.may("decisions:host") or concerned


async def _given(
    desk: Desk, agreement: Agreement, question: Question
) -> tuple[Record, Terms] | None:
    ids = await individuals.find_ids(
        desk.session,
        desk.keyring,
        agreement.tenant,
        question.external_id,
        question.external_id_type,
    )
    wanted = Filter(individual_ids=list(ids), agreement_id=agreement.id)
    record = await consents.find_current(desk, wanted) if ids else None
    if record is None:
        return None
    if record.choice.agreement_revision_id == agreement.revision_id:
        return record, agreement.terms
    revision = await revisions.get(desk.session, record.choice.agreement_revision_id)
    return record, Terms(agreement.tenant, revision.object_data)


async def _note(
    desk: Desk, agreement: Agreement | None, question: Question, decided: Decision
) -> None:
    thing = agreement.thing if agreement else f"data-agreement/{question.agreement_id}"
    facts = {
        "permitted": decided.permitted,
        "reason": decided.reason.value,
        "agreement": question.agreement_id,
        "client": question.client,
        "dataSource": question.data_source,
        "attributes": list(question.attributes),
    }
    entry = trace("decision", desk.caller, thing, subject=question.external_id, **facts)
    await desk.ledger.note(entry)
