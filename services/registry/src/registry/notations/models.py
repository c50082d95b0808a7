"""Reading and writing documents: one value for each name, nothing that grows, nothing that runs.

YAML is read as YAML 1.2's core schema has it, less what JSON has no word for: no anchors and
aliases (a small text could stand for a huge one), no tags (which name types of a language), no
name given twice, no infinity. ``on`` is text here, and so is ``2026-01-31``.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, cast

import yaml

from kit.problems import FieldError, Invalid

MAX_DEPTH = 64
_WIDE = 10_000
"""Characters of a line of YAML; no text is folded, so that a change is one line of a diff."""

_LINE_ENDS = "\r\x85\u2028\u2029"
"""What ends a line for some readers of YAML and not for others."""

_NULL = {"", "~", "null", "Null", "NULL"}
_BOOLEAN = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?[0-9]{1,400}")
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_ENDLESS = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


class DocumentUnreadable(Invalid):
    """The document is not what its media type says; the reason has the line and the column."""

    title = "The document cannot be read"


def unreadable(reason: str, line: int | None = None, column: int | None = None) -> NoReturn:
    """Raise DocumentUnreadable; lines and columns are counted from 1."""
    where = "" if line is None else f"line {line}, column {column}: "
    raise DocumentUnreadable(f"{where}{reason}", errors=[FieldError("#", f"{where}{reason}")])


def text_of(body: bytes) -> str:
    """Return a body as text, or raise DocumentUnreadable."""
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = body[: error.start]
        line = before.count(b"\n") + 1
        unreadable("is not UTF-8", line, error.start - before.rfind(b"\n"))


def read_json(body: bytes) -> Any:
    """Return the value of a JSON document (RFC 8259), or raise DocumentUnreadable."""
    text = text_of(body)
    try:
        return json.loads(
            text, object_pairs_hook=_object, parse_constant=_constant, parse_float=_finite
        )
    except json.JSONDecodeError as error:
        unreadable(f"not JSON: {error.msg}", error.lineno, error.colno)
    except RecursionError:
        unreadable("is nested too deep")
    except ValueError:  # an integer of thousands of digits
        unreadable("holds a number that is too long")


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, value in pairs:
        if name in made:
            unreadable("an object has the same name twice")
        made[name] = value
    return made


def _constant(_text: str) -> NoReturn:
    unreadable("NaN and infinity are not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        unreadable("holds a number that is too large")
    return value


def read_yaml(body: bytes) -> Any:
    """Return the value of a YAML document, or raise DocumentUnreadable."""
    builder = _Builder()
    try:
        for event in yaml.parse(text_of(body), Loader=yaml.CSafeLoader):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = (None, None) if mark is None else (mark.line + 1, mark.column + 1)
        unreadable(f"not YAML: {error.problem or error.context or 'cannot be read'}", *at)
    except yaml.YAMLError:
        unreadable("not YAML: holds characters that YAML does not know")
    return builder.value


@dataclass(slots=True)
class _Holder:
    """A mapping or a sequence that is being read, and the name whose value comes next."""

    value: dict[str, Any] | list[Any]
    name: str | None = None


class _Builder:
    """Makes a value of YAML's events, one after another, without going deeper itself."""

    def __init__(self) -> None:
        self._holders: list[_Holder] = []
        self._documents = 0
        self.value: Any = None

    def take(self, event: yaml.Event) -> None:
        """Take the next event, or raise DocumentUnreadable at its place."""
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            _refuse(event, "anchors and aliases are not read")
        if getattr(event, "tag", None):
            _refuse(event, "tags are not read")
        if isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                _refuse(event, "a second document begins")
        elif isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._open(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._holders.pop()

    def _open(self, event: yaml.CollectionStartEvent) -> None:
        if len(self._holders) == MAX_DEPTH:
            _refuse(event, f"is nested more than {MAX_DEPTH} deep")
        made: dict[str, Any] | list[Any] = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._add(made, event)
        self._holders.append(_Holder(made))

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        holder = self._holders[-1] if self._holders else None
        if holder is None or isinstance(holder.value, list) or holder.name is not None:
            plain = event.implicit[0] and not event.style
            self._add(_resolved(event, event.value) if plain else event.value, event)
        elif event.value in holder.value:
            _refuse(event, "the same name a second time")
        else:
            holder.name = event.value

    def _add(self, value: Any, event: yaml.Event) -> None:
        if not self._holders:
            self.value = value
            return
        holder = self._holders[-1]
        if isinstance(holder.value, list):
            holder.value.append(value)
        elif holder.name is None:
            _refuse(event, "a name is text, not a list or an object")
        else:
            holder.value[holder.name] = value
            holder.name = None


def _refuse(event: yaml.Event, reason: str) -> NoReturn:
    mark = cast("yaml.Mark", event.start_mark)
    unreadable(reason, mark.line + 1, mark.column + 1)


def _resolved(event: yaml.ScalarEvent, text: str) -> Any:
    """Return what a plain scalar means, or refuse a number that JSON cannot hold."""
    value = plain(text)
    if isinstance(value, float) and not math.isfinite(value):
        _refuse(event, "holds a number that is too large or none")
    return value


def plain(text: str) -> Any:
    """Return what a scalar without quotes means in YAML's core schema, without octals."""
    if text in _NULL:
        return None
    if text in _BOOLEAN:
        return _BOOLEAN[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _NUMBER.fullmatch(text) or _ENDLESS.fullmatch(text):
        return float(text.replace(".", "", 1)) if "n" in text.lower() else float(text)
    return text


def write_json(document: Mapping[str, Any]) -> str:
    """Return a document as JSON, two spaces a level, in its own order."""
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def write_yaml(document: Mapping[str, Any]) -> str:
    """Return a document as YAML in its own order, as ``read_yaml`` and others read it back."""
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDE)


class _Dumper(yaml.SafeDumper):
    """YAML without anchors, with quotes around text that means something else without."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  the signature is PyYAML's
        return True

    def quoted(self, data: str) -> yaml.ScalarNode:
        """Return a text as a node."""
        odd = any(character in data for character in _LINE_ENDS)
        style = '"' if odd else None if plain(data) is data else "'"
        return self.represent_scalar("tag:yaml.org,2002:str", data, style)


_Dumper.add_representer(str, _Dumper.quoted)
