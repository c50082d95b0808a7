r"""Regular expressions read by ourselves and written so that two engines take them alike.

The language is the part that all regular expressions share: characters, ``.``, ``[a-z]``,
``[^a-z]``, ``\d \w \s \D \W \S`` (of ASCII), ``^`` and ``$`` (ends of the text), groups, ``|`` and
the quantifiers ``* + ? {m} {m,} {m,n}``. There are no back references and no looking around, so
neither engine has to try twice: the Rust one here is linear, PostgreSQL's is an automaton too.
"""

from functools import lru_cache

from jsonschema_rs import Draft202012Validator, RegexOptions

MAX_LENGTH = 500
MAX_DEPTH = 16
MAX_SIZE = 2000
MAX_REPEAT = 255  # PostgreSQL's own limit

_CLASSES = {"d": "0-9", "w": "A-Za-z0-9_", "s": "\\u0020\\u0009-\\u000d"}
_CONTROLS = {"n": "\n", "t": "\t", "r": "\r"}
_COMPILED_BYTES = 1 << 20


class PatternInvalid(ValueError):
    """The text is not a pattern of this language; the message says why."""


class Pattern:
    """A pattern made ready; ``sql`` is the same for PostgreSQL's ``~``, its collation ``"C"``."""

    __slots__ = ("_compiled", "sql", "text")

    def __init__(self, text: str, sql: str) -> None:
        self.text = text
        self.sql = sql
        self._compiled = Draft202012Validator(
            {"pattern": sql}, pattern_options=RegexOptions(size_limit=_COMPILED_BYTES)
        )

    def matches(self, value: str) -> bool:
        """Tell whether the pattern is found anywhere in a text."""
        return self._compiled.is_valid(value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pattern) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)


@lru_cache(512)
def parse(text: str) -> Pattern:
    """Read a pattern, or raise PatternInvalid."""
    if len(text) > MAX_LENGTH:
        raise PatternInvalid(f"a pattern has {MAX_LENGTH} characters at most")
    reader = _Reader(text)
    sql, size = reader.branches(0)
    if not reader.is_done:
        raise PatternInvalid("a group is closed that was not opened")
    if size > MAX_SIZE:
        raise PatternInvalid("the pattern repeats too much")
    try:
        return Pattern(text, sql)
    except ValueError as error:
        raise PatternInvalid("the pattern is too large") from error


def _literal(char: str) -> str:
    """Return a character as both engines read it: anything that could mean more as its code."""
    if char.isascii() and not char.isalnum():
        return f"\\u{ord(char):04x}"
    return char


class _Reader:
    """A recursive descent over a pattern; each part gives its text and how many states it makes."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    @property
    def is_done(self) -> bool:
        """Tell whether the whole text was read."""
        return self._at >= len(self._text)

    def _peek(self) -> str:
        return self._text[self._at] if not self.is_done else ""

    def _next(self) -> str:
        char = self._peek()
        if not char:
            raise PatternInvalid("the pattern ends too early")
        self._at += 1
        return char

    def branches(self, depth: int) -> tuple[str, int]:
        """Read what stands between bars, up to the end or the end of the group."""
        if depth > MAX_DEPTH:
            raise PatternInvalid(f"groups stand {MAX_DEPTH} deep at most")
        made, size = [self._branch(depth)], 1
        while self._peek() == "|":
            self._at += 1
            made.append(self._branch(depth))
        size += sum(part[1] for part in made)
        return "|".join(part[0] for part in made), size

    def _branch(self, depth: int) -> tuple[str, int]:
        made, size = "", 0
        while self._peek() not in ("", "|", ")"):
            text, weight = self._piece(depth)
            made, size = made + text, size + weight
        if not made:
            raise PatternInvalid("there is nothing between two signs")
        return made, size

    def _piece(self, depth: int) -> tuple[str, int]:
        text, weight = self._atom(depth)
        if text in ("^", "$"):
            return text, weight
        quantifier, most = self._quantifier()
        if quantifier and (self._peek() or " ") in "*+?{":
            raise PatternInvalid("a quantifier follows a quantifier")
        return text + quantifier, weight * most

    def _atom(self, depth: int) -> tuple[str, int]:
        char = self._next()
        if char == "(":
            return self._group(depth)
        if char == "[":
            return self._set(), 1
        if char == "\\":
            return self._escape(), 1
        if char == ".":
            return "[^\\u000a]", 1
        if char in "*+?{}])":
            raise PatternInvalid(f"{char} stands where nothing can be repeated or closed")
        return (char if char in "^$" else _literal(char)), 1

    def _group(self, depth: int) -> tuple[str, int]:
        if self._text.startswith("?:", self._at):
            self._at += 2
        elif self._peek() == "?":
            raise PatternInvalid("groups look neither ahead nor behind, and have no names")
        made, size = self.branches(depth + 1)
        if self.is_done:
            raise PatternInvalid("a group is not closed")
        self._at += 1
        return f"(?:{made})", size

    def _escape(self) -> str:
        char = self._next()
        if char.lower() in _CLASSES:
            sign = "" if char.islower() else "^"
            return f"[{sign}{_CLASSES[char.lower()]}]"
        return _literal(_escaped(char))

    def _set(self) -> str:
        made = "["
        if self._peek() == "^":
            self._at += 1
            made = "[^"
        start = self._at
        while self._peek() != "]":
            made += self._range()
        if self._at == start:
            raise PatternInvalid("a set of characters is empty")
        self._at += 1
        return made + "]"

    def _range(self) -> str:
        first, is_class = self._one()
        if is_class:
            return first
        ahead = self._text[self._at : self._at + 2]
        if not ahead.startswith("-") or ahead in ("-", "-]"):
            return _literal(first)
        self._at += 1
        last, is_class = self._one()
        if is_class or last < first:
            raise PatternInvalid("a range of characters ends before it begins")
        return f"{_literal(first)}-{_literal(last)}"

    def _one(self) -> tuple[str, bool]:
        """Read one character of a set, or the ranges of a class."""
        char = self._next()
        if char != "\\":
            return char, False
        char = self._next()
        if char in _CLASSES:
            return _CLASSES[char], True
        return _escaped(char), False

    def _quantifier(self) -> tuple[str, int]:
        """Read a quantifier, if there is one, and how often it repeats what it makes."""
        char = self._peek()
        if char and char in "*+?":
            self._at += 1
            return char, 1
        if char != "{":
            return "", 1
        end = self._text.find("}", self._at)
        least, comma, most = self._text[self._at + 1 : max(end, 0)].partition(",")
        self._at = end + 1
        if end < 0 or not _is_count(least) or not (most == "" or _is_count(most)):
            raise PatternInvalid(f"a count is {{m}}, {{m,}} or {{m,n}}, up to {MAX_REPEAT}")
        if most and int(most) < int(least):
            raise PatternInvalid("a count ends before it begins")
        return f"{{{least}{comma}{most}}}", max(int(most or least), 1)


def _escaped(char: str) -> str:
    if char in _CONTROLS:
        return _CONTROLS[char]
    if char.isalnum():
        raise PatternInvalid(f"\\{char} is not known here")
    return char


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 4 and int(text) <= MAX_REPEAT  # noqa: PLR2004
