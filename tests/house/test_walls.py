"""The import contracts of pyproject.toml hold, and break when somebody climbs over a wall."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grimp
import pytest

MEMBERS = ("kit", "gateway", "stack", "services/*")
BLOCKS = ("gateway", "registry", "consent", "messaging", "catalogue")

CLIMBS = [
    ("models", "from {feature} import store", "Inside a feature, calls go down"),
    ("api", "from {feature} import store", "Only the service speaks to the store"),
    ("service", "from {block} import tables", "Only the store knows the tables"),
    ("service", "from {feature} import schemas", "Only the api knows the wire"),
    ("models", "import fastapi", "HTTP stays at the door"),
    ("service", "import sqlalchemy", "SQL stays in the store"),
    ("service", "import {other}.main", "Blocks stand on the kit and never on each other"),
    ("utilities", "import json", "Inside a feature, calls go down"),
]
"""A line, the room it is written into, and the wall that must notice."""

MEETINGS = {"service", "models"}
"""The rooms that other features know: what can be asked, and the values it is asked with."""

DOORS = {
    # who is calling, and the configuration of this moment
    *("gateway.identity.api", "gateway.configuration.api"),
    # what an address under /data says, what it may answer, and how a list is asked and answered
    *("registry.records.api", "registry.listing.api"),
    # a schema as it is answered, and a definition as it is read
    *("registry.databases.api", "registry.definitions.api", "registry.files.api"),
}
"""Routes of other features take from these what is the same at many addresses."""

SHARED = {
    # a change of records takes their files along, and a change of files is a change of a record
    ("registry.changes", "registry.files"),
    ("registry.files", "registry.changes"),
    # both write in the same counters, edges, versions and shares
    ("registry.batches", "registry.changes"),
    ("registry.databases", "registry.links"),
    ("registry.relations", "registry.links"),
    ("registry.versions", "registry.databases"),
    ("registry.openings", "registry.shares"),
    ("registry.shares", "registry.records"),
}
"""Features that work on the tables of another, where services would go round in a circle."""


def linted(root: Path) -> subprocess.CompletedProcess[str]:
    """Run lint-imports on a tree, not on the checkout that is installed."""
    sources = sorted(path for member in MEMBERS for path in root.glob(f"{member}/src"))
    command = [Path(sys.executable).with_name("lint-imports"), "--no-logo"]
    return subprocess.run(
        [*command, "--cache-dir", root / ".cache"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, sources))},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def copied(house: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the sources and of the contracts about them."""
    root = tmp_path_factory.mktemp("house")
    for member in (path for pattern in MEMBERS for path in house.glob(pattern)):
        source = member / "src"
        to = root / member.relative_to(house) / "src"
        shutil.copytree(source, to, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(house / "pyproject.toml", root)
    return root


@contextmanager
def climbed(file: Path, line: str) -> Iterator[None]:
    before = file.read_text(encoding="utf-8") if file.exists() else None
    file.write_text(f"{before or ''}\n{line}\n", encoding="utf-8")
    yield
    if before is None:
        file.unlink()
    else:
        file.write_text(before, encoding="utf-8")


def whole_feature(root: Path) -> Path:
    """Return the folder of a feature that has every room but jobs."""
    for store in sorted(root.glob("services/*/src/*/*/store.py")):
        rooms = {file.stem for file in store.parent.glob("*.py")}
        if {"api", "service", "models", "schemas"} <= rooms:
            return store.parent
    raise LookupError("no feature has all rooms")


def test_the_walls_stand(copied: Path) -> None:
    done = linted(copied)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("room", "line", "wall"), CLIMBS)
def test_a_wall_notices_who_climbs_over_it(copied: Path, room: str, line: str, wall: str) -> None:
    folder = whole_feature(copied)
    block = folder.parent.name
    names = {"block": block, "feature": f"{block}.{folder.name}"}
    other = next(name for name in BLOCKS[1:] if name != block)
    with climbed(folder / f"{room}.py", line.format(other=other, **names)):
        done = linted(copied)
    assert f"{wall} BROKEN" in done.stdout, done.stdout + done.stderr
    assert f"{block}.{folder.name}.{room}" in done.stdout


def test_every_feature_on_disk_is_behind_the_walls(house: Path) -> None:
    """The contracts name features by pattern, ``block.*``: this shows that none lies deeper."""
    graph = grimp.build_graph(*BLOCKS, cache_dir=None)
    containers = {name for block in BLOCKS for name in graph.find_children(block)}
    containers |= {n for c in containers if c.endswith(".releases") for n in graph.find_children(c)}
    for file in [*house.glob("services/*/src/**/*.py"), *house.glob("gateway/src/**/*.py")]:
        parts = file.with_suffix("").parts
        name = ".".join(parts[parts.index("src") + 1 :]).removesuffix(".__init__")
        if name.count(".") > 1:
            assert name.rpartition(".")[0] in containers, f"{name} lies deeper than a feature"


def test_features_of_a_block_meet_at_their_services() -> None:
    graph = grimp.build_graph(*BLOCKS, cache_dir=None)
    strangers: list[str] = []
    for importer in sorted(graph.modules):
        for imported in sorted(graph.find_modules_directly_imported_by(importer)):
            here, there = importer.split("."), imported.split(".")
            if len(here) < 3 or len(there) < 3 or here[:2] == there[:2]:
                continue
            pair = ".".join(here[:2]), ".".join(there[:2])
            if is_meeting(here[-1], there[-1]) or (here[-1] == "api" and imported in DOORS):
                continue
            if (there[-1] == "store" and pair in SHARED) or here[1] == "releases":
                continue  # an older release is served by the routes of today
            strangers.append(f"{importer} -> {imported}")
    assert not strangers, "\n".join(strangers)


def is_meeting(here: str, there: str) -> bool:
    """Tell whether a room may know a room of another feature."""
    return there in MEETINGS or (there == "schemas" and here in {"api", "schemas"})
