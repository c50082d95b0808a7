"""What an import is asked, how far it is, and what is wrong with rows of its file."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import PurePath
from typing import Any, BinaryIO, cast
from uuid import UUID

from kit.access import Caller
from kit.problems import Conflict, FieldError, Invalid, NotFound, Problem, TooLarge
from registry.batches.models import depends
from registry.columns.models import Reader
from registry.databases.models import Release
from registry.fields.models import Schema
from registry.rows import models as rows
from registry.rows.models import FileInvalid, Format, Row
from registry.sheets import models as sheets

PART_SIZE = 256 * 1024
"""Bytes of the file in one row of the database."""
ROWS = 1000
"""Rows that one transaction takes in."""
LANE = 500
"""Rows of a transaction that are written in one go, while others are prepared."""
SMALL = 10_000
"""Rows of a file that is answered at once."""
FORGOTTEN = timedelta(hours=1)
"""After this an upload that has not ended is cleared away."""
MOST_FAULTS = 1000
"""Faults that the report itself holds."""

_TYPES = {
    "text/csv": Format.CSV,
    "application/json": Format.JSON,
    "application/x-ndjson": Format.NDJSON,
    "application/ndjson": Format.NDJSON,
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": Format.XLSX,
}
_DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
_CHARSETS = ("utf-8", "utf8", "us-ascii", "ascii", "utf-8-sig")


class OptionsInvalid(Invalid):
    """The import cannot be made as it is asked for."""

    title = "The import cannot be made like this"


class ImportNotFound(NotFound):
    """The caller has no such import in this database."""

    title = "No such import"


class ImportEnded(Conflict):
    """The import has ended or was cancelled while its file was sent."""

    title = "The import has ended"


class FileTooLong(TooLarge):
    """The file has more rows than are taken in while the caller waits."""

    title = "The file has too many rows to wait for"


class ImportStorageFull(Problem):
    """There is no room for the file; nothing of it was kept (RFC 4918 section 11.5)."""

    status = 507
    title = "There is no room for the file"


class State(StrEnum):
    """How far an import is; the last three are its end."""

    UPLOADING = "uploading"
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def has_ended(self) -> bool:
        """Tell whether nothing more will happen."""
        return self in {State.DONE, State.FAILED, State.CANCELLED}


def _refuse(name: str, reason: str) -> Problem:
    return OptionsInvalid(f"{name} {reason}", errors=[FieldError(f"#/{name}", reason)])


@dataclass(frozen=True, slots=True)
class Options:
    """How the file is to be read, and what its rows mean.

    ``key`` are the fields by which a row finds the record that it changes; None: the primary key
    where a row has it; empty: every row is a new record. ``mapping`` names the fields of columns
    that are called otherwise.
    """

    format: Format
    delimiter: str = ","
    dry_run: bool = False
    key: tuple[str, ...] | None = None
    mapping: Mapping[str, str] = field(default_factory=dict[str, str])

    def check(self, schema: Schema) -> None:
        """Raise OptionsInvalid for a field this version does not have, or that cannot be a key."""
        for name, wanted in self.mapping.items():
            if schema.find(wanted) is None:
                raise _refuse("mapping", f"names no field of this version for {name[:100]}")
        for name in self.key or ():
            found = schema.find(name)
            if found is None or found.in_list or found.fields or found.is_secret:
                raise _refuse("key", f"{name[:100]} is no field that a record can be found by")

    @property
    def document(self) -> dict[str, Any]:
        """Return the options as they are kept."""
        return {
            "delimiter": self.delimiter,
            "dryRun": self.dry_run,
            "key": None if self.key is None else list(self.key),
            "mapping": dict(self.mapping),
        }


def options_from(kind: Format, document: Mapping[str, Any]) -> Options:
    """Return options as they were kept."""
    key = document["key"]
    return Options(
        kind,
        document["delimiter"],
        document["dryRun"],
        None if key is None else tuple(key),
        document["mapping"],
    )


def format_of(said: str | None, name: str | None, media_type: str) -> Format:
    """Return what a file is: as said, or by its media type, or by the end of its name."""
    if said is not None:
        if said not in set(Format):
            raise _refuse("format", "is one of " + ", ".join(Format))
        return Format(said)
    plain, _, more = media_type.partition(";")
    charset = more.partition("charset=")[2].strip(' "').lower()
    if charset and charset not in _CHARSETS:
        raise _refuse("charset", "is UTF-8 and nothing else")
    found = _TYPES.get(plain.strip().lower())
    ending = PurePath(name or "").suffix.lstrip(".").lower()
    if found is None and ending in set(Format):
        found = Format(ending)
    if found is None:
        raise _refuse("format", "is not said: json, ndjson, csv or xlsx")
    return found


def options_of(kind: Format, given: Mapping[str, str]) -> Options:
    """Read options from the texts of a request, or raise OptionsInvalid."""
    said = given.get("delimiter", ",")
    delimiter = _DELIMITERS.get(said, said)
    if len(delimiter) != 1 or delimiter in '"\r\n' or not delimiter.isascii():
        raise _refuse("delimiter", "is one character, or comma, semicolon, tab or pipe")
    if given.get("encoding", "utf-8").lower() not in _CHARSETS:
        raise _refuse("encoding", "is UTF-8 and nothing else")
    dry = {"true": True, "false": False}.get(given.get("dryRun", "false").lower())
    if dry is None:
        raise _refuse("dryRun", "is true or false")
    key = given.get("key")
    names = None if key is None else tuple(n.strip() for n in key.split(",") if n.strip())
    return Options(kind, delimiter, dry, names, _mapping(given.get("mapping", "{}")))


def _mapping(text: str) -> Mapping[str, str]:
    try:
        found: Any = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not all(isinstance(v, str) for v in found.values()):
        raise _refuse("mapping", "is a JSON object: the name of a field for a column's")
    return found


@dataclass(frozen=True, slots=True)
class Tally:
    """How many rows were read, and what became of them."""

    rows: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    failed: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        """Return both together."""
        return Tally(
            self.rows + other.rows,
            self.created + other.created,
            self.updated + other.updated,
            self.unchanged + other.unchanged,
            self.failed + other.failed,
        )


@dataclass(frozen=True, slots=True)
class RowFault:
    """Why a row was not taken in: its place among the rows, its line, columns and reasons."""

    place: int
    line: int
    errors: Sequence[Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Report:
    """What became of rows."""

    tally: Tally = Tally()
    faults: Sequence[RowFault] = ()


@dataclass(frozen=True, slots=True)
class Import:
    """A file on its way into a database."""

    id: UUID
    database: int
    client: str
    state: State
    options: Options
    wrapped: bytes | None
    caller: bytes | None
    problem: Mapping[str, Any] | None
    bytes: int
    tally: Tally
    created_at: datetime
    changed_at: datetime
    ended_at: datetime | None

    def is_forgotten(self, now: datetime) -> bool:
        """Tell whether it is an upload of which nothing came for long."""
        return self.state is State.UPLOADING and now - self.changed_at >= FORGOTTEN


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a file, sealed; all but the last are of one size."""

    number: int
    sealed: bytes
    size: int


