"""What a file is: its bytes must be what its name says (DRS-3.a).

A name is only a claim. The bytes of a format that is known here are held against its signature,
those of office documents against the parts inside, text must be UTF-8. What is not known here is
asked of puremagic's collection of signatures. Nothing in a file is run, unpacked or rendered.
"""

import codecs
import io
import json
import re
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import BinaryIO

import puremagic

HEAD = 4096
"""How many bytes at the beginning of a file are looked at for signatures."""
UNKNOWN = "application/octet-stream"

_STEP = 65536
_MOST_PARTS = 10_000
_WHOLE_JSON = 1 << 20
_END_OF_ZIP = b"PK\x05\x06"
_LONGEST_COMMENT = 65535
_MACROS = "vbaproject.bin"
_CONTROLS = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f]")


class NotWhatItSays(Exception):
    """The content of a file is not what its name says; the text is fit for the caller."""


class _Strange(Exception):
    """The bytes are not what they should be; the text says why."""


@dataclass(frozen=True, slots=True)
class _Format:
    """A kind of file: the type it is served with, what its bytes look like, what else must hold."""

    media_type: str
    looks: frozenset[str]
    check: Callable[[BinaryIO], None] | None = None


_SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"%PDF-", "pdf"),
    (0, b"\x89PNG\r\n\x1a\n", "png"),
    (0, b"\xff\xd8\xff", "jpeg"),
    (0, b"GIF87a", "gif"),
    (0, b"GIF89a", "gif"),
    (0, b"II*\x00", "tiff"),
    (0, b"MM\x00*", "tiff"),
    (8, b"WEBP", "webp"),
    (8, b"WAVE", "wav"),
    (4, b"ftypheic", "heic"),
    (4, b"ftypmif1", "heic"),
    (4, b"ftyp", "mp4"),
    (0, b"ID3", "mp3"),
    (0, b"\xff\xfb", "mp3"),
    (0, b"OggS", "ogg"),
    (0, b"fLaC", "flac"),
    (0, b"PK\x03\x04", "zip"),
    (0, _END_OF_ZIP, "zip"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "ole"),
    (0, b"{\\rtf", "rtf"),
    (0, b"\x1f\x8b", "gzip"),
    (0, b"7z\xbc\xaf\x27\x1c", "7z"),
    (0, b"Rar!\x1a\x07", "rar"),
    (0, b"MZ", "a program"),
    (0, b"\x7fELF", "a program"),
    (0, b"\xca\xfe\xba\xbe", "a program"),
    (0, b"\xfe\xed\xfa\xce", "a program"),
    (0, b"\xfe\xed\xfa\xcf", "a program"),
    (0, b"\xce\xfa\xed\xfe", "a program"),
    (0, b"\xcf\xfa\xed\xfe", "a program"),
    (0, b"\x00asm", "a program"),
    (0, b"dex\n", "a program"),
    (0, b"L\x00\x00\x00\x01\x14\x02\x00", "a program"),  # a Windows shortcut
    (0, b"#!", "a script"),
    (0, b"BM", "bmp"),
)
_WORDY = frozenset(("bmp", "mp3", "mp4", "heic", "ogg", "flac", "wav", "webp", "a program"))
"""Looks whose signature also begins words: beside it stand bytes that no text has."""
_ACTIVE = frozenset(("a program", "a script", "html", "svg"))
"""What a browser or a desktop would run."""
_ROOTS = {
    b"svg": "svg",
    **dict.fromkeys((b"html", b"head", b"body", b"script", b"iframe"), "html"),
}
# atomic, so that a thousand comments without an end are read once
_PROLOGUE = re.compile(
    rb"(?:\s++|(?><\?xml.*?\?>)|(?><!--.*?-->)|(?><!doctype[^>\[]*+(?:\[.*?\])?\s*+>))*+",
    re.DOTALL,
)
_ELEMENT = re.compile(rb"<(?:[\w.-]+:)?([\w.-]+)")


def sniff(head: bytes) -> str | None:
    """Return what bytes look like, None when they could be anything, such as text."""
    for offset, signature, looks in _SIGNATURES:
        if head.startswith(signature, offset) and (looks not in _WORDY or _is_binary(head)):
            return looks
    return _markup(head.removeprefix(codecs.BOM_UTF8).lstrip().lower())


def _is_binary(head: bytes) -> bool:
    return any((byte < 32 and byte not in b"\t\n\r\f") or byte > 247 for byte in head)  # noqa: PLR2004


