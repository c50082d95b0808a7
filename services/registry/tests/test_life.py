"""A database lives as the model says: whatever is done in whatever order, in both spellings.

The model knows a database's draft, its published versions and whether it is archived; for each key
what its record holds and whether it is archived; and what all of it was at every moment before.
"""

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from httpx import ASGITransport, AsyncClient
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from kit.access import IN_PROCESS, Caller

MEMBER = "TEST/GOV/1001"
FIELDS = ("a", "b", "c")
AT = st.sampled_from(("", "/1.0"))
VERSION = st.integers(0, 9)
KEY = st.sampled_from(("K1", "K2"))
VALUES = st.fixed_dictionaries({}, optional={name: st.sampled_from("xyz") for name in FIELDS})
CHANGES = st.fixed_dictionaries(
    {}, optional={name: st.sampled_from(("x", "y", None)) for name in FIELDS}
)
SCHEMAS = st.sets(st.sampled_from(FIELDS), min_size=1).map(frozenset)
GONE = {"detail": "no record found"}
OFTEN = settings(
    max_examples=12,
    stateful_step_count=25,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],  # to shrink a failure sends its requests many hundred times
    suppress_health_check=list(HealthCheck),
)

Snapshot = tuple[datetime, dict[str, dict[str, str]]]


def schema(fields: frozenset[str]) -> dict[str, Any]:
    """Return a schema with a primary key and some fields of text."""
    kept = {name: {"type": "string"} for name in sorted(fields)}
    properties = {"key": {"type": "string", "primaryKey": True}, **kept}
    return {"type": "object", "required": ["key"], "properties": properties}


