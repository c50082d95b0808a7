"""Words of any script, and what an index keeps of them."""

from hypothesis import given
from hypothesis import strategies as st

from registry.words.models import MAX_WORD, MAX_WORDS, lexemes, sought, tsquery, words


def test_a_word_is_letters_digits_and_marks_without_case():
    assert words("Don't STOP: n°42, naïve Straße") == [
        "don",
        "t",
        "stop",
        "n",
        "42",
        "naïve",
        "strasse",
    ]


def test_scripts_without_spaces_are_cut_into_characters_and_pairs():
    assert words("北京市a") == ["北", "京", "市", "北京", "京市", "a"]
    assert sought("北京市") == (["北京", "京市"], False)


def test_the_last_word_of_a_search_is_a_beginning_unless_something_follows():
    assert sought("new yo") == (["new", "yo"], True)
    assert sought("new york ") == (["new", "york"], False)


@given(st.text())
def test_cutting_words_again_gives_the_same(text):
    for word in words(text):
        assert word in words(word)
        assert len(word) <= MAX_WORD


@given(st.text("aZ0 _-.'"))
def test_words_of_ascii_are_cut_as_all_others(text):
    assert words(text) == words(text + " é")[:-1]


@given(st.text(), st.sampled_from(["a", "b.c"]))
def test_every_word_of_a_search_is_among_the_lexemes_of_its_own_text(text, name):
    asked, open_end = sought(text)
    kept = [each.rpartition(":")[2] for each in lexemes(7, [(name, text)])]
    whole = asked[:-1] if open_end else asked
    assert set(whole) <= set(kept)
    assert not asked or any(each.startswith(asked[-1]) for each in kept)


def test_a_lexeme_names_its_database_and_field():
    [one] = lexemes(7, [("name", "x")])
    [other] = lexemes(7, [("nick", "x")])
    assert one.startswith("7:")
    assert one != other
    assert tsquery(7, ["name"], "x") == f"('{one}':*)"
    assert tsquery(7, [], "x") is None
    assert tsquery(7, ["name"], "!?") is None


def test_a_record_keeps_a_limited_number_of_lexemes():
    assert len(lexemes(7, [("a", " ".join(map(str, range(MAX_WORDS + 10))))])) == MAX_WORDS
