"""The pages keep their word: links lead somewhere and commands exist."""

import re
from pathlib import Path

LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)[^)]*\)")
COMMAND = re.compile(r"(?:^|[`$] ?)make ([a-z-]+)", re.MULTILINE)
NOT_OURS = {".venv", "build", "node_modules"}


def pages(house: Path) -> list[Path]:
    return [p for p in house.rglob("*.md") if not NOT_OURS & set(p.relative_to(house).parts)]


def test_every_link_between_our_pages_leads_somewhere(house: Path) -> None:
    broken = [
        f"{page.relative_to(house)}: {link}"
        for page in pages(house)
        for link in LINK.findall(page.read_text(encoding="utf-8"))
        if "://" not in link and not link.startswith("mailto:")
        if not (page.parent / link).exists()
    ]
    assert not broken, "\n".join(broken)


def test_every_make_command_on_a_page_exists(house: Path) -> None:
    makefile = (house / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    named = {
        (str(page.relative_to(house)), command)
        for page in pages(house)
        for command in COMMAND.findall(page.read_text(encoding="utf-8"))
    }
    assert sorted(item for item in named if item[1] not in targets) == []