class Life(RuleBasedStateMachine):
    """One database, driven by HTTP beside a model of it."""

    http: Any
    ask: Any
    """What runs a coroutine of the test's event loop."""
    record_id: Any
    """Returns the id of the record with a key, which no answer tells."""
    numbers = count(1)

    def __init__(self) -> None:
        super().__init__()
        self.code = f"LIFE{next(self.numbers)}"
        self.id = 0
        self.draft: frozenset[str] | None = None
        self.versions: list[frozenset[str]] = []
        self.is_archived = False
        self.records: dict[str, dict[str, str]] = {}
        self.put_away: set[str] = set()
        self.past: list[Snapshot] = []

    # -- asking --------------------------------------------------------------------------------

    def send(self, method: str, path: str, **more: Any) -> Any:
        return self.ask(self.http.request(method, path, **more))

    def path(self, at: str, version: int, rest: str = "") -> str:
        return f"{at}/data/{self.code}/{version}.0{rest}"

    def version(self, drawn: int) -> int:
        """Return the version a number stands for: one that is published, or for 9 one that is not.

        Most that is done would otherwise be done to versions that are not there.
        """
        known = len(self.versions)
        return known + 1 if drawn == 9 or not known else 1 + drawn % known

    def known(self, version: int) -> frozenset[str] | None:
        """Return the fields of a published version, None when there is no such version."""
        return self.versions[version - 1] if version <= len(self.versions) else None

    def shown(self, version: int, content: dict[str, str]) -> dict[str, str]:
        fields = self.known(version) or frozenset()
        return {name: v for name, v in content.items() if name == "key" or name in fields}

    def seen(self) -> dict[str, dict[str, str]]:
        """Return the records that are there in normal results."""
        return {key: each for key, each in self.records.items() if key not in self.put_away}

    def changed(self) -> None:
        """Keep what is now as what was at this moment."""
        self.past.append((datetime.now(UTC), {key: dict(v) for key, v in self.seen().items()}))

    def refusal(self, version: int) -> int | None:
        """Return the status with which a write in this version must be refused, if it must."""
        if self.known(version) is None:
            return 404
        return 409 if self.is_archived else None

    # -- the life of the database --------------------------------------------------------------

    @initialize(at=AT, fields=SCHEMAS, is_published=st.integers(0, 3))
    def made(self, at: str, fields: frozenset[str], is_published: int) -> None:
        answer = self.send("POST", f"{at}/database/modify", json=self.definition(fields))
        assert answer.status_code == 200, answer.text
        self.id, self.draft = answer.json()["id"], fields
        self.changed()
        if is_published:
            self.publish()

    def definition(self, fields: frozenset[str]) -> dict[str, Any]:
        return {"code": self.code, "schema": schema(fields)}

    @rule(at=AT, fields=SCHEMAS)
    def modify(self, at: str, fields: frozenset[str]) -> None:
        answer = self.send("POST", f"{at}/database/modify", json=self.definition(fields))
        if self.is_archived:
            assert answer.status_code == 409, answer.text
            return
        assert answer.status_code == 200, answer.text
        if self.draft is not None or fields != self.versions[-1]:
            self.draft = fields
        number = len(self.versions) + (self.draft is not None)
        assert answer.json()["version"] == f"{number}.0"

    @rule()
    def publish(self) -> None:
        answer = self.send("POST", f"/database/{self.id}/publish")
        if self.is_archived:
            assert answer.status_code == 409 or self.draft is None, answer.text
            return
        assert answer.status_code == 200, answer.text
        if self.draft is not None:
            self.versions.append(self.draft)
            self.draft = None
        assert answer.json()["version"] == f"{len(self.versions)}.0"

    @precondition(lambda self: len(self.past) > 8)
    @rule()
    def archive(self) -> None:
        answer = self.send("POST", f"/database/{self.id}/archive")
        assert answer.status_code == (200 if self.versions else 409), answer.text
        self.is_archived = bool(self.versions)

    # -- writing -------------------------------------------------------------------------------

    @rule(at=AT, version=VERSION, key=KEY, values=VALUES)
    def create(self, at: str, version: int, key: str, values: dict[str, str]) -> None:
        version = self.version(version)
        content = self.shown(version, {"key": key, **values})
        answer = self.send(
            "POST", self.path(at, version, "/create"), json={"write": {"content": content}}
        )
        refusal = self.refusal(version) or (409 if key in self.records else None)
        if refusal:
            assert answer.status_code == refusal, answer.text
            return
        assert answer.status_code == 200, answer.text
        assert answer.json() == {"content": content}
        self.records[key] = content
        self.changed()

    @rule(at=AT, version=VERSION, key=KEY, change=CHANGES, times=st.integers(1, 3))
    def update(
        self, at: str, version: int, key: str, change: dict[str, str | None], times: int
    ) -> None:
        version = self.version(version)
        change = self.of_version(version, change)
        body = {"query": {"content": {"key": key}}, "write": {"content": change}}
        for _ in range(times):
            answer = self.send("PUT", self.path(at, version, "/update"), json=body)
            refusal = self.refusal(version)
            if refusal:
                assert answer.status_code == refusal, answer.text
            elif key not in self.seen():
                assert (answer.status_code, answer.json()) == (404, GONE)
            else:
                assert answer.status_code == 200, answer.text
                self.merge(key, change)

    @rule(at=AT, version=VERSION, key=KEY, values=VALUES, times=st.integers(1, 2))
    def upsert(self, at: str, version: int, key: str, values: dict[str, str], times: int) -> None:
        version = self.version(version)
        content = self.shown(version, {"key": key, **values})
        body = {"query": {"content": {"key": key}}, "write": {"content": content}}
        spelling = "/update-or-create" if at else "/updateOrCreate"
        for _ in range(times):
            answer = self.send("POST", self.path(at, version, spelling), json=body)
            refusal = self.refusal(version) or (409 if key in self.put_away else None)
            if refusal:
                assert answer.status_code == refusal, answer.text
                continue
            assert answer.status_code == 200, answer.text
            self.merge(key, content)
            assert answer.json()["content"] == self.shown(version, self.records[key])

    def of_version(self, version: int, change: dict[str, str | None]) -> dict[str, str | None]:
        fields = self.known(version) or frozenset()
        return {name: value for name, value in change.items() if name in fields}

    def merge(self, key: str, change: dict[str, Any]) -> None:
        merged = {"key": key, **self.records.get(key, {}), **change}
        merged = {name: value for name, value in merged.items() if value is not None}
        if self.records.get(key) != merged:
            self.records[key] = merged
            self.changed()

    @rule(at=AT, version=VERSION, key=KEY, times=st.integers(1, 2))
    def delete(self, at: str, version: int, key: str, times: int) -> None:
        version = self.version(version)
        for _ in range(times):
            answer = self.send("DELETE", self.path(at, version, f"/{key}/delete"))
            assert answer.status_code == (self.refusal(version) or 204), answer.text
        if not self.refusal(version) and self.records.pop(key, None) is not None:
            self.put_away.discard(key)
            self.changed()

    @rule(at=AT, version=VERSION, key=KEY, back=st.booleans())
    def put_record_away(self, at: str, version: int, key: str, *, back: bool) -> None:
        version = self.version(version)
        found = self.record_id(self.id, key)
        if found is None:
            return
        word = "restore" if back else "archive"
        answer = self.send("POST", self.path(at, version, f"/{found}/{word}"))
        assert answer.status_code == (self.refusal(version) or 204), answer.text
        if self.refusal(version) or (key in self.put_away) != back:
            return
        (self.put_away.discard if back else self.put_away.add)(key)
        self.changed()

    # -- reading -------------------------------------------------------------------------------

    @rule(at=AT, version=VERSION, key=KEY)
    def read(self, at: str, version: int, key: str) -> None:
        version = self.version(version)
        body = {"query": {"content": {"key": key}}}
        answer = self.send("POST", self.path(at, version, "/read"), json=body)
        found = self.send("POST", self.path(at, version, "/exists"), json=body)
        if self.known(version) is None:
            assert (answer.status_code, found.status_code) == (404, 404)
            return
        assert found.json()["answer"]["status"] is (key in self.seen())
        if key in self.seen():
            assert answer.json() == {"content": self.shown(version, self.records[key])}
        else:
            assert (answer.status_code, answer.json()) == (404, GONE)

    @precondition(lambda self: self.past)
    @rule(at=AT, version=VERSION, key=KEY, back=st.integers(0, 40))
    def read_as_of(self, at: str, version: int, key: str, back: int) -> None:
        version = self.version(version)
        moment, then = self.past[-1 - back % len(self.past)]
        answer = self.send(
            "POST",
            self.path(at, version, "/read"),
            json={"query": {"content": {"key": key}}},
            params={"asOf": moment.isoformat()},
        )
        if self.known(version) is not None and key in then:
            assert answer.json() == {"content": self.shown(version, then[key])}, moment
        else:
            assert answer.status_code == 404, answer.text

    @invariant()
    def every_version_lists_what_there_is(self) -> None:
        for version in range(1, len(self.versions) + 1):
            page = self.send("GET", self.path("", version)).json()
            assert page["count"] == len(self.seen())
            told = {each["key"]: each for each in page["results"]}
            assert told == {key: self.shown(version, each) for key, each in self.seen().items()}

    @invariant()
    def the_database_is_what_it_was_made(self) -> None:
        found = self.send("GET", f"/database/{self.id}").json()
        assert found["isArchived"] is self.is_archived
        assert found["isDraft"] is (self.draft is not None)
        assert found["schema"] == schema(self.draft or self.versions[-1])


@pytest.fixture
async def http(app):
    """Return a client whose word does not end: the machine may run for longer than one lives."""
    caller = Caller(f"{MEMBER}/registrar", MEMBER, scopes=frozenset({"*"}))

    async def asking(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, IN_PROCESS: caller}, receive, send)

    transport = ASGITransport(asking, raise_app_exceptions=False)
    async with AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


async def test_a_database_lives_as_the_model_says(http, app):
    loop = asyncio.get_running_loop()

    def wait(coroutine: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(30)

    async def find(database: int, key: str) -> Any:
        async with app.state.database.connection() as connection:
            return await connection.driver.fetchval(
                "SELECT id FROM record WHERE database_id = $1 AND primary_key = $2 "
                "AND deleted_at IS NULL",
                database,
                key,
            )

    client = http

    class Driven(Life):
        http = client
        ask = staticmethod(wait)
        record_id = staticmethod(lambda database, key: wait(find(database, key)))

    await asyncio.to_thread(run_state_machine_as_test, Driven, settings=OFTEN)
