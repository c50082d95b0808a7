"""The guide to schemas is held against the code."""

import json
import re
from pathlib import Path

from registry.actions import models as actions
from registry.keywords.models import parse
from registry.triggers import models as triggers
from registry.validation.models import Validator
from registry.vocabulary import models as vocabulary

GUIDE = Path(__file__).parents[4] / "docs/guides/registry-schema.md"
TEXT = GUIDE.read_text(encoding="utf-8")


def _named() -> set[str]:
    rows = [line.split("|")[1] for line in TEXT.splitlines() if line.startswith("|")]
    return set(re.findall(r"`([^`]+)`", " ".join(rows)))


def test_every_word_is_on_the_page():
    words = {*vocabulary.KEYWORDS, *vocabulary.TYPES, *actions.ACTIONS}
    assert words - _named() == set()
    assert [each for each in actions.PLACEHOLDERS if f"`{{{each}}}`" not in TEXT] == []


def test_every_schema_on_the_page_is_taken():
    shown = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)]
    assert len(shown) == 2
    for document in shown:
        schema = parse(document)
        assert triggers.parse(schema)
        assert Validator(schema).errors(schema.example()) == []
