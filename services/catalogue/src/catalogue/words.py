"""How ids are written, and how words are compared: whoever types "aland" means Åland."""

import unicodedata

ID = r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$"
"""The shape of ids: lower-case words, digits, points and hyphens."""

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


def fold(text: str) -> str:
    """Return text without case, accents and repeated space; folding twice changes nothing."""
    plain = _unaccented(_unaccented(text).casefold())
    return " ".join(plain.translate(_LETTERS).split())


def _unaccented(text: str) -> str:
    return unicodedata.normalize("NFKD", text).translate(_ACCENTS)
