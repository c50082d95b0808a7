"""The life of a consent record against a simple model, through the front door."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Generator
from contextlib import AsyncExitStack
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from kit.testing import clients_of, copy_of_template, settings_for

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


class Life(RuleBasedStateMachine):
    """What may happen to one individual's consent under one agreement.

    The model: ``signed`` is None before anything was given, then what the decision must say; the
    ``revisions`` of the current record are counted.
    """

    loop: Loop
    make: Any

    def __init__(self) -> None:
        super().__init__()
        self.house = self.make()
        self.person = f"EE{next(_numbers)}"
        self.agreement = self._run(self.house.agreement())["id"]
        self.individual = self._run(self.house.individual(self.person))
        self.draft: dict[str, Any] | None = None
        self.submitted: dict[str, Any] | None = None
        self.expected = "no-record"
        self.record: str | None = None
        self.revisions = 0
        self.current = True
        self.version = 0

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run(work)

    def _post(self, signed: dict[str, Any]) -> Any:
        return self._run(
            self.house.client.post(
                "/service/individual/record/consent-record/",
                json=signed,
                headers=self.house.whose(self.individual),
            )
        )

    @rule()
    def drafts(self) -> None:
        draft = self._run(self.house.draft(self.individual, self.agreement))
        self.draft = self.house.on_paper(draft)

    @precondition(lambda self: self.draft is not None)
    @rule()
    def submits(self) -> None:
        assert self.draft is not None
        answer = self._post(self.draft)
        assert answer.status_code == 200, answer.text
        if not self.current or self.record is None:
            self.record, self.revisions, self.current = None, 0, True
        if self.expected != "permitted" or self.record is None:
            self.revisions += 1
            self.submitted = self.draft
        self.record, self.expected = answer.json()["consentRecord"]["id"], "permitted"
        self.draft = None

    @precondition(lambda self: self.submitted is not None)
    @rule()
    def submits_the_same_again(self) -> None:
        assert self.submitted is not None
        answer = self._post(self.submitted)
        newest = self.expected == "permitted" and self.submitted is not None
        assert answer.status_code == (200 if newest else 400), answer.text

    @precondition(lambda self: self.record is not None)
    @rule()
    def withdraws(self) -> None:
        answer = self._run(self.house.opt(self.individual, self.record, opt_in=False))
        assert answer["consentRecord"]["state"] == "unsigned"
        self.revisions += self.expected != "opted-out"
        self.expected, self.draft = "opted-out", None

    @precondition(lambda self: self.record is not None and self.expected == "opted-out")
    @rule()
    def opts_in_without_a_signature(self) -> None:
        answer = self._run(
            self.house.client.put(
                f"/service/individual/record/consent-record/{self.record}/",
                json={"consentRecord": {"optIn": True}},
                headers=self.house.whose(self.individual),
            )
        )
        assert answer.status_code == (200 if self.current else 400), answer.text
        if self.current:
            self.revisions += 1
            self.expected, self.draft = "not-signed", None

    @rule()
    def agreement_is_revised(self) -> None:
        self.version += 1
        body = self.house.agreement_body(purpose=f"Purpose {self.version}")
        self._run(
            self.house.client.put(
                f"/config/data-agreement/{self.agreement}/", json={"dataAgreement": body}
            )
        )
        self.current, self.draft = False, None

    def check_decision(self) -> None:
        whom = {"externalId": self.person}
        answer = self._run(self.house.decide(self.agreement, individual=whom))
        assert answer["reason"] == self.expected

    def check_records(self) -> None:
        listed = self._run(self.house.records(self.individual))
        assert [each["id"] for each in listed] == ([self.record] if self.record else [])
        if self.record:
            chain = self._run(self.house.audit_revisions(self.record))
            assert len(chain) == self.revisions

    @rule()
    def looks(self) -> None:
        self.check_decision()
        self.check_records()

    def teardown(self) -> None:
        self.looks()


def test_a_record_lives_as_the_model_says(there) -> None:
    loop, make = there
    machine = type("Machine", (Life,), {"loop": loop, "make": staticmethod(make)})

    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=20,
            stateful_step_count=10,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
