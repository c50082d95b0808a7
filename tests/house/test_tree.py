"""The tree is the same everywhere: who knows one feature folder knows them all."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOMS = {"models", "store", "service", "schemas", "api", "jobs"}
HALL = {"main", "settings", "tables"}
"""The modules of a block that belong to no feature."""

EXTRA: dict[str, set[str]] = {
    "catalogue": {"words", "statuses"},  # how words compare, and a word list: two features use them
    "consent": {"desk", "door", "tracing"},  # what every feature's service, routes and entries take
    # where things stand, in documents and contents; conditions as SQL; what is told of a call
    "registry": {"places", "paths", "selecting", "notices"},
    "messaging": {"smtp"},  # the conversation with a server that is not ours
}
"""Modules beyond the rooms and the hall, by feature or block, each with its reason beside it."""

NOT_OURS = {
    *(".git", ".venv", ".govblocks", "build", "node_modules", "__pycache__"),
    *(".ruff_cache", ".pytest_cache", ".hypothesis", ".import_linter_cache", ".schemathesis"),
}
"""Folders that tools make."""

NAMELESS = {"utils", "util", "common", "helpers", "helper", "misc"}
MACHINE = re.compile(
    r"(?<![\w.<>-])/" + r"(work|root)/|shared/(design|requirements|govstack|example)"
)
LEFT_OPEN = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b")


def packages(house: Path) -> list[Path]:
    """Return the source folder of every block and of the gateway."""
    return sorted([*house.glob("services/*/src/*/"), house / "gateway/src/gateway"])


def feature_folders(house: Path) -> Iterator[Path]:
    """Return every folder with modules inside a block; one of folders or of data is not one."""
    for package in packages(house):
        for folder in sorted(package.rglob("*/")):
            modules = {file.stem for file in folder.glob("*.py")} - {"__init__"}
            held = [child for child in folder.iterdir() if child.name[0] != "_"]
            has_more = any(child.is_dir() or child.suffix != ".py" for child in held)
            if folder.name != "__pycache__" and (modules or not has_more):
                yield folder


def ours(house: Path) -> Iterator[Path]:
    """Return every file of the project, not those that tools make."""
    waiting = [house]
    while waiting:
        for child in sorted(waiting.pop().iterdir()):
            if child.is_dir() and not child.is_symlink() and child.name not in NOT_OURS:
                waiting.append(child)
            elif child.is_file() and not child.name.startswith(".coverage"):
                yield child


def readable(house: Path) -> Iterator[tuple[Path, str]]:
    for file in ours(house):
        try:
            yield file.relative_to(house), file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def test_a_feature_holds_the_six_rooms_and_nothing_else(house: Path) -> None:
    strange: list[str] = []
    for folder in feature_folders(house):
        name = f"{folder.relative_to(house)}".partition("/src/")[2]
        allowed = ROOMS | EXTRA.get(name, set()) | {"__init__"}
        strange += [
            f"{name}/{file.name}" for file in folder.glob("*.py") if file.stem not in allowed
        ]
        if not (folder / "__init__.py").is_file():
            strange.append(f"{name} has no __init__.py: the import contracts would not see it")
        if not {file.stem for file in folder.glob("*.py")} & {"models", "service", "api"}:
            strange.append(f"{name} holds nothing")
    assert not strange, "\n".join(strange)


def test_a_block_has_its_hall_and_features_only(house: Path) -> None:
    strange = [
        f"{package.name}/{file.name}"
        for package in packages(house)
        for file in package.glob("*.py")
        if file.stem not in HALL | {"__init__"} | EXTRA.get(package.name, set())
    ]
    assert not strange, "\n".join(strange)


def test_every_block_has_the_same_shape(house: Path) -> None:
    missing: list[str] = []
    for package in packages(house):
        block = package.parents[1]
        parts = ["README.md", "pyproject.toml", "migrations/env.py", "tests/conftest.py"]
        parts += [f"src/{package.name}/{name}.py" for name in HALL]
        missing += [f"{block.name}/{part}" for part in parts if not (block / part).exists()]
        if not list(block.glob("migrations/versions/0001_*.py")):
            missing.append(f"{block.name}/migrations/versions/0001_….py")
    assert not missing, "\n".join(missing)


def test_nothing_is_called_after_nothing(house: Path) -> None:
    named = [file.relative_to(house) for file in ours(house)]
    found = [str(n) for n in named if NAMELESS & {n.stem, *(p.name for p in n.parents)}]
    assert not found, "\n".join(found)


def test_every_module_says_what_it_is(house: Path) -> None:
    silent = [
        str(path)
        for path, text in readable(house)
        if path.suffix == ".py" and not {"tests", "migrations"} & {*path.parts}
        if not _docstring(text)
    ]
    assert not silent, "\n".join(silent)


def _docstring(source: str) -> str | None:
    return ast.get_docstring(ast.parse(source))


def test_no_file_names_the_machine_it_was_written_on(house: Path) -> None:
    found = _lines_with(MACHINE, house)
    assert not found, "\n".join(found)


def test_nothing_is_left_open(house: Path) -> None:
    found = _lines_with(LEFT_OPEN, house)
    assert not found, "\n".join(found)


def _lines_with(pattern: re.Pattern[str], house: Path) -> list[str]:
    return [
        f"{path}:{number} {line.strip()[:80]}"
        for path, text in readable(house)
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]
