"""Whatever is created, changed and deleted: no strict link leads to what is not there.

R, C and O refer to P and restrict its deletion, go with it, or stay; G goes with C, and K restricts
that.
"""

import asyncio
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

TIES = {
    "R": ("P", "restrict"),
    "C": ("P", "cascade"),
    "O": ("P", "orphan"),
    "G": ("C", "cascade"),
    "K": ("C", "restrict"),
}
BROKEN = """
    SELECT d.code, r.content FROM record r JOIN database d ON d.id = r.database_id
    WHERE r.deleted_at IS NULL AND r.content ->> 'ref' IS NOT NULL AND d.code <> 'O'
      AND NOT EXISTS (
        SELECT FROM record t JOIN database td ON td.id = t.database_id
        WHERE t.deleted_at IS NULL AND t.primary_key = r.content ->> 'ref'
          AND td.code = CASE WHEN d.code IN ('G', 'K') THEN 'C' ELSE 'P' END)
"""
LIVING = """
    SELECT d.code, r.primary_key, r.content ->> 'ref' AS ref
    FROM record r JOIN database d ON d.id = r.database_id WHERE r.deleted_at IS NULL
"""

kinds, keys = st.sampled_from("PRCOGK"), st.sampled_from("abc")
operations = st.one_of(
    st.tuples(st.just("create"), kinds, keys, st.none() | keys),
    st.tuples(st.just("refer"), kinds, keys, st.none() | keys),
    st.tuples(st.just("delete"), kinds, keys, st.none()),
)


def _schema(kind):
    properties = {"ID": {"type": "string", "primaryKey": True}}
    if kind in TIES:
        target, rule = TIES[kind]
        link = {"database": target, "field": "ID", "onDelete": rule}
        properties["ref"] = {"type": "string", "x-link": link}
    return {"properties": properties}


async def _publish_all(client, publish):
    for kind in "PRCOGK":
        await publish(client, kind, _schema(kind))


async def _do(client, operation, prefix=""):
    what, kind, key, ref = operation
    base, key = f"/data/{kind}/1.0", prefix + key
    said = None if ref is None else prefix + ref
    if what == "delete":
        return await client.delete(f"{base}/{key}/delete")
    if what == "create":
        content = {"ID": key} if said is None or kind == "P" else {"ID": key, "ref": said}
        return await client.post(f"{base}/create", json={"write": {"content": content}})
    body = {"query": {"content": {"ID": key}}, "write": {"content": {"ref": said}}}
    return await client.put(f"{base}/update", json=body)


@dataclass
class Model:
    """What is there, and what it refers to."""

    records: dict[tuple[str, str], str | None] = field(default_factory=dict)

    def do(self, what, kind, key, ref):
        return getattr(self, what)(kind, key, ref)

    def create(self, kind, key, ref):
        ref = None if kind == "P" else ref
        if (kind, key) in self.records:
            return 409 if ref is None or self._is_there(kind, ref) else {400, 409}
        if ref is not None and not self._is_there(kind, ref):
            return 400
        self.records[kind, key] = ref
        return 200

    def refer(self, kind, key, ref):
        if kind == "P":
            return 400
        if (kind, key) not in self.records:
            return 404
        if ref not in (None, self.records[kind, key]) and not self._is_there(kind, ref):
            return 400
        self.records[kind, key] = ref
        return 200

    def delete(self, kind, key, _ref):
        if (kind, key) not in self.records:
            return 204
        falling = {(kind, key)}
        while more := self._referring(falling, "cascade") - falling:
            falling |= more
        if self._referring(falling, "restrict") - falling:
            return 409
        for gone in falling:
            del self.records[gone]
        return 204

    def _is_there(self, kind, ref):
        return (TIES[kind][0], ref) in self.records

    def _referring(self, falling, rule):
        return {
            (kind, key)
            for (kind, key), ref in self.records.items()
            if kind in TIES and TIES[kind][1] == rule and (TIES[kind][0], ref) in falling
        }


@pytest.fixture
async def town(owner, publish):
    await _publish_all(owner, publish)


_examples = iter(range(10_000))


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(given_operations=st.lists(operations, min_size=8, max_size=30))
async def test_links_do_as_their_rules_say(owner, app, town, given_operations):
    prefix, model = f"{next(_examples)}-", Model()
    for operation in given_operations:
        expected = model.do(*operation)
        answer = await _do(owner, operation, prefix)
        allowed = expected if isinstance(expected, set) else {expected}
        assert answer.status_code in allowed, (operation, answer.text)
    async with app.state.database.connection() as connection:
        rows = await connection.driver.fetch(LIVING)
        assert not await connection.driver.fetch(BROKEN)
    found = {
        (row["code"], row["primary_key"].removeprefix(prefix)): row["ref"]
        and row["ref"].removeprefix(prefix)
        for row in rows
        if row["primary_key"].startswith(prefix)
    }
    assert found == model.records


@pytest.mark.parametrize("seed", range(3))
async def test_no_strict_link_breaks_when_all_is_done_at_once(open_registry, publish, seed):
    client = open_registry
    await _publish_all(client, publish)
    database = client._transport.app.state.database  # noqa: SLF001
    moves = [
        ("create", "P", "a", None),
        ("create", "C", "a", "a"),
        ("create", "G", "a", "a"),
        ("create", "K", "b", "a"),
        ("create", "R", "a", "a"),
        ("create", "O", "a", "a"),
        ("delete", "P", "a", None),
        ("delete", "C", "a", None),
        ("delete", "R", "a", None),
        ("delete", "K", "b", None),
        ("refer", "G", "a", "a"),
        ("refer", "R", "a", None),
    ]
    for round_ in range(8):
        chosen = [moves[(seed * 5 + round_ * 7 + step * 3) % len(moves)] for step in range(8)]
        await _do(client, moves[0])
        await _do(client, moves[1])
        answers = await asyncio.gather(*(_do(client, each) for each in chosen))
        assert {answer.status_code for answer in answers} <= {200, 204, 400, 404, 409, 503}
        async with database.connection() as connection:
            assert not await connection.driver.fetch(BROKEN)
