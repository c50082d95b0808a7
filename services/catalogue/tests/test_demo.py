"""The demo's catalogue, loaded as the instance loader loads it."""

import re
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastapi import FastAPI
from httpx import AsyncClient

from catalogue.main import BLOCK
from catalogue.words import fold
from kit.database import Reading
from kit.testing import Block, clients_of, copy_of_template, settings_for

DEMO = Path(__file__).parents[3] / "stack/src/stack/demo/catalogue.yaml"


def _content() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    said = yaml.safe_load(DEMO.read_text())["catalogue"]
    for reuse in said["reuses"]:
        by = reuse.get("byEntry") or re.sub(r"[^a-z0-9]+", "-", fold(reuse["by"]["name"]))
        reuse["id"] = f"{reuse['reused']}-by-{by.strip('-')}"
    return said["entries"], said["reuses"]


async def _load(client: AsyncClient) -> list[int]:
    entries, reuses = _content()
    return [
        (await client.put(f"/{folder}/{thing['id']}", json=thing)).status_code
        for folder, things in (("entries", entries), ("reuses", reuses))
        for thing in things
    ]


async def _evidence(app: FastAPI) -> int:
    row = await Reading(app.state.database).fetchrow("SELECT count(*) FROM evidence_entry")
    return row[0] if row else 0


@pytest.fixture(scope="module")
async def demo(block: Block) -> AsyncGenerator[FastAPI]:
    """Return the catalogue on a database of its own, empty at first."""
    async with copy_of_template(block) as urls:
        app = block.create_app(settings_for(block, urls))
        async with app.router.lifespan_context(app):
            yield app


@pytest.fixture(scope="module")
async def loader(demo: FastAPI) -> AsyncGenerator[AsyncClient]:
    caller = {"client": "DEV/GOV/90001/govblocks", "roles": {"administrator"}, "scopes": {"*"}}
    async with clients_of(demo, BLOCK)(**caller) as client:
        yield client


@pytest.fixture(scope="module")
async def loaded(loader: AsyncClient) -> list[int]:
    """Load the demo once for all tests of this module; they only read it, or load it again."""
    return await _load(loader)


@pytest.fixture
async def reader(demo: FastAPI) -> AsyncGenerator[AsyncClient]:
    async with clients_of(demo, BLOCK)(scopes={"entries:read"}) as client:
        yield client


async def test_loading_the_demo_twice_writes_nothing_the_second_time(loaded, loader, demo):
    assert loaded == [201] * (44 + 26)
    assert await _evidence(demo) == 70

    assert await _load(loader) == [200] * 70
    assert await _evidence(demo) == 70


async def test_every_entry_comes_back_as_it_was_sent(loaded, reader):
    for sent in _content()[0]:
        read = (await reader.get(f"/entries/{sent['id']}")).json()
        assert {field: read[field] for field in sent} == sent


async def test_every_reuse_comes_back_as_it_was_sent(loaded, reader):
    for sent in _content()[1]:
        read = (await reader.get(f"/reuses/{sent['id']}")).json()
        assert {field: read[field] for field in sent} == sent


@pytest.mark.parametrize(
    ("words", "first", "count"),
    [
        ("mriik", "diia-app-android", 2),  # only the reuse names it
        ("MRIIK", "diia-app-android", 2),
        ("aland", "x-road", 1),  # Government of Åland reuses X-Road
        ("ÅLAND", "x-road", 1),
        ("Mojaloop", "mojaloop", 1),
        ("GC Notify", "gc-notify", 2),
        ("gov.uk", "govuk-notify", 2),
        ("road metr", "x-road-metrics", 1),
    ],
)
async def test_words_find_the_entries_they_mean(loaded, reader, words, first, count):
    found = (await reader.get("/entries", params={"q": words})).json()

    assert found["entries"][0]["id"] == first
    assert found["count"] == len(found["entries"]) == count


