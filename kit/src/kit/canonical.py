"""JSON in its one canonical form (RFC 8785), as entries are hashed and signed."""

import json
from typing import Any, cast

import rfc8785

_LARGEST = 1 << 53
_ENCODE = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
).encode


def canonical(value: Any) -> bytes:
    """Return a JSON value in canonical form.

    Raises ValueError for what RFC 8785 cannot write: NaN, half a surrogate pair, an integer beyond
    2**53, a key that is no text.
    """
    if _is_plain(value):  # then the standard library writes the same, in a third of the time
        return _ENCODE(value).encode()
    return rfc8785.dumps(value)


def _is_plain(value: Any) -> bool:
    """Tell whether a value has no numbers or keys that JavaScript writes or sorts its own way."""
    kind = type(value)
    if kind is str or value is None or kind is bool:
        return True
    if kind is int:
        return -_LARGEST < value < _LARGEST
    if kind is dict:
        members = cast("dict[Any, Any]", value)
        keys_fit = all(type(key) is str and key.isascii() for key in members)
        return keys_fit and all(map(_is_plain, members.values()))
    return kind is list and all(map(_is_plain, value))
