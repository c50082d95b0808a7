"""The kit serves every block, so no block's word is in it, not even in a comment."""

import re
from pathlib import Path

WORDS = {
    *("registry", "registries", "consent", "messaging", "catalogue", "catalog"),  # the blocks
    *("record", "policy", "policies", "agreement", "individual", "revision", "signature"),
    *("email", "e-mail", "recipient", "sender", "citizen", "birth", "mother", "child"),
}
"""Words of the domain, in one number; ``message`` is left out: Python's errors have messages."""

GENERAL = {
    *("databases", "templates", "messages", "entries", "records"),  # PostgreSQL, ASGI, the ledger
    *("changes", "decisions", "fields", "releases", "sources", "triggers", "usage", "validation"),
    *("audit", "verification"),  # what can be asked of a ledger
    "keys",  # everybody has some
    *("actions", "batches", "columns", "copies", "examples", "exports", "expressions", "files"),
    *(
        "filters",
        "formats",
        "history",
        "imports",
        "indexes",
        "links",
        "mappings",
        "marks",
        "rights",
    ),
    *("roles", "rows", "rules", "runs", "secrets", "services", "shares", "subjects", "versions"),
    *(
        "areas",
        "counters",
        "descriptions",
        "openings",
        "effects",
        "operations",
        "patterns",
        "relations",
    ),
    *("reports", "statistics", "uploads", "views", "words"),
}
"""Names of features that are ordinary words too; ``WORDS`` has those of them that are not."""

ALLOWED = {
    '"__signature__"': "Python's word",
    "inspect.signature": "Python's word",
    "reads them from the signature": "Python's word",
    "webhook-signature": "a header's name",
    "webhook-id": "as above",
    "webhook-timestamp": "as above",
    "Standard Webhooks": "the name of a specification",
    "from email.utils import": "Python's module: dates of HTTP are those of mail",
    "asyncpg.Record": "a row, in the driver's words",
    "async def record(": "the verb: what the ledger does",
    "``REGISTRY_`` …": "an example of a prefix",
    "records:read": "an example of a scope",
    "record-not-found": "an example of a name",
}
"""Phrases of the kit that hold such a word for a reason of their own."""

SPOKEN = {"decisions.py": {"consent", "record", "agreement", "individual", "withdrawn"}}
"""Modules that ask a block, by its published contract, in the words of that contract."""


def features(house: Path) -> set[str]:
    """Return the names of the blocks' feature folders."""
    folders = house.glob("services/*/src/*/*/__init__.py")
    return {file.parent.name for file in folders}


def pattern(words: set[str]) -> re.Pattern[str]:
    singular = {word.removesuffix("s") for word in words} | words
    either = "|".join(re.escape(word) for word in sorted(singular, key=len, reverse=True))
    return re.compile(rf"(?<![A-Za-z])({either})s?(?![A-Za-z])", re.IGNORECASE)


def texts(house: Path) -> dict[Path, str]:
    return {file: file.read_text(encoding="utf-8") for file in house.glob("kit/src/**/*.py")}


def test_the_kit_has_no_word_of_the_domain(house: Path) -> None:
    forbidden = pattern(WORDS | features(house) - set(GENERAL))
    found: list[str] = []
    for file, text in texts(house).items():
        for number, line in enumerate(text.splitlines(), 1):
            rest = line
            for word in SPOKEN.get(file.name, set()):
                rest = re.sub(rf"{word}s?", "", rest, flags=re.IGNORECASE)
            for phrase in ALLOWED:
                rest = rest.replace(phrase, "")
            if match := forbidden.search(rest):
                found.append(f"{file.relative_to(house)}:{number} {match.group()}")
    assert not found, "\n".join(found)


def test_the_allowed_phrases_are_still_there(house: Path) -> None:
    kit = "\n".join(texts(house).values())
    assert [phrase for phrase in ALLOWED if phrase not in kit] == []
