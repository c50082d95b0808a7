"""A bulk operation is one entry, and each of its parts is found, opened and proven by itself."""

import asyncio
import hashlib
import json
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest
from fastapi import FastAPI
from hypothesis import given, settings
from hypothesis import strategies as st

from kit import audit
from kit.canonical import canonical
from kit.database import Transaction
from kit.evidence import MOST_PARTS, Entry, Keys, Ledger, Part, Search, leaf_hash
from kit.evidence.merkle import root_of, verify_inclusion
from kit.evidence.models import sealed_part
from kit.evidence.packages import PackageUnreadable, Proof, read
from kit.evidence.parts import path_of
from kit.evidence.sequencing import append, read_head
from kit.evidence.verdicts import Result
from kit.evidence.verdicts import verify as examine
from kit.evidence.verification import verify
from kit.settings import BlockSettings
from kit.testing import Block, clients_of, copy_of_template, settings_for
from kit.web import create_app

MARI, JAAN = "EE48905120013", "EE38703150027"
CLINIC, MEMBER = "A/B/C/clinic", "A/B/C"
READER = {"readerName": "Dr. Kask"}


def bulk(*people: str | None, **more: object) -> Entry:
    parts = [
        Part(f"thing:{number}", person, {"number": number}, {"name": person} if person else None)
        for number, person in enumerate(people)
    ]
    entry = Entry("thing.read", CLINIC, "things", MEMBER, {"operation": "list"}, READER, MEMBER)
    return replace(entry, parts=parts, **more)


@pytest.fixture
def ledger(app):
    return app.state.ledger


async def test_a_bulk_operation_is_one_entry_that_states_the_root_over_its_parts(ledger, database):
    await ledger.note(bulk(MARI, JAAN, None))
    async with database.connection() as connection:
        entries = await connection.driver.fetch("SELECT * FROM evidence_entry")
        parts = await connection.driver.fetch("SELECT * FROM evidence_part ORDER BY place")
        dump = str(await connection.driver.fetch("SELECT * FROM evidence_part, evidence_key"))
    assert len(entries) == 1
    root = root_of(leaf_hash(part["canonical"]) for part in parts).hex()
    assert json.loads(entries[0]["canonical"])["facts"] == {
        "operation": "list",
        "parts": {"count": 3, "root": root},
    }
    assert [part["object"] for part in parts] == ["thing:0", "thing:1", "thing:2"]
    assert MARI not in dump


async def test_a_person_finds_their_part_with_what_is_sealed_for_all(ledger):
    await ledger.note(bulk(MARI, JAAN, MARI))
    await ledger.note(Entry("thing.read", CLINIC, "thing:7", MARI, detail={"readerName": "X"}))
    found = await ledger.search(Search(subject=MARI))
    assert [(e.object, e.place) for e in found] == [("thing:7", -1), ("thing:2", 2), ("thing:0", 0)]
    assert found[1].facts == {"operation": "list", "number": 2}
    assert found[1].detail == {**READER, "name": MARI}
    assert [e.object for e in await ledger.search(Search(object="thing:1"))] == ["thing:1"]
    assert await ledger.search(Search(subject="EE490")) == []


async def test_a_search_by_neither_person_nor_object_finds_the_entry_itself(ledger):
    await ledger.note(bulk(MARI, JAAN))
    [entry] = await ledger.search(Search(kinds=["thing.read"], actor=CLINIC))
    assert (entry.object, entry.detail, entry.facts["parts"]["count"]) == ("things", READER, 2)


async def test_an_object_is_found_with_what_is_inside_it_and_a_member_with_its_applications(ledger):
    for thing, actor in (("thing:1", CLINIC), ("thing:1/page:2", "A/B/C2/x"), ("thing:12", MEMBER)):
        await ledger.note(Entry("thing.read", actor, thing))
    found = await ledger.search(Search(within="thing:1"))
    assert [e.object for e in found] == ["thing:1/page:2", "thing:1"]
    found = await ledger.search(Search(actor=MEMBER))
    assert [e.object for e in found] == ["thing:12", "thing:1"]


async def test_erasing_one_person_leaves_the_others_and_the_reader(ledger):
    await ledger.note(bulk(MARI, JAAN))
    await ledger.erase(MARI)
    assert [e.detail for e in await ledger.search(Search(subject=MARI))] == [READER]
    assert [e.detail for e in await ledger.search(Search(subject=JAAN))] == [
        {**READER, "name": JAAN}
    ]