def _markup(text: bytes) -> str | None:
    """Return what markup in lower case is, None when it is none."""
    if text.startswith((b"<?php", b"<?=")):
        return "a script"
    prologue = _PROLOGUE.match(text)
    said = text[: prologue.end()] if prologue else b""
    if b"<!doctype html" in said:
        return "html"
    element = _ELEMENT.match(text, len(said))
    root = _ROOTS.get(element[1]) if element else None
    return root or ("xml" if said else None)


def _has_text(content: BinaryIO) -> None:
    """Refuse what is not UTF-8 or holds control characters."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    content.seek(0)
    try:
        while block := content.read(_STEP):
            _refuse_controls(decoder.decode(block))
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise _Strange("it is not text in UTF-8") from error


def _refuse_controls(text: str) -> None:
    if _CONTROLS.search(text):
        raise _Strange("it holds control characters, so it is not text")


def _has_json(content: BinaryIO) -> None:
    """Refuse what does not begin like JSON, or up to 1 MiB is not JSON."""
    _has_text(content)
    content.seek(0)
    head = content.read(_WHOLE_JSON + 1)
    if len(head) <= _WHOLE_JSON:
        try:
            json.loads(head)
        except (ValueError, RecursionError) as error:
            raise _Strange("it is not JSON") from error
    elif head.removeprefix(codecs.BOM_UTF8).lstrip()[:1] not in (b"{", b"["):
        raise _Strange("it is not JSON")


def _has_xml(content: BinaryIO) -> None:
    _has_text(content)
    content.seek(0)
    if not content.read(HEAD).removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"<"):
        raise _Strange("it is not XML")


def _parts(content: BinaryIO) -> list[str]:
    """Return the names inside a ZIP file; refuse one that is broken or has too many."""
    end = content.seek(0, io.SEEK_END)
    content.seek(max(0, end - _LONGEST_COMMENT - 22))
    tail = content.read()
    at = tail.rfind(_END_OF_ZIP)
    if at < 0 or len(tail) < at + 12:
        raise _Strange("it is not a whole ZIP file")
    if struct.unpack_from("<H", tail, at + 10)[0] > _MOST_PARTS:
        raise _Strange(f"it holds more than {_MOST_PARTS} parts")
    content.seek(0)
    try:
        with zipfile.ZipFile(content) as opened:
            return opened.namelist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise _Strange("it is not a whole ZIP file") from error


def _has_zip(content: BinaryIO) -> None:
    _parts(content)


def _office(folder: str) -> Callable[[BinaryIO], None]:
    """Return what checks an Office Open XML document (ECMA-376) whose parts are in a folder."""

    def check(content: BinaryIO) -> None:
        names = _parts(content)
        if "[Content_Types].xml" not in names or not any(n.startswith(folder) for n in names):
            raise _Strange("the parts of such a document are not in it")
        if any(name.lower().endswith(_MACROS) for name in names):
            raise _Strange("it holds macros")

    return check


def _declared(media_type: str) -> Callable[[BinaryIO], None]:
    """Return what checks a container that names its type first (OpenDocument, ASiC)."""

    def check(content: BinaryIO) -> None:
        _parts(content)
        content.seek(0)
        # the part "mimetype" comes first and is stored as it is: its name at 30, its text at 38
        if not content.read(HEAD)[30:].startswith(b"mimetype" + media_type.encode()):
            raise _Strange("it does not name itself such a document")

    return check


def _format(
    media_type: str, *looks: str, check: Callable[[BinaryIO], None] | None = None
) -> _Format:
    return _Format(media_type, frozenset(looks), check)


_OOXML = "application/vnd.openxmlformats-officedocument."
_ODF = "application/vnd.oasis.opendocument."
_ASIC = "application/vnd.etsi.asic-"
_TEXTS = {"txt": "plain", "md": "markdown", "csv": "csv", "tsv": "tab-separated-values"}
_PICTURES = ("png", "gif", "webp", "bmp", "heic", "tiff")
_FORMATS: dict[str, _Format] = {
    "pdf": _format("application/pdf", "pdf"),
    "jpg": _format("image/jpeg", "jpeg"),
    "jpeg": _format("image/jpeg", "jpeg"),
    "tif": _format("image/tiff", "tiff"),
    **{name: _format(f"image/{name}", name) for name in _PICTURES},
    "mp3": _format("audio/mpeg", "mp3"),
    "wav": _format("audio/wav", "wav"),
    "flac": _format("audio/flac", "flac"),
    "ogg": _format("audio/ogg", "ogg"),
    "mp4": _format("video/mp4", "mp4"),
    "zip": _format("application/zip", "zip", check=_has_zip),
    "gz": _format("application/gzip", "gzip"),
    "7z": _format("application/x-7z-compressed", "7z"),
    "rar": _format("application/vnd.rar", "rar"),
    "docx": _format(f"{_OOXML}wordprocessingml.document", "zip", check=_office("word/")),
    "xlsx": _format(f"{_OOXML}spreadsheetml.sheet", "zip", check=_office("xl/")),
    "pptx": _format(f"{_OOXML}presentationml.presentation", "zip", check=_office("ppt/")),
    "odt": _format(f"{_ODF}text", "zip", check=_declared(f"{_ODF}text")),
    "ods": _format(f"{_ODF}spreadsheet", "zip", check=_declared(f"{_ODF}spreadsheet")),
    "odp": _format(f"{_ODF}presentation", "zip", check=_declared(f"{_ODF}presentation")),
    "asice": _format(f"{_ASIC}e+zip", "zip", check=_declared(f"{_ASIC}e+zip")),
    "asics": _format(f"{_ASIC}s+zip", "zip", check=_declared(f"{_ASIC}s+zip")),
    "doc": _format("application/msword", "ole"),
    "xls": _format("application/vnd.ms-excel", "ole"),
    "ppt": _format("application/vnd.ms-powerpoint", "ole"),
    "rtf": _format("application/rtf", "rtf"),
    **{end: _format(f"text/{name}", "", check=_has_text) for end, name in _TEXTS.items()},
    "json": _format("application/json", "", check=_has_json),
    "geojson": _format("application/geo+json", "", check=_has_json),
    "xml": _format("application/xml", "xml", "", check=_has_xml),
    "html": _format("text/html", "html", check=_has_text),
    "htm": _format("text/html", "html", check=_has_text),
    "svg": _format("image/svg+xml", "svg", check=_has_text),
    "exe": _format(UNKNOWN, "a program"),
    "sh": _format(UNKNOWN, "a script", check=_has_text),
}
ACTIVE = frozenset(end for end, said in _FORMATS.items() if said.looks & _ACTIVE)
"""Extensions of what a browser or a desktop would run: taken only where a schema names them."""


def extension_of(name: str) -> str:
    """Return what a name ends with, in lower case and without the dot; empty when nothing."""
    _, dot, end = name.rpartition(".")
    return end.lower() if dot else ""


def recognise(name: str, content: BinaryIO) -> str:
    """Return the media type of a file whose bytes are what its name says, or raise NotWhatItSays.

    ``content`` is read from its beginning, in steps, and can be sought in.
    """
    extension = extension_of(name)
    content.seek(0)
    head = content.read(HEAD)
    known = _FORMATS.get(extension)
    try:
        if known is None:
            return _by_collection(extension, head)
        return _by_signature(known, sniff(head), content)
    except _Strange as strange:
        raise NotWhatItSays(f"is named .{extension}, but {strange}") from strange


def _by_signature(known: _Format, looks: str | None, content: BinaryIO) -> str:
    if (looks or "") not in known.looks:
        found = f"looks like {looks}" if looks else "does not look like one"
        raise _Strange(f"the content {found}")
    if known.check is not None:
        known.check(content)
    return known.media_type


def _by_collection(extension: str, head: bytes) -> str:
    """Return the media type of a format not known here, as far as puremagic's collection says."""
    looks = sniff(head)
    if looks is not None:
        raise _Strange(f"the content looks like {looks}")
    guesses = _guesses(head)
    if extension in _collected() and extension not in guesses:
        raise _Strange("the content does not look like one")
    return guesses.get(extension) or UNKNOWN


def _guesses(head: bytes) -> dict[str, str]:
    try:
        found = puremagic.magic_string(head)
    except (puremagic.PureError, ValueError):
        return {}
    return {each.extension.removeprefix(".").lower(): each.mime_type for each in found}


@cache
def _collected() -> frozenset[str]:
    """Return the extensions whose signatures puremagic has."""
    return frozenset(
        each.extension.removeprefix(".").lower() for each in puremagic.magic_header_array
    )
