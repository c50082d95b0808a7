"""Texts of any script as words to search for, and the lexemes an index keeps of a record.

A word is a run of letters, digits and the marks on them (Unicode categories L, N and M), compared
without case and compatibility forms (NFKC, casefold). Marks are part of a word, as Devanagari and
Ethiopic need; only vowel points of Arabic and Hebrew, which writers leave out at will, are dropped.
Scripts that put no spaces between words are cut into single characters and pairs of neighbours.

A lexeme is ``<database>:<field>:<word>``, the field as a digest of its name, so that one index
serves all databases and a search looks only into the fields it names.
"""

import hashlib
import re
import unicodedata
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

MAX_WORD = 64
"""Characters of a word that count; the rest of a longer one is not compared."""
MAX_WORDS = 4000
"""Lexemes of one record; what a longer record holds beyond is not found."""
MAX_SOUGHT = 16
"""Words of one search; more are ignored."""

_DROPPED = re.compile(
    "[\u0640\u064b-\u065f\u0670\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u200b-\u200d]"
)
_ASCII = re.compile("[a-z0-9]+")
_DOTTED = "i\u0307"  # what casefolding makes of the Turkish capital dotted I
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff]+"
)


def folded(text: str) -> str:
    """Return a text as it is compared: without case, compatibility forms and vowel points."""
    same = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return _DROPPED.sub("", same).replace(_DOTTED, "i")


def words(text: str) -> list[str]:
    """Return the words of a text in their order."""
    if text.isascii():  # the same, four times as fast
        return [run[:MAX_WORD] for run in _ASCII.findall(text.lower())]
    return [word for run in _runs(folded(text)) for word in _cut(run)]


def sought(text: str) -> tuple[list[str], bool]:
    """Return the words a search asks for, and whether the last is only the beginning of one.

    It is unless something other than a word follows it, a space for example.
    """
    runs = list(_runs(folded(text)))
    made = [word for run in runs for word in _asked(run)]
    open_end = bool(made) and _is_part(folded(text)[-1:]) and not _UNSPACED.search(runs[-1][-1:])
    return list(dict.fromkeys(made[-MAX_SOUGHT:])), open_end


def lexemes(database: int, texts: Iterable[tuple[str, str]]) -> list[str]:
    """Return what the index keeps of a record: ``texts`` are names of fields and their values."""
    found: dict[str, None] = {}
    for name, text in texts:
        prefix = _prefix(database, name)
        for word in words(text):
            if len(found) >= MAX_WORDS:
                return list(found)
            found[prefix + word] = None
    return list(found)


def texts_of(content: Mapping[str, Any], without: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Yield the name and value of every text in a record, but not of ``without`` or in lists."""
    yield from _texts(content, (), without)


def tsquery(database: int, names: Sequence[str], text: str) -> str | None:
    """Return a search as PostgreSQL's ``tsquery``: every word in one of the fields.

    None when there is no word in the text or no field to look into: nothing is found then.
    """
    asked, open_end = sought(text)
    if not asked or not names:
        return None
    parts: list[str] = []
    for place, word in enumerate(asked, 1):
        ending = ":*" if open_end and place == len(asked) else ""
        each = (f"'{_prefix(database, name)}{word}'{ending}" for name in names)
        parts.append("(" + " | ".join(each) + ")")
    return " & ".join(parts)


def _texts(
    value: Mapping[str, Any], path: tuple[str, ...], without: frozenset[str]
) -> Iterator[tuple[str, str]]:
    for key, item in value.items():
        name = ".".join((*path, key))
        if name in without:
            continue
        if isinstance(item, str):
            yield name, item
        elif isinstance(item, dict):
            yield from _texts(item, (*path, key), without)  # pyright: ignore[reportUnknownArgumentType]


@lru_cache(4096)
def _prefix(database: int, name: str) -> str:
    digest = hashlib.sha256(name.encode()).digest()[:6]
    return f"{database}:{urlsafe_b64encode(digest).decode()}:"


@lru_cache(8192)
def _is_part(char: str) -> bool:
    return bool(char) and unicodedata.category(char)[0] in "LNM"


def _runs(text: str) -> Iterator[str]:
    start: int | None = None
    for at, char in enumerate(text):
        if _is_part(char):
            start = at if start is None else start
        elif start is not None:
            yield text[start:at]
            start = None
    if start is not None:
        yield text[start:]


def _parts(run: str) -> Iterator[tuple[str, bool]]:
    """Yield the pieces of a run, each with whether it is of a script without spaces."""
    at = 0
    for found in _UNSPACED.finditer(run):
        if found.start() > at:
            yield run[at : found.start()], False
        yield found.group(), True
        at = found.end()
    if at < len(run):
        yield run[at:], False


def _cut(run: str) -> Iterator[str]:
    for part, unspaced in _parts(run):
        if unspaced:
            yield from part
            yield from (part[at : at + 2] for at in range(len(part) - 1))
        else:
            yield part[:MAX_WORD]


def _asked(run: str) -> Iterator[str]:
    for part, unspaced in _parts(run):
        if unspaced and len(part) > 1:
            yield from (part[at : at + 2] for at in range(len(part) - 1))
        else:
            yield part[:MAX_WORD]
