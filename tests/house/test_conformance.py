"""The pages of conformance name tests that exist, and leave no requirement out."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest
import yaml

ROW = re.compile(
    r"^\| (?P<id>(?:DRS?|CON)-[^ |]+) \| (?P<level>[RrOSWK-]) \|(?P<rest>.*)\|$", re.MULTILINE
)
CALLED = re.compile(r"`(GET|POST|PUT|PATCH|DELETE) (…?/[^`?]*)")
NAMED = re.compile(r"`([\w./-]+\.(?:py|md))(?:::(\w+))?`")
WITHOUT = ("Not yet: ", "Not built: ")
LETTERS = "1abc 2abc 3abcd 4abcde 5abcdefghi 6abcdefghi 7abcd 8abcdef 11a 17abcde 19abc 26a 27a"
PARTS = {int(n): letters for n, letters in re.findall(r"(\d+)([a-z]+)", LETTERS)}
OPTIONAL = {"3.b", "3.c", "3.d", "5.g", "7.d", "8.f", "9", "11.a", "12", "13", "14", "20", "36"}
NUMBERS = [
    part
    for number in range(1, 38)
    for part in (str(number), *(f"{number}.{letter}" for letter in PARTS.get(number, "")))
]
OTHERS = ["CFR-data#4", "CFR-data#7", "4.KDF", "7", "8", "9.1.3", "9.2.1", "11", "12"]
REQUIRED = [f"DRS-{number}" for number in NUMBERS if number not in OPTIONAL]
OF_CONSENT = (
    "6.1.1 6.1.2 6.1.3 6.1.4 6.1.5 6.1.6 6.1.7 6.1.8 6.2.1 6.2.2 6.2.3 6.2.4 6.2.5 6.2.6 6.3.1 "
    "6.3.2 6.3.3 6.3.4 5.1.1 5.1.2 5.1.3 5.2.1 5.3 4.a 4.i 4.1.2 4.3.1 4.side 9.2.a 9.2.b 9.2.c "
    "9.2.d 9.2.e 9.2.f 9.3.a 9.4 7.events API.rtbf API.hdr 11 12"
)
EVERY = {
    "registry": [f"DRS-{number}" for number in NUMBERS] + [f"DR-{other}" for other in OTHERS],
    "consent": [f"CON-{number}" for number in OF_CONSENT.split()],
}
"""The requirements of each block that has a page."""

Rows = dict[str, re.Match[str]]


@pytest.fixture(scope="module", params=EVERY)
def block(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def text(house: Path, block: str) -> str:
    return (house / f"docs/conformance/{block}.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def rows(text: str) -> Rows:
    return rows_of(text)


def rows_of(text: str) -> Rows:
    found = list(ROW.finditer(text))
    assert len({row["id"] for row in found}) == len(found), "a requirement stands twice"
    return {row["id"]: row for row in found}


@cache
def functions(file: Path) -> set[str]:
    """Return the names of a file's test functions, with those inside classes; nothing is run."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    names = {node.name for node in ast.walk(tree) if isinstance(node, kinds)}
    assigned = (node for node in ast.walk(tree) if isinstance(node, ast.Assign))
    return names | {t.id for each in assigned for t in each.targets if isinstance(t, ast.Name)}


def shown_by(row: re.Match[str]) -> str:
    return row["rest"].split("|")[-1].strip()


def place(house: Path, block: str, name: str) -> Path:
    inside = house / f"services/{block}/tests" / name
    return inside if inside.exists() else house / name


def test_every_page_is_checked(house: Path) -> None:
    assert {page.stem for page in (house / "docs/conformance").glob("*.md")} == set(EVERY)


def test_every_requirement_has_its_line(block: str, rows: Rows) -> None:
    assert sorted(set(EVERY[block]) - set(rows)) == []
    assert sorted(set(rows) - set(EVERY[block])) == []


def test_the_levels_are_those_of_the_requirements(house: Path) -> None:
    rows = rows_of((house / "docs/conformance/registry.md").read_text(encoding="utf-8"))
    wrong = [name for name in REQUIRED if rows[name]["level"] not in "Rr"]
    wrong += [f"DRS-{each}" for each in OPTIONAL if rows[f"DRS-{each}"]["level"] != "O"]
    assert wrong == []


def test_every_line_says_what_shows_it_or_why_nothing_does(rows: Rows) -> None:
    silent = [
        name
        for name, row in rows.items()
        if not NAMED.search(shown_by(row)) and not any(said in row["rest"] for said in WITHOUT)
    ]
    assert silent == []


def test_every_test_that_is_named_exists(house: Path, block: str, rows: Rows) -> None:
    missing: list[str] = []
    for name, row in rows.items():
        for file, function in NAMED.findall(shown_by(row)):
            found = place(house, block, file)
            if not found.is_file() or (function and function not in functions(found)):
                missing.append(f"{name}: {file}::{function}")
    assert missing == []


def test_every_call_that_is_named_is_in_the_contract(house: Path, block: str, text: str) -> None:
    contract = (house / f"contracts/{block}.yaml").read_text(encoding="utf-8")
    paths = yaml.load(contract, yaml.CSafeLoader)["paths"]
    unknown = [
        f"{method} {path}"
        for method, path in CALLED.findall(text)
        if not any(method.lower() in item and _same(path, of) for of, item in paths.items())
    ]
    assert unknown == []


def _same(said: str, path: str) -> bool:
    """Tell whether a path is the one meant; what it begins with may be left out (`…/links`)."""
    said, path = (re.sub(r"\{[^}]*\}", "{}", each) for each in (said, path))
    return path.endswith(said.removeprefix("…")) if said.startswith("…") else path == said