async def test_pages_of_a_search_follow_each_other_across_entries_and_parts(ledger):
    for _ in range(3):
        await ledger.note(bulk(MARI, JAAN, MARI))
        await ledger.note(Entry("thing.read", CLINIC, "thing:9", MARI))
    whole = [(e.id, e.place) for e in await ledger.search(Search(subject=MARI))]
    assert len(set(whole)) == 9
    walked, mark = [], None
    while found := await ledger.search(Search(subject=MARI, limit=2, before=mark)):
        walked += [(e.id, e.place) for e in found]
        mark = found[-1].mark
    assert walked == whole


async def test_parts_stand_or_fall_with_the_change_they_are_of(ledger, database, committed):
    ledger = committed.state.ledger

    async def fail():
        async with Transaction(committed.state.database) as session:
            await ledger.record(session, bulk(MARI))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await ledger.search(Search(subject=MARI)) == []
    async with Transaction(committed.state.database) as session:
        await ledger.record(session, bulk(MARI))
    assert len(await ledger.search(Search(subject=MARI))) == 1


async def test_long_lists_are_refused_and_many_are_written_in_several_groups(committed):
    ledger: Ledger = committed.state.ledger
    with pytest.raises(ValueError, match="at most"):
        await ledger.note(bulk(*[None] * (MOST_PARTS + 1)))
    await asyncio.gather(*(ledger.note(bulk(*[None] * 3_000)) for _ in range(6)))
    async with committed.state.database.connection() as connection:
        raw = connection.driver
        assert await raw.fetchval("SELECT count(*) FROM evidence_part") == 18_000
        assert 2 <= await raw.fetchval("SELECT count(DISTINCT xmin::text) FROM evidence_part") < 6


@settings(deadline=None)
@given(st.lists(st.binary(max_size=8), min_size=1, max_size=70), st.data())
def test_the_path_of_a_part_leads_to_the_root_of_all(texts, data):
    leaves = [leaf_hash(text) for text in texts]
    place = data.draw(st.integers(0, len(leaves) - 1))
    verify_inclusion(leaves[place], place, len(leaves), path_of(place, leaves), root_of(leaves))


@given(
    st.text(st.characters(exclude_categories=("Cs",))),
    st.none() | st.binary(min_size=32, max_size=32),
    st.none() | st.binary(max_size=9),
    st.dictionaries(
        st.text(st.characters(exclude_categories=("Cs",))), st.none() | st.integers(0, 9)
    ),
)
def test_a_part_is_written_in_canonical_form(thing, reference, seal, facts):
    made = sealed_part(Part(thing, None, facts), reference, seal)
    assert made.canonical == canonical(
        {
            "object": thing,
            "subject": reference and reference.hex(),
            "facts": facts,
            "detail": None if seal is None else hashlib.sha256(seal).hexdigest(),
        }
    )


# -- the walk and the package ----------------------------------------------------------------------


class Kept:
    """A ledger with a bulk entry under a checkpoint, and what changes it."""

    def __init__(self, app, driver):
        self.app, self.driver = app, driver

    async def sequence(self):
        signer = self.app.state.evidence_signer
        await append(self.driver, "kit", signer, await read_head(self.driver))

    async def fault(self, *statements):
        work = self.driver.transaction()
        await work.start()
        try:
            for statement in statements:
                assert (await self.driver.execute(statement)).split()[-1] != "0"
            found = await verify(self.driver, "kit", Keys(self.app.state.evidence_signer.public))
            return found.fault
        finally:
            await work.rollback()


def make(settings: BlockSettings) -> FastAPI:
    return create_app("kit", "Kit", "A ledger and nothing else", settings, [audit.router])


@pytest.fixture
async def kept() -> AsyncGenerator[Kept]:
    block = Block("kit", make, BlockSettings, Path(__file__).parent / "migrations")
    async with AsyncExitStack() as stack:
        made = await stack.enter_async_context(copy_of_template(block))
        app = block.create_app(settings_for(block, made))
        await stack.enter_async_context(app.router.lifespan_context(app))
        driver = await asyncpg.connect(made.owner)
        stack.push_async_callback(driver.close)
        await app.state.ledger.note(Entry("thing.read", CLINIC, "thing:1"))
        await app.state.ledger.note(bulk(MARI, JAAN, None, MARI, JAAN))
        kept = Kept(app, driver)
        await kept.sequence()
        yield kept


