"""A block of nothing but the kit: one table, a route for each thing the kit promises."""

import sys
from collections.abc import Generator
from pathlib import Path
from typing import Annotated
from uuid import UUID

import pytest
from fastapi import APIRouter, FastAPI
from pydantic import BaseModel

from kit import access
from kit.evidence import Entry
from kit.identifiers import new_id
from kit.problems import Conflict, NotFound
from kit.settings import BlockSettings
from kit.testing import Block
from kit.web import Evidence, JsonObject, Reading, Text, Transaction, create_app, may_answer

sys.path.insert(0, str(Path(__file__).parent))

from authority import Authority, serving

router = APIRouter()
Reader = Annotated[access.Caller, access.requires("things:read")]
Writer = Annotated[access.Caller, access.requires("things:write")]


class ThingNotFound(NotFound):
    title = "Thing not found"


class ThingTaken(Conflict):
    title = "Thing taken"


class NewThing(BaseModel):
    name: Text
    more: JsonObject = {}


@router.post("/things")
async def create(session: Transaction, ledger: Evidence, caller: Writer, new: NewThing) -> UUID:
    thing = new_id()
    await session.fetchrow("INSERT INTO thing VALUES ($1, $2)", thing, new.name)
    await ledger.record(session, Entry("thing.created", caller.client, object=str(thing)))
    if new.name == "taken":
        raise ThingTaken("after the insert")
    return thing


@router.get("/things/{thing_id}", responses=may_answer(ThingNotFound))
async def read(session: Reading, ledger: Evidence, caller: Reader, thing_id: UUID) -> str:
    row = await session.fetchrow("SELECT name FROM thing WHERE id = $1", thing_id)
    if row is None:
        raise ThingNotFound(f"no thing {thing_id}")
    entry = Entry(
        "thing.read", caller.client, str(thing_id), subject="EE1", detail={"reader": "Dr. A"}
    )
    await ledger.note(entry)
    return row["name"]


@router.get("/broken")
async def broken(_caller: Reader) -> str:
    message = "secret in a message"
    raise RuntimeError(message)


def make(settings: BlockSettings) -> FastAPI:
    return create_app("kit", "Kit", "A block of nothing but the kit", settings, [router])


@pytest.fixture(scope="session")
def block() -> Block:
    return Block("kit", make, BlockSettings, Path(__file__).parent / "migrations")


@pytest.fixture(scope="session")
def authority() -> Generator[Authority]:
    """Return a time-stamping authority that answers over HTTP."""
    with serving() as made:
        yield made


@pytest.fixture(scope="session")
def other_authority() -> Generator[Authority]:
    """Return another one, whose word is not the first one's."""
    with serving() as made:
        yield made