@dataclass(frozen=True, slots=True)
class Placed:
    """A row of a file, and how many rows stand before it."""

    place: int
    row: Row


def read(file: BinaryIO, options: Options, heading: list[str]) -> Iterator[Row]:
    """Yield the rows of a file, or raise FileInvalid where it cannot be read.

    The names of a table's columns are added to ``heading``.
    """
    if options.format is Format.XLSX:
        return sheets.read(file, heading)
    return rows.read(file, options.format, options.delimiter, heading)


class Taking:
    """Takes rows by the thousand; what is wrong with the file is raised after what came before.

    ``heading`` has the names of a table's columns once its first rows were taken.
    """

    def __init__(self, file: BinaryIO, options: Options, done: int = 0) -> None:
        self.heading: list[str] = []
        self._found = read(file, options, self.heading)
        self._place = 0
        self._done = done
        self._fault: FileInvalid | None = None

    def take(self, count: int) -> list[Placed]:
        """Return the next rows, an empty list at the end; raise FileInvalid."""
        if self._fault is not None:
            raise self._fault
        taken: list[Placed] = []
        try:
            while len(taken) < count:
                row = next(self._found, None)
                if row is None:
                    break
                if self._place >= self._done:
                    taken.append(Placed(self._place, row))
                self._place += 1
        except FileInvalid as fault:
            if not taken:
                raise
            self._fault = fault
        return taken


@dataclass(frozen=True, slots=True)
class Entry:
    """A row made ready: the record it means, and by what it finds the one it changes."""

    place: int
    content: Mapping[str, Any]
    key: Mapping[str, Any] | None