async def test_the_walk_names_the_entry_whose_parts_were_changed(kept):
    assert await kept.fault() is None
    entry = await kept.driver.fetchval("SELECT DISTINCT entry_id FROM evidence_part")
    for change, why in {
        "UPDATE {} SET object = 'thing:9' WHERE place = 0": "part 0 is not what its text says",
        "UPDATE {} SET subject = NULL WHERE place = 0": "part 0 is not what its text says",
        "UPDATE {} SET at = now() WHERE place = 0": "part 0 is not what its text says",
        "UPDATE {} SET sealed = NULL WHERE place = 0": "part 0 is not what its text says",
        "UPDATE {} SET canonical = '' WHERE place = 0": "do not make the root",
        "DELETE FROM {} WHERE place = 4": "is missing, or one too many",
        "UPDATE {} SET place = 7 WHERE place = 4": "is missing, or one too many",
        "DELETE FROM {}": "is missing, or one too many",
    }.items():
        fault = await kept.fault(change.format("evidence_part"))
        assert fault is not None, change
        assert fault.entry == entry
        assert why in fault.reason, change


async def test_the_walk_finds_parts_that_no_entry_states(kept):
    invented = (
        "INSERT INTO evidence_part SELECT {}, 0, now(), '', NULL, '', NULL "
        "FROM evidence_entry WHERE object = 'thing:1'"
    )
    fault = await kept.fault(invented.format("id"))
    assert fault.reason == "it has parts and states none"
    fault = await kept.fault(invented.format("gen_random_uuid()"))
    assert fault.reason == "a part of no entry"


async def test_who_serves_can_neither_change_nor_delete_a_part(committed):
    async with committed.state.database.connection() as connection:
        for change in ("UPDATE evidence_part SET place = 1", "DELETE FROM evidence_part"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.driver.execute(change)


async def package(kept: Kept, place: int | None = None, status: int = 200, **caller):
    """Return what the package of the bulk entry, or of one of its parts, answers."""
    entry = await kept.driver.fetchval("SELECT id FROM evidence_entry WHERE object = 'things'")
    more = {} if place is None else {"part": place}
    async with clients_of(kept.app, "kit")(client="A/B/C/portal", **caller) as client:
        answer = await client.get(f"/evidence/packages/{entry}", params=more)
    assert answer.status_code == status, answer.text
    return answer.content


OWN = {"scopes": {"evidence:own"}, "person": MARI}


async def test_a_person_takes_home_the_proof_of_their_part(kept):
    found = read(await package(kept, 3, **OWN))
    verdict = examine(found)
    assert verdict.is_verified
    assert verdict.part["object"] == "thing:3"
    assert verdict.part["facts"] == {"number": 3, "name": MARI}
    assert verdict.detail == READER
    assert JAAN.encode() not in await package(kept, 3, **OWN)
    assert verdict.steps[-1].says.startswith("Part 4 of 5")


async def test_a_person_sees_the_entry_and_no_part_of_somebody_else(kept):
    whole = read(await package(kept, **OWN))
    assert whole.part is None
    assert examine(whole).is_verified
    for place in (1, 2, 5, 900):
        await package(kept, place, 404, **OWN)
    stranger = {"scopes": {"evidence:own"}, "person": "EE404"}
    for place in (None, 0, 3):
        await package(kept, place, 404, **stranger)
    async with clients_of(kept.app, "kit")(**OWN) as client:
        listed = (await client.get("/evidence/entries?kind=thing.read")).json()["entries"]
    assert [entry["object"] for entry in listed] == ["things"]


async def test_the_member_concerned_has_the_package_of_every_part(kept):
    for place in range(5):
        found = read(await package(kept, place, scopes={"evidence:read"}))
        assert examine(found).part["facts"]["number"] == place


async def test_a_part_that_was_changed_is_not_verified(kept):
    raw = await package(kept, 3, **OWN)
    good, other = read(raw), read(await package(kept, 0, **OWN))
    assert examine(good).is_verified
    part = good.part
    changed = {
        "another root": replace(part, text=part.text.replace(b"thing:3", b"thing:4")),
        "as it was written": replace(part, text=part.text + b" "),
        "no such": replace(part, proof=Proof(3, 4, part.proof.path)),
        "digest is another": replace(part, detail=other.part.detail),
        "root": replace(part, proof=replace(part.proof, index=0)),
    }
    for why, one in changed.items():
        verdict = examine(replace(good, part=one))
        assert not verdict.is_verified, why
        assert verdict.part is None
        assert verdict.steps[-1].result is Result.FAILS
    for member in ("text", "detail", "proof"):
        said = json.loads(raw)
        del said["part"][member]
        with pytest.raises(PackageUnreadable, match=f"part.{member} is missing"):
            read(json.dumps(said).encode())
    plain = json.loads(await package(kept, **OWN))
    assert "part" not in plain
    elsewhere = replace(good, entry=good.entry.replace(b'"parts"', b'"pieces"'))
    assert not examine(elsewhere).is_verified