async def test_diia_finds_what_is_called_so_before_what_mentions_it(loaded, reader):
    entries = (await reader.get("/entries", params={"q": "Diia"})).json()["entries"]

    named = ["diia" in entry["name"].lower() for entry in entries]
    assert sum(named) == 13
    assert named == sorted(named, reverse=True)


async def test_mriik_stays_a_prototype_that_was_replaced(loaded, reader):
    found = (await reader.get("/entries/diia-app-android/reuses")).json()

    assert found["inProduction"] == 0
    assert found["statuses"] == {"announced-exploring": 1, "prototype-then-replaced": 1}
    estonian = next(r for r in found["reusedBy"] if r["by"]["countries"] == ["Estonia"])
    assert estonian["status"] == "prototype-then-replaced"
    assert len(estonian["sources"]) == 3


async def test_a_derived_or_listed_reuse_is_not_counted_as_production(loaded, reader):
    found = (await reader.get("/entries/x-road/reuses")).json()

    assert found["inProduction"] == 5
    assert found["statuses"] == {"derived": 1, "in-production": 5, "listed-by-source": 1}
    trembita = next(r for r in found["reusedBy"] if r.get("byEntry") == "trembita")
    assert trembita["byEntryName"].startswith("Trembita")


async def test_the_chain_leads_from_govuk_notify_to_gc_notify(loaded, reader):
    chain = (await reader.get("/entries/govuk-notify/reuse-chain")).json()
    back = (
        await reader.get("/entries/gc-notify/reuse-chain", params={"direction": "reuses"})
    ).json()

    assert chain["complete"]
    assert ("GC Notify API", "fork-in-production", 1) in {
        (link.get("byEntryName"), link["status"], link["depth"]) for link in chain["links"]
    }
    assert [link["reusedName"] for link in back["links"]] == ["GOV.UK Notify API"]


@pytest.mark.parametrize(
    ("filters", "ids"),
    [
        ({"kind": "standard"}, {"publiccode-yml"}),
        ({"country": "canada"}, {"gc-notify"}),
        (
            {"buildingBlock": "ux/ui", "kind": "component", "q": "type defin"},
            {"diia-be-design-system"},
        ),
        ({"owner": "niis"}, {"x-road", "x-road-metrics"}),
        ({"reusedIn": "cote d'ivoire"}, {"mojaloop"}),
        ({"reuseStatus": "fork"}, {"govuk-notify"}),
        ({"reuseStatus": "fork", "reusedIn": "Canada"}, set()),
        ({"reuseStatus": "fork-in-production", "reusedIn": "Canada"}, {"govuk-notify"}),
        ({"publisher": "DEV/GOV/1"}, set()),
    ],
)
async def test_filters_narrow_the_list(loaded, reader, filters, ids):
    found = (await reader.get("/entries", params=filters)).json()

    assert {entry["id"] for entry in found["entries"]} == ids
    assert found["count"] == len(ids)


async def test_goals_narrow_the_list(loaded, reader):
    found = (await reader.get("/entries", params={"sdg": 16})).json()

    assert found["count"] == sum(16 in entry.get("sdgs", []) for entry in _content()[0]) > 0


@pytest.mark.parametrize("folder", ["entries", "reuses"])
async def test_pages_together_are_the_whole_list_in_one_order(loaded, reader, folder):
    whole = (await reader.get(f"/{folder}")).json()
    pages = [
        (await reader.get(f"/{folder}", params={"offset": at, "limit": 7})).json()
        for at in range(0, 50, 7)
    ]

    assert [thing for page in pages for thing in page[folder]] == whole[folder]
    assert {page["count"] for page in pages} == {whole["count"]}


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ({"reused": "x-road"}, 7),
        ({"byEntry": "gc-notify"}, 1),
        ({"status": "component-reuse"}, 2),
        ({"country": "ukraine"}, 1),
        ({"country": "Finland", "status": "in-production"}, 2),
    ],
)
async def test_filters_narrow_the_reuses(loaded, reader, filters, count):
    assert (await reader.get("/reuses", params=filters)).json()["count"] == count
