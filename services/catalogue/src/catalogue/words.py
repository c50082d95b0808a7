"""How ids are written, and how words are compared: whoever types "aland" means Åland."""

import re
import unicodedata

ID = r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$"
"""The shape of ids: lower-case words, digits, points and hyphens."""

BLANK = r"\x00-\x20\x7f-\xa0\u1680\u2000-\u200f\u2028-\u202f\u205f\u3000\ufeff"
"""Blanks and control characters, for use between the brackets of a pattern.

Spelled out, because ``\\s`` is not the same in Python, Rust and ECMA 262.
"""

VISIBLE = f"[^{BLANK}]"
"""The pattern of text with something to see in it."""

_VISIBLE = re.compile(VISIBLE)
_ACCENTS = dict.fromkeys(range(0x0300, 0x0370))
_LETTERS = str.maketrans(
    {
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "ħ": "h",
        "\u0131": "i",
        "æ": "ae",
        "œ": "oe",
        "þ": "th",
        "ð": "d",
    }
)


def is_visible(text: str) -> bool:
    """Tell whether there is anything to see in a text."""
    return _VISIBLE.search(text) is not None


def fold(text: str) -> str:
    """Return text without case, accents and repeated space; folding twice changes nothing."""
    plain = _unaccented(_unaccented(text).casefold())
    return " ".join(plain.translate(_LETTERS).split())


def _unaccented(text: str) -> str:
    return unicodedata.normalize("NFKD", text).translate(_ACCENTS)
