"""The page of the ledgers' entries names what the code writes, no more and no less."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

PAGE = "docs/guides/evidence-kinds.md"
EVERYWHERE = "every part"
KIND = re.compile(r"[a-z]+(-[a-z]+)*\.[a-z]+(-[a-z]+)*")
ODD = {"decision"}
"""A kind that is one word."""

OTHERS = {
    "tables.py": "columns",
    "attempts/models.py": "security events, which are told in the log",
    "audit/schemas.py": "an example",
    "gateway/transmissions/models.py": "parameters of a header",
    "pages": "files",
}
NO_KINDS = {
    *("http.request", "http.disconnect"),  # ASGI's messages
    *("gateway.configuration", "gateway.exchange", "gateway.transmissions"),  # loggers
    *("govblocks.security", "kit.audit", "consent.announcements", "consent.expiry"),  # as above
    *("registry.import", "registry.counters", "registry.automations"),
    *("registry.automations", "registry.counters", "registry.import"),  # as above
    *("openapi.json", "texts.json", "consent.printouts"),  # a path, a file and its folder
    "message.send",  # a job
    *("caretaker.id", "child.birthdate"),  # examples of fields
    *("certificate.pdf", "example.org"),  # examples of a file and a host
    *("r.id", "r.content", "a.id", "a.tenant"),  # columns
    "subject.roles",  # a place in a document
    *("presentationml.presentation", "spreadsheetml.sheet", "wordprocessingml.document"),
    "vbaproject.bin",  # as the line above: what office documents are made of
}


def sources(house: Path) -> dict[str, Path]:
    """Return the folders whose code writes the entries of each section of the page."""
    blocks = {folder.name: folder for folder in house.glob("services/*/src/*/")}
    own = {"gateway": house / "gateway/src/gateway", EVERYWHERE: house / "kit/src/kit/audit"}
    return blocks | own


def said(house: Path) -> dict[str, set[str]]:
    """Return the kinds that each section of the page has a row of."""
    sections = re.split(r"^## ", (house / PAGE).read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {
        section.partition("\n")[0]: set(re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE))
        for section in sections[1:]
    }


def literals(folder: Path) -> Iterator[str]:
    for file in folder.rglob("*.py"):
        if any(part in file.as_posix() for part in OTHERS):
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def written(folder: Path) -> set[str]:
    """Return the kinds of entries that code has words for."""
    return {
        text
        for text in literals(folder)
        if text in ODD or (KIND.fullmatch(text) and text not in NO_KINDS)
    }


def test_the_page_names_the_kinds_that_the_code_writes(house: Path) -> None:
    assert said(house) == {name: written(folder) for name, folder in sources(house).items()}
