"""A text that matches a regular expression, for the patterns analysts write.

What is read is the common part of all dialects: literals, classes, groups, alternatives,
repetition. A pattern with more in it has no sample here; nothing is ever matched with this code.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

_CLASSES = {"d": "0", "w": "a", "s": " ", "D": "a", "W": "-", "S": "a"}
_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v"}
_PROPERTIES = {"L": "a", "Ll": "a", "Lu": "A", "N": "0", "Nd": "0", "P": "-", "Z": " ", "Zs": " "}
_ANYTHING = "aA0- _.,/1bB9zZ"
_TIMES = re.compile(r"\{([0-9]{1,4})(,([0-9]{1,4})?)?\}")
_PROPERTY = re.compile(r"[pP]\{([A-Za-z]{1,2})\}")
_GROUP = re.compile(r"\?(:|P?<[A-Za-z_][A-Za-z0-9_]*>)")
_HEX = re.compile(r"x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})")
_LONGEST = 1000

Made = Callable[[int], str]
"""A part of the pattern as what makes a text for it, given how often to repeat beyond the least."""


class _NotRead(Exception):
    """The pattern has something that is not read here."""


def sample(pattern: str, more: int = 0) -> str | None:
    """Return a text that should match, each repetition ``more`` times beyond its least.

    None when the pattern is not read here. The caller makes sure that the text matches.
    """
    reader = _Reader(pattern)
    try:
        made = reader.alternatives()
        if not reader.is_at_end:
            return None
        return made(more)
    except (_NotRead, IndexError, RecursionError):
        return None


@dataclass
class _Reader:
    """A pattern and how far it is read."""

    text: str
    at: int = 0

    @property
    def is_at_end(self) -> bool:
        return self.at >= len(self.text)

    def _next(self) -> str:
        self.at += 1
        return self.text[self.at - 1]

    def _takes(self, text: str) -> bool:
        found = self.text.startswith(text, self.at)
        self.at += len(text) if found else 0
        return found

    def alternatives(self) -> Made:
        """Read alternatives; the first of them makes the text."""
        first = self._sequence()
        while self._takes("|"):
            self._sequence()
        return first

    def _sequence(self) -> Made:
        parts: list[Made] = []
        while not self.is_at_end and self.text[self.at] not in "|)":
            parts.append(self._repeated(self._one()))
        return lambda more: "".join(part(more) for part in parts)

    def _one(self) -> Made:
        character = self._next()
        if character == "(":
            return self._group()
        if character == "[":
            return _always(self._class())
        if character == "\\":
            return _always(self._escape())
        if character in "^$":
            return _always("")
        if character in "*+?":
            raise _NotRead
        return _always("a" if character == "." else character)

    def _group(self) -> Made:
        kind = _GROUP.match(self.text, self.at)
        if kind:
            self.at = kind.end()
        elif self.text.startswith("?", self.at):
            raise _NotRead
        made = self.alternatives()
        if not self._takes(")"):
            raise _NotRead
        return made

    def _escape(self) -> str:
        property_ = _PROPERTY.match(self.text, self.at)
        if property_:
            self.at = property_.end()
            return _PROPERTIES.get(property_[1], "a") if property_[0][0] == "p" else "-"
        code = _HEX.match(self.text, self.at)
        if code:
            self.at = code.end()
            return chr(int(code[1] or code[2], 16))
        character = self._next()
        if character in "bBAzZ":
            return ""
        if character in _CLASSES:
            return _CLASSES[character]
        if character.isalnum():
            if character in _ESCAPES:
                return _ESCAPES[character]
            raise _NotRead
        return character

    def _class(self) -> str:
        """Read a class of characters; return one of them."""
        start = self.at
        self._takes("^")
        self._takes("]")
        while self._next() != "]":
            if self.text[self.at - 1] == "\\":
                self.at += 1
        matches = _class_of(self.text[start : self.at - 1])
        known = [each for each in _ANYTHING if matches(each)]
        if known:
            return known[0]
        first = self.text[start]
        if first in "^\\" or not matches(first):
            raise _NotRead
        return first

    def _repeated(self, part: Made) -> Made:
        low, high = self._times()
        self._takes("?")
        return lambda more: _join(part, more, low, high)

    def _times(self) -> tuple[int, int]:
        for sign, times in (("*", (0, _LONGEST)), ("+", (1, _LONGEST)), ("?", (0, 1))):
            if self._takes(sign):
                return times
        found = _TIMES.match(self.text, self.at)
        if not found:
            return 1, 1
        self.at = found.end()
        low = int(found[1])
        return low, low if not found[2] else int(found[3] or _LONGEST)


def _always(text: str) -> Made:
    return lambda _: text


def _join(part: Made, more: int, low: int, high: int) -> str:
    text = part(more)
    times = max(low, min(high, low + more))
    if len(text) * times > _LONGEST * 10:
        raise _NotRead
    return text * times


def _class_of(inside: str) -> Callable[[str], bool]:
    """Return what tells whether a character is in a class such as ``^a-z``."""
    try:
        made = re.compile(f"[{inside}]")
    except re.error as error:
        raise _NotRead from error
    return lambda character: made.fullmatch(character) is not None
