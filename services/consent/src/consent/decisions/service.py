"""Deciding whether data may be used: found, decided, counted, and written down."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from consent.agreements.models import SCHEMA, Agreement
from consent.consents.models import Choice, Record
from consent.decisions import store
from consent.decisions.models import (
    Decision,
    Given,
    KeyReused,
    MomentInvalid,
    OnlyEarlier,
    Question,
    decide,
    narrowest,
    nothing_found,
)
from consent.desk import Desk
from consent.individuals import service as individuals
from consent.revisions import service as revisions
from consent.revisions.models import Search as Revisions
from consent.tracing import trace
from kit.database import Lender, Session, Transaction
from kit.evidence import Entry, Search

_KEPT = timedelta(hours=24)
"""How long an answer is given again under its Idempotency-Key."""
_ASKERS = ("verification:read", "decisions:host")
_AUDITORS = ("audit:read", "audit:all")
_STATES = (
    "consent.given",
    "consent.refused",
    "consent.withdrawn",
    "consent.signed",
    "consent.expiry-changed",
)
"""The kinds of entries after which a record is in another state."""


class _ChangedMeanwhile(Exception):
    """Another request counted a fetch, changed the record or answered under the same key."""


@dataclass(frozen=True, slots=True)
class _Key:
    """An Idempotency-Key of one client, and the question it came with, both as keyed digests."""

    digest: bytes
    question: bytes


async def decision(
    desk: Desk, lender: Lender, question: Question, idempotency_key: str | None = None
) -> Decision:
    """Decide whether data may be used; every decision is evidence.

    A fetch that the terms count is counted before this returns, and stands with its entry or not
    at all. With a key the client gets the same answer for a day, and one fetch is counted; without
    one nothing is kept. Raises MomentInvalid, OnlyEarlier or KeyReused.
    """
    _check(desk, question)
    key = None if idempotency_key is None else _key(desk, question, idempotency_key)
    while True:
        kept = None if key is None else await _kept(desk, key)
        if kept is not None:
            return await _again(desk, question, kept)
        agreement, decided = await _decided(desk, question)
        entry = _entry(desk, agreement, question, decided)
        if key is None and decided.fetch is None:
            await desk.ledger.note(entry)
            return decided
        try:
            async with Transaction(lender) as session:
                await _settle(session, decided, key)
                await desk.ledger.record(session, entry)
        except _ChangedMeanwhile:
            continue
        return decided


def _check(desk: Desk, question: Question) -> None:
    if question.at is not None and question.at > datetime.now(UTC):
        raise MomentInvalid("at is not later than now")
    if question.at is None and not any(map(desk.caller.may, _ASKERS)):
        raise OnlyEarlier("an auditor asks about an earlier moment: send at")


# -- deciding -------------------------------------------------------------------------------


async def _decided(
    desk: Desk, question: Question, *, counting: bool = True
) -> tuple[Agreement | None, Decision]:
    """Return the agreement that decides and the decision; without ``counting``, of any fetch."""
    now = datetime.now(UTC)
    found: list[tuple[Agreement, Given | None]]
    if question.at is not None:
        now, found = question.at, await _as_of(desk, question, question.at)
    else:
        found = await _found(desk, question)
    found = [one for one in found if _may_know(desk, one[0])]
    if not found:
        return None, nothing_found(question, now)
    return narrowest(
        [
            (agreement, decide(question, agreement, given if counting else _uncounted(given), now))
            for agreement, given in found
        ]
    )


async def _found(desk: Desk, question: Question) -> list[tuple[Agreement, Given | None]]:
    digests = individuals.digests(desk.keyring, question.external_id, question.external_id_type)
    if question.agreement_id is not None:
        agreement, given = await store.find(desk.session, question.agreement_id, *digests)
        return [] if agreement is None else [(agreement, given)]
    members = {question.recipient, question.data_source or question.recipient, desk.caller.tenant}
    return await store.find_by_purpose(
        desk.session, question.purpose or "", sorted(members), *digests
    )


def _may_know(desk: Desk, agreement: Agreement) -> bool:
    """Tell whether the asker may know of the agreement: a host, the owner, or a data source."""
    member = desk.caller.member
    concerned = member == agreement.tenant or member in agreement.terms.data_sources
    return concerned or desk.caller.may("decisions:host") or desk.caller.may("audit:all")


def _uncounted(given: Given | None) -> Given | None:
    if given is None:
        return None
    record, terms = given
    return replace(record, fetches=0, fetched_at=None), terms


# -- earlier moments ------------------------------------------------------------------------


async def _as_of(
    desk: Desk, question: Question, at: datetime
) -> list[tuple[Agreement, Given | None]]:
    """Return an agreement and what was given under it as they were at a moment.

    The ledger says in which state a record was, revisions what that state said. Of a record that
    was forgotten since there is nothing.
    """
    digests = individuals.digests(desk.keyring, question.external_id, question.external_id_type)
    named = question.agreement_id or ""
    agreement, _ = await store.find(desk.session, named, *digests)
    if agreement is None:
        return []
    after = at + timedelta(microseconds=1)  # a search's end is not in it
    states = await revisions.page(
        desk.session,
        Revisions(None, SCHEMA, named, until=after, sort="-timestamp", limit=1),
    )
    if not states:
        return []
    [state] = states
    then = replace(agreement, content=state.object_data, revision_id=state.id, deleted_at=None)
    for record, terms in await store.find_all(desk.session, named, *digests):
        was = await _record_until(desk, record, after)
        if was is not None:
            return [(then, (was, terms))]
    return [(then, None)]


async def _record_until(desk: Desk, record: Record, until: datetime) -> Record | None:
    """Return a record as it was just before a time; None when it was not there yet."""
    entries = await desk.ledger.search(
        Search(kinds=_STATES, object=record.thing, until=until, limit=1)
    )
    if not entries:
        return None
    [entry] = entries
    revision = await revisions.get(desk.session, entry.facts["revision"])
    signed = entry.kind == "consent.signed" or entry.facts.get("state") == "signed"
    choice = _choice(record.choice, revision.object_data)
    return replace(
        record, choice=choice, revision_id=revision.id, state="signed" if signed else "unsigned"
    )


def _choice(now: Choice, said: Mapping[str, Any]) -> Choice:
    ends, chosen = said.get("expiresAt"), said.get("attributes")
    return replace(
        now,
        opt_in=said["optIn"],
        expires_at=None if ends is None else datetime.fromisoformat(ends),
        attributes=None if chosen is None else tuple(chosen),
    )


# -- counting, and answering again ----------------------------------------------------------


def _key(desk: Desk, question: Question, sent: str) -> _Key:
    def digest(what: str, text: str) -> bytes:
        return desk.keyring.reference(f"{what}\n{desk.caller.client}\n{text}")

    return _Key(digest("Idempotency-Key", sent), digest("question", question.text))


async def _kept(desk: Desk, key: _Key) -> Decision | None:
    """Return the answer kept under a key, or raise KeyReused when it is another question's."""
    found = await store.find_answer(desk.session, key.digest, datetime.now(UTC) - _KEPT)
    if found is None:
        return None
    question, answer = found
    if question != key.question:
        raise KeyReused("send another key with another question")
    return Decision.read(answer)


