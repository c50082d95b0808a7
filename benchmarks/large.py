"""Two registers that differ in their size alone: ten thousand records and a million.

Both are filled by ``createEntries``, so that whatever the registry keeps beside a record is there.
The same ten records match a question in either, so that the size is all that is measured.
"""

from collections.abc import Callable
from dataclasses import replace

from benchmarks.registers import JSON, schema
from benchmarks.row import Pair, RowFailed, Target
from benchmarks.stage import Stage

SMALL, LARGE = 10_000, 1_000_000
ASKED = 1000
"""How many different questions there are; each is answered by ten records of both registers."""
_BATCH = 5000
_PATIENCE = 120.0


def _content(number: int) -> dict[str, str]:
    """Return a record: its lake is that of nine others, its remark holds a word of the same ten."""
    ten = number // 10
    return {
        "id": f"P{number}",
        "firstName": f"Mari{number % 997}",
        "lastName": f"Mets{number % 991}",
        "birthdate": f"19{number % 90 + 10}-05-12",
        "address": f"Lake {ten}",
        "email": f"the owner of number{ten} by the lake",
    }


def register(stage: Stage, size: int) -> str:
    """Publish and fill a register of a size, once; return its code."""
    code = f"lakes-{size}"
    return stage.once(f"register {code}", lambda: _filled(stage, code, size))


def _filled(stage: Stage, code: str, size: int) -> str:
    with stage.client("registry", stage.block("registry")) as client:
        client.timeout = _PATIENCE
        body = {"code": code, "schema": schema(code)}
        made = client.post("/database/modify", json=body).raise_for_status().json()
        client.post(f"/database/{made['id']}/publish").raise_for_status()
        for first in range(0, size, _BATCH):
            entries = [_content(number) for number in range(first, first + _BATCH)]
            answer = client.post(f"/data/{code}/1.0/createEntries", json={"entries": entries})
            if not answer.is_success:
                raise RowFailed(f"createEntries answers {answer.status_code}: {answer.text[:200]}")
    stage.clear()
    stage.analyse("registry")
    return code


def pair(stage: Stage, asked: Callable[[str], Target]) -> Pair:
    """Compare a question to the large register with the same one to the small register."""
    codes = [register(stage, size) for size in (LARGE, SMALL)]
    url, carried = stage.block("registry"), stage.assertions("registry")
    ours, base = (asked(f"{url}/data/{code}/1.0") for code in codes)
    return Pair(replace(ours, assertions=carried), replace(base, assertions=carried))


def posted(url: str, body: str) -> Target:
    """Return a question that is a body."""
    return Target(url, "POST", body, JSON, choices=ASKED)


def gotten(url: str) -> Target:
    """Return a question that is an address."""
    return Target(url, choices=ASKED)
