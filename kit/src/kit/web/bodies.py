"""Reading JSON so that what is kept is what was sent (RFC 8259).

Python reads ``{"a": 1, "a": 2}`` as the last of the two, and a number with more digits than a
double holds as its neighbour. Both would keep something that nobody said, so both are refused,
naming the place.
"""

import json
import math
from collections.abc import Iterable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, cast

from kit.problems import FieldError
from kit.web.problems import Unreadable

_EXACT = 15
"""Digits of a number that a double surely holds, unless it is one of the very small."""
_SMALL = 1e-290
_LONGEST = 308
"""Digits of a whole number; with more it is beyond any double, and slow to calculate with."""
_TWICE = "is there twice"
_DIGITS = "has more digits than can be kept: send it as text"
_TOO_LARGE = "is too large or too small for a number"


class _NotKept(ValueError):
    """The text says something that Python's values cannot hold."""


class _Fault:
    """Stands for a value that cannot be kept, and why."""

    def __init__(self, reason: str, name: str = "") -> None:
        self.reason = reason
        self.name = name


def read_json(body: bytes) -> Any:
    """Return the value of a JSON text.

    Raises ValueError or RecursionError when it is none, and Unreadable when it says something
    that cannot be kept.
    """
    text = body.decode(json.detect_encoding(body), "surrogatepass")
    try:
        return _READ(text)
    except _NotKept:
        where, reason = _first(_LOOK(text))
        error = FieldError(where, reason)
        raise Unreadable(f"{where}: {reason}", errors=[error]) from None


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(members)
    if len(made) != len(members):
        raise _NotKept
    return made


def _number(text: str) -> float:
    value = float(text)
    if _loss(text, value):
        raise _NotKept
    return value


def _integer(text: str) -> int:
    if len(text) > _LONGEST:
        raise _NotKept
    return int(text)


def _loss(text: str, value: float) -> str:
    """Say why a double is not the number that was written; empty when it is."""
    if len(text) <= _EXACT and _SMALL < abs(value) < math.inf:
        return ""
    if not math.isfinite(value):
        return _TOO_LARGE
    try:
        return "" if Decimal(text) == Decimal(repr(value)) else _DIGITS
    except InvalidOperation:
        return _TOO_LARGE


def _looked_object(members: list[tuple[str, Any]]) -> Any:
    names = set[str]()
    for name, _ in members:
        if name in names:
            return _Fault(_TWICE, name)
        names.add(name)
    return dict(members)


def _looked_integer(text: str) -> Any:
    return _Fault(_TOO_LARGE) if len(text) > _LONGEST else int(text)


def _looked_number(text: str) -> Any:
    value = float(text)
    reason = _loss(text, value)
    return _Fault(reason) if reason else value


_READ = json.JSONDecoder(object_pairs_hook=_object, parse_float=_number, parse_int=_integer).decode
_LOOK = json.JSONDecoder(
    object_pairs_hook=_looked_object, parse_float=_looked_number, parse_int=_looked_integer
).decode


def _first(value: Any) -> tuple[str, str]:
    """Return the place and the reason of the first fault in a value that has one."""
    waiting: list[tuple[Sequence[object], Any]] = [((), value)]
    for at, item in waiting:
        if isinstance(item, _Fault):
            inside = (*at, item.name) if item.reason == _TWICE else at
            return "#" + "".join(f"/{_escaped(part)}" for part in inside), item.reason
        waiting += [((*at, key), each) for key, each in _members(item)]
    return "#", _TWICE


def _members(value: Any) -> Iterable[tuple[object, Any]]:
    if isinstance(value, dict):
        return cast("dict[str, Any]", value).items()
    return enumerate(cast("list[Any]", value)) if isinstance(value, list) else ()


def _escaped(part: object) -> str:
    return str(part).replace("~", "~0").replace("/", "~1")
