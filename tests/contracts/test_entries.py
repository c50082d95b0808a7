"""What each operation writes: facts that the page names, by an application, for a member."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from stage import BLOCKS, ROOT, Stage, staged

ROW = re.compile(r"^\| `([^`]+)` \|[^|]*\|[^|]*\|([^|]*)\|", re.MULTILINE)
PAGE = Path(ROOT / "docs/guides/evidence-kinds.md").read_text(encoding="utf-8")
SECTIONS = {part.partition("\n")[0]: part for part in re.split(r"^## ", PAGE, flags=re.MULTILINE)}
ALWAYS = {"requestId", "parts"}
"""Facts of every kind: who asked is found by the one, and a bulk entry proves what it did by the
other."""
NO_REQUEST = {"message.sent", "message.deferred", "message.bounced", "message.failed"}
OF_NOBODY = {"access.refused", "token.issued", "token.refused", "change.refused", "room.refused"}
"""Kinds whose entries may concern no member: a stranger's, the administrator's, an unknown name."""


async def entries(stage: Stage) -> list[dict[str, Any]]:
    async with stage.app.state.database.connection() as connection:
        rows = await connection.driver.fetch(
            "SELECT convert_from(canonical, 'UTF8') AS said FROM evidence_entry"
        )
    return [json.loads(row["said"]) for row in rows]


def facts_of(section: str) -> dict[str, set[str]]:
    """Return the facts that the page names for each kind of a section."""
    rows = ROW.findall(SECTIONS.get(section, ""))
    return {kind: set(re.findall(r"[A-Za-z0-9-]+", facts)) for kind, facts in rows}


@pytest.mark.parametrize("block", BLOCKS)
async def test_every_operations_entries_say_what_the_page_says(block: str) -> None:
    async with staged(block) as stage, await stage.full_client() as client:
        assert not await stage.walk("last", client)
        found = await entries(stage)
    assert found
    named = facts_of(block) | facts_of("every part")
    for entry in found:
        kind, facts = entry["kind"], entry["facts"]
        assert set(facts) - ALWAYS <= named[kind], entry
        assert ("requestId" in facts) != (kind in NO_REQUEST), entry
        assert re.fullmatch(r"[^/]+(/[^/]+){3}|anonymous|administrator", entry["actor"]), entry
        instance = kind == "configuration.changed" and "instances-written" in facts
        if kind not in OF_NOBODY and not instance:
            assert re.fullmatch(r"[^/]+/[^/]+/[^/]+", entry["tenant"]), entry