async def _again(desk: Desk, question: Question, kept: Decision) -> Decision:
    """Return a kept answer; a permit only while the same would be permitted still.

    A consent that was withdrawn since is stronger than a key: what is said then is a new decision,
    which counts no fetch, for this one was counted.
    """
    now = datetime.now(UTC)
    if not kept.permitted or question.at is not None:
        return kept.later(now)
    agreement, decided = await _decided(desk, question, counting=False)
    if decided.same_as(kept):
        return kept.later(now)
    decided = replace(decided, fetch=None)
    await desk.ledger.note(_entry(desk, agreement, question, decided))
    return decided


async def _settle(session: Session, decided: Decision, key: _Key | None) -> None:
    """Keep the answer and count the fetch, or raise _ChangedMeanwhile."""
    now = datetime.now(UTC)
    if key is not None and not await store.keep_answer(
        session, key.digest, key.question, decided.text, now, now - _KEPT
    ):
        raise _ChangedMeanwhile
    if decided.fetch is not None and not await store.count(session, decided.fetch):
        raise _ChangedMeanwhile


async def clear_answers(session: Session, before: datetime, most: int) -> int:
    """Delete answers kept before a time, so many at most; return how many there were."""
    return await store.clear_answers(session, before, most)


# -- evidence -------------------------------------------------------------------------------


def _entry(desk: Desk, agreement: Agreement | None, question: Question, decided: Decision) -> Entry:
    """Return what is written of a decision: in the clear only what an agreement names."""
    facts: dict[str, Any] = {
        "decision": decided.id,
        "permitted": decided.permitted,
        "reason": decided.reason.value,
    }
    if agreement is not None:
        facts["agreement"] = agreement.id
        facts |= agreement.terms.named(
            question.recipient, question.data_source, question.attributes
        )
    if decided.record_id is not None:
        facts["record"] = decided.record_id
    if decided.as_of is not None:
        facts["asOf"] = decided.as_of.isoformat()
    return trace(
        "decision",
        desk.caller,
        agreement.thing if agreement else f"{desk.caller.tenant}/data-agreement/",
        subject=question.external_id,
        tenant=agreement.tenant if agreement else None,
        asked={
            "agreement": question.agreement_id,
            "purpose": question.purpose,
            "client": question.client,
            "dataSource": question.data_source,
            "attributes": list(question.attributes),
        },
        **facts,
    )
