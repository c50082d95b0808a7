"""A search of the catalogue for a word, ten entries a page."""

import asyncio
import json
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import yaml
from starlette.requests import Request
from starlette.responses import Response

import stack
from benchmarks.row import Pair, Row, RowFailed, Target
from benchmarks.stage import Bare, Stage
from catalogue.entries import store
from catalogue.entries.models import Search

_COPIES = 10
_WORDS = "payments"
_LIMIT = 10


def _filled(stage: Stage) -> None:
    """Put the demo's entries into the catalogue, several times over."""
    text = (Path(stack.__file__).parent / "demo" / "catalogue.yaml").read_text(encoding="utf-8")
    entries = yaml.safe_load(text)["catalogue"]["entries"]
    with stage.client("catalogue", stage.block("catalogue")) as client:
        for copy in range(_COPIES):
            for entry in entries:
                name = f"{entry['id']}-{copy}"
                answer = client.put(f"/entries/{name}", json=entry | {"id": name})
                if not answer.is_success:
                    raise RowFailed(f"an entry is refused: {answer.text[:200]}")
    stage.clear()
    stage.analyse("catalogue")


class _Listener:
    """Stands where the store expects a session, and keeps the statement it is given."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, tuple[Any, ...]]] = []

    async def fetch(self, sql: str, *values: Any) -> Sequence[Any]:
        self.heard.append((sql, values))
        return []


def _statement() -> tuple[str, tuple[Any, ...]]:
    """Return the SQL that the catalogue's own store sends for this search, and its values."""
    listener = _Listener()
    asyncio.run(store.page(listener, Search(words=_WORDS, limit=_LIMIT)))  # type: ignore[arg-type]
    return listener.heard[0]


def _searcher() -> Bare:
    """Return a bare handler: the same statement, its rows as JSON."""
    sql, values = _statement()

    async def answer(pool: asyncpg.Pool, _request: Request) -> Response:
        rows = await pool.fetch(sql, *values)
        entries = [
            {
                "id": row["id"],
                "name": row["name"],
                "description": row["description"],
                "owner": row["owner"],
                "countries": row["countries"],
                "buildingBlocks": row["building_blocks"],
                "sources": json.loads(row["sources"]),
            }
            for row in rows
        ]
        said = {"count": rows[0]["found"] if rows else 0, "entries": entries}
        return Response(json.dumps(said), media_type="application/json")

    return answer


@contextmanager
def pair(stage: Stage) -> Generator[Pair]:
    """Compare the block with a bare handler on the same statement."""
    stage.once("catalogue", lambda: _filled(stage))
    url = f"{stage.block('catalogue')}/entries?q={_WORDS}&limit={_LIMIT}"
    ours = Target(url, assertions=stage.assertions("catalogue"))
    yield Pair(ours, Target(stage.bare("catalogue", _searcher())))


ROW = Row("Catalogue: search", "Starlette + asyncpg, same statement", pair)
