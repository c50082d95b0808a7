"""The life of a consent record against a simple model, through the front door."""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Generator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from kit.testing import clients_of, copy_of_template, settings_for

RECORDS = "/service/individual/record/consent-record/"
_numbers = count()


class Loop:
    """An event loop in a thread of its own: Hypothesis's machines are not asynchronous."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture
def there(block, house_type) -> Generator[tuple[Loop, Callable[[], Any]]]:
    """Return a loop, and what makes houses of an application on a database of its own."""
    loop, stack = Loop(), AsyncExitStack()

    async def open_app() -> Any:
        made = await stack.enter_async_context(copy_of_template(block))
        app = block.create_app(settings_for(block, made))
        await stack.enter_async_context(app.router.lifespan_context(app))
        return app

    app = loop.run(open_app())
    # a new one for each life: the gateway's word holds for seconds only
    yield loop, lambda: house_type(clients_of(app, block.name)(scopes={"*"}))
    loop.run(stack.aclose())
    loop.close()


@dataclass
class Signed:
    """A draft with its scan, and when it was drafted: under which version, after which decision."""

    body: dict[str, Any]
    version: int
    tick: int
    used: bool = False


@dataclass
class Known:
    """What the model knows of a record."""

    id: str
    version: int
    tick: int = 0
    """When its newest state was made; of a signed draft, when that was drafted."""
    opt_in: bool = True
    signed: bool = False
    expired: bool = False
    submitted: Signed | None = None
    """The draft that its newest state is, if it is one."""
    signatures: int = 0
    revisions: int = 1

    @property
    def stands(self) -> bool:
        return self.opt_in and self.signed and not self.expired

    @property
    def reason(self) -> str:
        if not self.opt_in:
            return "opted-out"
        if not self.signed:
            return "not-signed"
        return "expired" if self.expired else "permitted"

    def decide(self, tick: int, *, opt_in: bool) -> None:
        """Know a new state that nobody signed."""
        self.tick, self.opt_in, self.revisions = tick, opt_in, self.revisions + 1
        self.signed, self.expired, self.submitted, self.signatures = False, False, None, 0


class Life(RuleBasedStateMachine):
    """What may happen to one individual's consent under one agreement."""

    loop: Loop
    make: Any

    def __init__(self) -> None:
        super().__init__()
        self.house = self.make()
        self.person = f"EE{next(_numbers)}"
        made = self._run(self.house.agreement(forgettable=True, validityDays=30))
        self.agreement, self.version, self.active = made["id"], 1, True
        self.individual = self._run(self.house.individual(self.person))
        self.whose = self.house.whose(self.individual)
        self.drafts: list[Signed] = []
        self.records: dict[int, Known] = {}
        self.gone: list[Known] = []
        self.ticks = count(1)
        self.last = 0

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run(work)

    def _ask(self, method: str, path: str, status: int, body: Any = None) -> Any:
        sending = self.house.client.request(method, path, json=body, headers=self.whose)
        answer = self._run(sending)
        assert answer.status_code == status, answer.text
        return answer.json()

    def _tick(self) -> int:
        return next(self.ticks)

    def _decided(self) -> int:
        self.last = self._tick()
        return self.last

    @property
    def current(self) -> Known | None:
        return self.records[max(self.records)] if self.records else None

    @property
    def open(self) -> bool:
        """Tell whether the current record can be opted in or signed as such."""
        return self.active and self.current is not None and self.current.version == self.version

    # -- from a draft to a signed record

    @precondition(lambda self: self.active)
    @rule()
    def drafts_one(self) -> None:
        draft = self._run(self.house.draft(self.individual, self.agreement))
        self.drafts.append(Signed(self.house.on_paper(draft), self.version, self._tick()))

    @precondition(lambda self: not self.active)
    @rule()
    def drafts_in_vain(self) -> None:
        self._ask("POST", f"{RECORDS}draft/?dataAgreementId={self.agreement}", 400)

    @precondition(lambda self: self.drafts)
    @rule(choice=st.integers(0, 20))
    def submits(self, choice: int) -> None:
        """Submit any draft that was ever made: a new one, an older one, or a used one again."""
        draft = self.drafts[-1 - choice % len(self.drafts)]
        status = self._submit(draft)
        answer = self._ask("POST", RECORDS, status, draft.body)
        if status == 200:
            version = draft.version
            known = self.records[version]
            known.id = known.id or answer["consentRecord"]["id"]
            assert known.id == answer["consentRecord"]["id"]
            if known.submitted is draft:
                assert (
                    answer["revision"]["serializedSnapshot"]
                    == (draft.body["signature"]["verificationPayload"])
                )

    def _submit(self, draft: Signed) -> int:
        """Keep in the model what a submit does; return its status."""
        known = self.records.get(draft.version)
        if draft.used:
            return 200 if known is not None and known.submitted is draft else 400
        if not self.active or draft.version != self.version:
            return 400
        if known is not None and known.stands:
            return 200
        if draft.tick <= (self.last if known is None else known.tick):
            return 400
        if known is None:
            known = self.records[draft.version] = Known("", draft.version, revisions=0)
        known.decide(draft.tick, opt_in=True)
        known.signed, known.submitted, known.signatures, draft.used = True, draft, 1, True
        self.last = max(self.last, draft.tick)
        return 200

    # -- the other ways

    @rule(opt_in=st.booleans())
    def gives_without_a_signature(self, opt_in: bool) -> None:
        path = f"/service/individual/record/data-agreement/{self.agreement}/?optIn={opt_in}"
        answer = self._ask("POST", path, 200 if self.active else 400)
        if not self.active:
            return
        tick, known = self._tick(), self.records.get(self.version)
        if known is None:
            name = answer["consentRecord"]["id"]
            self.records[self.version] = Known(name, self.version, tick, opt_in)
        elif known.opt_in != opt_in or known.expired:
            known.decide(tick, opt_in=opt_in)
        else:
            return
        self.last = tick

    def _change(self, status: int, **sent: Any) -> Any:
        assert self.current is not None
        return self._ask("PUT", f"{RECORDS}{self.current.id}/", status, {"consentRecord": sent})

    @precondition(lambda self: self.current)
    @rule()
    def withdraws(self) -> None:
        self._change(200, optIn=False)
        assert self.current is not None
        if self.current.opt_in:
            self.current.decide(self._decided(), opt_in=False)

    @precondition(lambda self: self.current and not self.current.opt_in)
    @rule()
    def opts_in_again(self) -> None:
        self._change(200 if self.open else 400, optIn=True)
        assert self.current is not None
        if self.open:
            self.current.decide(self._decided(), opt_in=True)

    @precondition(lambda self: self.current and self.current.opt_in and not self.current.expired)
    @rule()
    def lets_it_end(self) -> None:
        """Choose an end that is all but now, and wait for it: the only clock is the real one."""
        ends = datetime.now(UTC) + timedelta(seconds=0.15)
        self._change(200, optIn=True, expiresAt=ends.isoformat())
        known = self.current
        assert known is not None
        known.tick, known.revisions, known.submitted = self._decided(), known.revisions + 1, None
        known.expired, known.signatures = True, 0
        time.sleep(max(0.0, (ends - datetime.now(UTC)).total_seconds()))

    @precondition(lambda self: self.current)
    @rule(by=st.sampled_from(["Mari", "Notary"]))
    def signs_what_is_there(self, by: str) -> None:
        """Sign the newest state, or the signature before; the same again changes nothing."""
        known = self.current
        assert known is not None
        path, possible = f"{RECORDS}{known.id}/signature/", self.open or not known.opt_in
        begun = self._ask("POST", path, 200 if possible else 400)
        if not possible:
            return
        spoken = {"verificationMethod": "declaration", "verificationSignedBy": by}
        sent = {"signature": {**begun["signature"], **spoken}}
        signed = self._ask("PUT", path, 200, sent)
        assert self._ask("PUT", path, 200, sent) == signed
        known.signed, known.signatures = True, known.signatures + 1

    @precondition(lambda self: self.records)
    @rule()
    def forgets(self) -> None:
        answer = self._ask("DELETE", "/service/individual/record/", 200)
        assert set(answer["deleted"]) == {each.id for each in self.records.values()}
        self.gone += self.records.values()
        self.records = {}

    # -- the agreement

    @precondition(lambda self: self.version < 5)
    @rule(active=st.sampled_from([True, True, False]))
    def is_revised(self, active: bool) -> None:
        self.version, self.active = self.version + 1, active
        body = self.house.agreement_body(
            purpose=f"Purpose {self.version}", forgettable=True, validityDays=30, active=active
        )
        path = f"/config/data-agreement/{self.agreement}/"
        self._ask("PUT", path, 200, {"dataAgreement": body})

    # -- what holds after each step

    @invariant()
    def the_decision_is_the_models(self) -> None:
        whom = {"externalId": self.person}
        answer = self._run(self.house.decide(self.agreement, individual=whom))
        expected = self.current.reason if self.current else "no-record"
        assert answer["reason"] == (expected if self.active else "agreement-inactive")

    @invariant()
    def the_record_is_the_models(self) -> None:
        listed = self._run(self.house.records(self.individual))
        known = self.current
        assert [each["id"] for each in listed] == ([known.id] if known else [])
        if known is None:
            return
        path = f"/service/individual/record/data-agreement/{self.agreement}/"
        read = self._ask("GET", path, 200)["consentRecord"]
        assert (read["optIn"], read["state"] == "signed") == (known.opt_in, known.signed)
        assert len(read.get("signatures", [])) == known.signatures

    @invariant()
    def every_chain_verifies(self) -> None:
        for known in [*self.records.values(), *self.gone]:
            chain = self._run(self.house.audit_revisions(known.id))
            assert len(chain) == known.revisions
            walk = self._ask("GET", f"/audit/verify/?objectId={known.id}", 200)
            assert walk["valid"], walk["findings"]


def test_a_record_lives_as_the_model_says(there) -> None:
    loop, make = there
    machine = type("Machine", (Life,), {"loop": loop, "make": staticmethod(make)})

    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=15,
            stateful_step_count=10,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