class Maker:
    """Makes entries of rows, as the options say."""

    def __init__(self, schema: Schema, current: Schema, options: Options) -> None:
        self._schema = schema
        self._typed = options.format in {Format.JSON, Format.NDJSON}
        self._reader = Reader(schema, options.mapping)
        self._columns = {name: column for column, name in options.mapping.items()}
        primary = current.primary_key
        self._demanded = options.key is not None
        default = () if primary is None or schema.find(primary.name) is None else (primary.name,)
        self._key = [schema.get(n) for n in (default if options.key is None else options.key)]

    def entry(self, placed: Placed) -> Entry | RowFault:
        """Return the entry that a row means, or why it means none."""
        errors: list[FieldError] = []
        if self._typed:
            content = self._reader.renamed(placed.row.cells)
            errors += unkeepable(content)
        else:
            content = self._reader.content(placed.row.cells, errors)
        key: dict[str, Any] = {}
        for each in self._key:
            inside: Any = content
            for name in each.path:
                inside = inside.get(name) if isinstance(inside, dict) else None
            if inside is None:
                if self._demanded:
                    errors.append(FieldError(each.name, "is the key, and has no value"))
                key = {}
                break
            _nest(key, each.path, inside)
        if errors:
            return self.fault(placed, errors)
        return Entry(placed.place, content, key or None)

    def fault(self, placed: Placed, errors: Sequence[FieldError]) -> RowFault:
        """Return the fault of a row, by the names of its columns."""
        said = [
            {"column": self._columns.get(name, name), "reason": error.reason}
            for error in errors
            for name in [column_of(error.pointer)]
        ]
        return RowFault(placed.place, placed.row.line, said)


def _nest(content: dict[str, Any], path: Sequence[str], value: Any) -> None:
    for name in path[:-1]:
        content = content.setdefault(name, {})
    content[path[-1]] = value


def column_of(pointer: str) -> str:
    """Return the name of a column, ``child.birthdate``, for a pointer into a record."""
    if not pointer.startswith("#"):
        return pointer
    parts = pointer.removeprefix("#").split("/")[1:]
    return ".".join(part.replace("~1", "/").replace("~0", "~") for part in parts)


def unkeepable(content: Mapping[str, Any]) -> list[FieldError]:
    """Return the members of a record that PostgreSQL cannot keep."""
    text = json.dumps(content, ensure_ascii=True)
    if "\\u0000" not in text and "\\ud" not in text:
        return []
    found: list[FieldError] = []
    for name, value in content.items():
        plain = json.dumps([name, value], ensure_ascii=False)
        if "\\u0000" in plain or any("\ud800" <= each <= "\udfff" for each in plain):
            reason = "holds a NUL character or half a surrogate pair"
            found.append(FieldError(name.encode("ascii", "replace").decode(), reason))
    return found


def waves(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    """Yield entries in lists in which no two have the same key, in their order."""
    wave: list[Entry] = []
    seen: set[str] = set()
    for entry in entries:
        said = None if entry.key is None else json.dumps(entry.key, sort_keys=True)
        if said is not None and said in seen:
            yield wave
            wave, seen = [], set()
        if said is not None:
            seen.add(said)
        wave.append(entry)
    if wave:
        yield wave


def lanes(release: Release, wave: Sequence[Entry]) -> list[Sequence[Entry]]:
    """Return entries in lists that may be written side by side, each in its order.

    It is one list where an entry could exclude a later one: the first of them stays. Their keys
    differ, so where these alone must be unique, none can.
    """
    key = wave[0].key
    named = None if key is None else sorted(_names(key))
    is_alone = all(sorted(group) == named for group in release.current.schema.uniques)
    if not is_alone or depends(release) or any(entry.key is None for entry in wave):
        return [wave]
    return [wave[start : start + LANE] for start in range(0, len(wave), LANE)]


def _names(key: Mapping[str, Any], before: str = "") -> Iterator[str]:
    """Yield the names of the fields of a key."""
    for name, value in key.items():
        if isinstance(value, dict):
            yield from _names(cast("dict[str, Any]", value), f"{before}{name}.")
        else:
            yield before + name


_CALLER = (
    "client",
    "tenant",
    "person",
    "person_name",
    "represents",
    "reader",
    "service",
    "client_name",
    "member_name",
    "request_id",
)


def caller_document(caller: Caller, more: Mapping[str, Any]) -> bytes:
    """Return in whose name rows are written, as it is sealed."""
    said: dict[str, Any] = {name: getattr(caller, name) for name in _CALLER}
    said |= {"scopes": sorted(caller.scopes), "roles": sorted(caller.roles)}
    return json.dumps({"caller": said, **more}).encode()


def caller_from(document: bytes) -> tuple[Caller, Mapping[str, Any]]:
    """Return in whose name rows are written, and what was kept beside it."""
    said: dict[str, Any] = json.loads(document)
    given = said.pop("caller")
    given |= {"scopes": frozenset(given["scopes"]), "roles": frozenset(given["roles"])}
    return Caller(**given), said
