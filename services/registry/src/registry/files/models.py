"""A file of a record: what it is called, which files a field takes, and which bytes are asked for.

A file belongs to the record whose content names it, in the field that names it; whoever is not
shown that cannot reach it. Its bytes never change: another file has another id.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, NoReturn, cast
from urllib.parse import quote
from uuid import UUID

from kit.problems import FieldError, Invalid, NotFound, Problem, TooLarge
from registry.fields.models import Field
from registry.places import pointer
from registry.signatures.models import ACTIVE, UNKNOWN, extension_of

CHUNK = 256 * 1024
"""Bytes of a file in one row."""
MOST_FILES = 100
"""Files in one field of one record."""

_LONGEST_NAME = 200
_LONGEST_END = 16
_SEPARATORS = re.compile(r"[/\\]")
_FORBIDDEN = re.compile(r'[<>:"|?*]')
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}  # the marks that turn text around are Cf
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


class FileRefused(Invalid):
    """The field does not take this file; the errors name the field."""

    title = "The file cannot be taken"


class FileTooLarge(TooLarge):
    """The field does not take files of this size."""

    title = "The file is too large"


class FileNotFound(NotFound):
    """The record shows no such file in this field."""

    title = "No such file"


class RangeRefused(Problem):
    """The range of bytes asked for is not in the file (RFC 9110 section 15.5.17)."""

    status = 416
    title = "The range is not in the file"


class StorageFull(Problem):
    """There is no room for the file; nothing of it was kept (RFC 4918 section 11.5)."""

    status = 507
    title = "There is no room for the file"


def refuse(field: str, reason: str) -> NoReturn:
    """Raise FileRefused for a field."""
    where = pointer(*field.split("."))
    raise FileRefused(f"{field}: {reason}", errors=[FieldError(where, reason)])


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it came: its name made safe, its bytes, and what those are."""

    name: str
    content: BinaryIO
    size: int
    digest: str
    """SHA-256 of the bytes, in hex."""
    media_type: str


@dataclass(frozen=True, slots=True)
class File:
    """A file as it is kept."""

    id: UUID
    record: UUID
    field: str
    name: str
    media_type: str
    size: int
    digest: str

    @property
    def document(self) -> dict[str, Any]:
        """Return what the record's content says of the file.

        ``url`` is relative to ``/data/{registryName}/{versionNumber}/``, of whichever version.
        """
        return {
            "id": str(self.id),
            "url": f"{self.record}/files/{quote(self.field)}/{self.id}",
            "originalName": self.name,
            "type": self.media_type,
            "size": self.size,
            "digest": self.digest,
        }

    @property
    def tag(self) -> str:
        """Return the entity tag of the bytes."""
        return f'"{self.digest}"'

    @property
    def served_type(self) -> str:
        """Return the type the bytes are served with: nothing that a browser would run."""
        return UNKNOWN if extension_of(self.name) in (*ACTIVE, "xml") else self.media_type

    @property
    def disposition(self) -> str:
        """Return how a browser takes it: saved under its name, never shown (RFC 6266)."""
        plain = self.name.encode("ascii", "replace").decode().replace("?", "_").replace("\\", "_")
        return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(self.name, safe='')}"


def safe_name(given: str) -> str:
    """Return a name that means the same to every system: no folders, no marks, not too long."""
    last = _SEPARATORS.split(unicodedata.normalize("NFC", given))[-1]
    seen = "".join(each for each in last if unicodedata.category(each) not in _UNSEEN)
    name = _FORBIDDEN.sub("_", seen).strip(" .")
    stem, dot, end = name.rpartition(".")
    if len(name) > _LONGEST_NAME:
        end = dot + end if len(end) <= _LONGEST_END else ""
        name = (stem if end else name)[: _LONGEST_NAME - len(end)].rstrip(" .") + end
    return name or "file"


def check(field: Field, upload: Upload) -> None:
    """Raise FileRefused or FileTooLarge for a file that a field does not take."""
    rule = field.file
    if rule is None or field.in_list:
        refuse(field.name, "is not a field that takes files")
    if field.is_secret:
        refuse(field.name, "is secret: files are not kept encrypted, so it takes none")
    if not rule.takes_name(upload.name):
        refuse(field.name, "takes files named " + ", ".join(f".{e}" for e in rule.extensions))
    if not rule.extensions and extension_of(upload.name) in ACTIVE:
        refuse(field.name, "takes no files that run, as its schema names none")
    if not rule.takes_type(upload.media_type):
        refuse(field.name, "takes files of the types " + ", ".join(rule.media_types))
    if rule.max_bytes is not None and upload.size > rule.max_bytes:
        reason = f"takes files of {rule.max_bytes} bytes at most"
        where = pointer(*field.path)
        raise FileTooLarge(f"{field.name}: {reason}", errors=[FieldError(where, reason)])


def held(value: object) -> list[Mapping[str, Any]]:
    """Return what a field says of its files: none, one or several."""
    several = cast("list[object]", value) if isinstance(value, list) else [value]
    return [cast("dict[str, Any]", each) for each in several if isinstance(each, dict)]


def same(value: object, upload: Upload) -> Mapping[str, Any] | None:
    """Return what a field says of a file with these bytes and this name, if it has one."""
    for said in held(value):
        if said.get("digest") == upload.digest and said.get("originalName") == upload.name:
            return said
    return None


def with_file(field: Field, value: object, added: File) -> Any:
    """Return what a field says with one file more; where it holds one only, this is the one."""
    if field.kind != "array":
        return added.document
    kept = held(value)
    if len(kept) >= MOST_FILES:
        refuse(field.name, f"holds {MOST_FILES} files, and no more")
    return [*kept, added.document]


def without_file(field: Field, value: object, file_id: UUID) -> Any:
    """Return what a field says without a file, None when nothing is left."""
    kept = [said for said in held(value) if said.get("id") != str(file_id)]
    return kept or None if field.kind == "array" else None


def names(value: object, file_id: UUID) -> bool:
    """Tell whether a field names a file."""
    return any(said.get("id") == str(file_id) for said in held(value))


@dataclass(frozen=True, slots=True)
class Span:
    """Some bytes of a file, from ``first`` to ``last``."""

    first: int
    last: int

    @property
    def length(self) -> int:
        """Return how many bytes it has."""
        return self.last - self.first + 1


def span_of(header: str | None, size: int) -> Span | None:
    """Return the one range that a Range header asks for (RFC 9110 section 14.2), None for all.

    Several ranges, or another unit, are answered with the whole file. Raise RangeRefused.
    """
    found = _RANGE.fullmatch(header.strip()) if header else None
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        first, last = max(0, size - int(found[2])), size - 1
    else:
        first, last = int(found[1]), min(int(found[2] or size), size - 1)
    if found[1] and found[2] and int(found[2]) < int(found[1]):
        return None
    if first > last:
        raise RangeRefused(headers={"Content-Range": f"bytes */{size}"})
    return Span(first, last)
