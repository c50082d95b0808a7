"""Laws of entries and words."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogue.entries.models import Content, Entry, EntryOfAnother, EntryRefused, Kind
from catalogue.sources.models import Source
from catalogue.words import fold

CONTENT = Content(Kind.PRODUCT, "X-Road", "Exchanges data.", "NIIS", (Source(note="seen"),))
THEN, NOW = datetime(2024, 1, 1, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC)
ENTRY = Entry("x-road", "DEV/GOV/1", CONTENT, THEN, THEN)


@given(st.text())
def test_folding_twice_changes_nothing(text):
    assert fold(fold(text)) == fold(text)


@given(st.text())
def test_folding_does_not_mind_case_of_plain_letters(text):
    plain = text.encode("ascii", "ignore").decode()
    assert fold(plain.upper()) == fold(plain.lower())


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("Government of Åland", "government of aland"),
        ("Côte  d'Ivoire", "cote d'ivoire"),
        ("Łódź Øresund", "lodz oresund"),
        ("Straße", "strasse"),
        ("Київ", "ки\u0456в"),
        ("\uff26ull width", "full width"),
        ("D\u0131yarbak\u0131r", "diyarbakir"),
    ],
)
def test_words_are_compared_without_accents_and_case(written, folded):
    assert fold(written) == folded


def test_the_same_content_is_the_same_entry():
    assert ENTRY.replaced(replace(CONTENT), NOW) is ENTRY


def test_other_content_is_a_newer_entry_with_another_tag():
    changed = ENTRY.replaced(replace(CONTENT, obsolete=True), NOW)

    assert (changed.created_at, changed.updated_at) == (THEN, NOW)
    assert changed.tag != ENTRY.tag
    assert changed.content.digest != CONTENT.digest


def test_deleting_twice_is_deleting_once():
    gone = ENTRY.deleted(NOW)
    assert gone.is_deleted
    assert gone.deleted(datetime.now(UTC)) is gone


def test_only_the_publisher_passes():
    ENTRY.check_publisher("DEV/GOV/1")
    with pytest.raises(EntryOfAnother):
        ENTRY.check_publisher("DEV/GOV/2")


@pytest.mark.parametrize("sources", [(), (Source(),), (Source(note="seen"), Source(url=""))])
def test_every_claim_has_a_source(sources):
    with pytest.raises(EntryRefused):
        replace(CONTENT, sources=sources).check()
