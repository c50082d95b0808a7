"""What the consent block decides about a use of data: asked, kept for a while, called back.

Only permits are kept, in the memory of a process, and only while it hears of those that are called
back (``kit.hearing``): one that cannot hear keeps nothing, and asks each time. A permit is found by
a digest of its whole question, so that what is kept names nobody.

Where an answer said how many fetches are left, later questions under that agreement have an
Idempotency-Key, and one whose answer is lost is asked once more with it: the loss uses no fetch up.
The key is of this process alone: by one that a reader may choose, they would fetch once and read
all day. Elsewhere none is sent, for with one the consent block has to keep each answer.
"""

import hashlib
import json
import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any

from kit.database import Session
from kit.hearing import Hearing, announce
from kit.identifiers import new_id
from kit.mediator import Mediator, NeighbourUnavailable
from kit.problems import Unavailable

LONGEST = 86_400
"""Seconds that a permit is kept at most, whatever the block that decides allows."""

_PATH = "/consent/service/verification/decision"
_CHANNEL = "decisions_withdrawn"
_MOST_KEPT = 10_000
_BEAT = 0.25
_SURE = 1.0
"""Seconds after which a process that has not made sure that it hears trusts nothing it keeps."""


class DecisionMissing(Unavailable):
    """The consent block did not answer with a decision, so nothing is shown."""

    title = "The consent block gives no decision"


@dataclass(frozen=True, slots=True)
class Question:
    """Whether a client may be shown some fields of a person's data now."""

    data_agreement_id: str
    external_id: str
    external_id_type: str
    client: str
    data_source: str
    attributes: Sequence[str]

    @property
    def digest(self) -> bytes:
        """Return 32 bytes that stand for this question and no other."""
        whole = (
            *(self.data_agreement_id, self.external_id, self.external_id_type),
            *(self.client, self.data_source, *sorted(set(self.attributes))),
        )
        return hashlib.sha256(json.dumps(whole).encode()).digest()


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer, with what it was decided by and what it is called where it was decided."""

    permitted: bool
    reason: str
    consent_record_id: str | None = None
    decision_id: str | None = None


@dataclass(frozen=True, slots=True)
class _Permit:
    decision: Decision
    names: tuple[str, str]
    """By which it is called back: the agreement and the record it was decided by."""
    until: float


class Decisions:
    """Asks for decisions, and keeps permits; one in each process."""

    def __init__(self, mediator: Mediator, most: int = _MOST_KEPT) -> None:
        self._mediator = mediator
        self._most = most
        self._permits: dict[bytes, _Permit] = {}
        self._named: dict[str, set[bytes]] = {}
        self._counted: set[str] = set()
        """Agreements whose fetches are counted."""
        self._generation = 0
        self._hearing = Hearing(_CHANNEL, self._forget, self._forget_all, _BEAT)

    def __len__(self) -> int:
        """Return how many permits are kept."""
        return len(self._permits)

    @property
    def is_keeping(self) -> bool:
        """Tell whether permits are kept now: whether it is sure to hear of those called back."""
        return self._hearing.hears(_SURE)

    def opened(self, url: str) -> AbstractAsyncContextManager[None]:
        """Hear through this block's database what is called back, while this is open."""
        return self._hearing.opened(url)

    async def ask(self, question: Question, request_id: str = "") -> Decision:
        """Return a permit that is kept, or ask the consent block through the mediator.

        What is called back while the answer is on its way is not kept when it arrives. Raise
        kit.mediator.NeighbourUnavailable or DecisionMissing when there is no clear answer.
        """
        key = question.digest
        kept = self._find(key)
        if kept is not None:
            return kept
        generation, asked_at = self._generation, time.monotonic()
        decision, age = await self._asked(question, request_id)
        record = decision.consent_record_id
        if decision.permitted and record and age and generation == self._generation:
            names = question.data_agreement_id, record
            self._keep(key, _Permit(decision, names, asked_at + age))
        return decision

    async def call_back(self, session: Session, name: str) -> None:
        """Keep nothing any more that was permitted by a record, or under an agreement.

        It is dropped here now, and in each process of this block when the transaction commits.
        """
        self._forget(name)
        await announce(session, _CHANNEL, name)

    async def _asked(self, question: Question, request_id: str) -> tuple[Decision, int]:
        """Return a fresh decision, and for how many seconds it may be kept."""
        agreement = question.data_agreement_id
        key = str(new_id()) if agreement in self._counted else ""
        try:
            said = await _said(self._mediator, question, request_id, key)
        except NeighbourUnavailable:
            if not key:
                raise
            said = await _said(self._mediator, question, request_id, key)
        decision, age = _read(said)
        if said.get("fetchesLeft") is not None:
            self._counted.add(agreement)
        elif decision.permitted:
            self._counted.discard(agreement)
        return decision, age

    def _find(self, key: bytes) -> Decision | None:
        permit = self._permits.get(key)
        if permit is None or not self.is_keeping:
            return None
        if time.monotonic() < permit.until:
            return permit.decision
        self._drop(key)
        return None

    def _keep(self, key: bytes, permit: _Permit) -> None:
        if not self.is_keeping:
            return
        if key in self._permits:
            self._drop(key)
        elif len(self._permits) >= self._most:
            self._drop(next(iter(self._permits)))  # the oldest
        self._permits[key] = permit
        for name in permit.names:
            self._named.setdefault(name, set()).add(key)

    def _drop(self, key: bytes) -> None:
        for name in self._permits.pop(key).names:
            keys = self._named.get(name, set())
            keys.discard(key)
            if not keys:
                self._named.pop(name, None)

    def _forget(self, name: str) -> None:
        self._generation += 1
        for key in tuple(self._named.get(name, ())):
            self._drop(key)

    def _forget_all(self) -> None:
        self._generation += 1
        self._permits.clear()
        self._named.clear()


async def _said(mediator: Mediator, question: Question, request_id: str, key: str) -> Any:
    """Return what the consent block answers, as JSON."""
    answer = await mediator.call(
        "POST",
        _PATH,
        body={
            "dataAgreementId": question.data_agreement_id,
            "individual": {
                "externalId": question.external_id,
                "externalIdType": question.external_id_type,
            },
            "client": question.client,
            "dataSource": question.data_source,
            "attributes": list(question.attributes),
        },
        request_id=request_id,
        key=key,
    )
    if answer.status_code != HTTPStatus.OK:
        raise DecisionMissing(f"the consent block answered {answer.status_code}")
    try:
        return answer.json()
    except ValueError as error:
        raise DecisionMissing("the consent block's answer is not JSON") from error


def _read(said: Any) -> tuple[Decision, int]:
    if not isinstance(said, dict) or not isinstance(said.get("permitted"), bool):
        raise DecisionMissing("the consent block's answer holds no decision")
    text = partial(_text, said)
    reason = text("reason") or "not permitted"
    decision = Decision(said["permitted"], reason, text("consentRecordId"), text("decisionId"))
    age = said.get("maxAgeSeconds")
    return decision, max(0, min(age, LONGEST)) if type(age) is int else 0


def _text(said: dict[str, Any], name: str) -> str | None:
    value = said.get(name)
    return None if value is None else str(value)
