"""A body of several parts (RFC 7578), read as it comes and never kept whole.

Small parts are fields, one part is the file: its bytes are handed on as they arrive.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from kit.problems import Invalid

FILE = "file"
_LONGEST_FIELD = 65536
_MOST_FIELDS = 100


class UploadInvalid(Invalid):
    """The body is not made of the parts it should have."""

    title = "The upload cannot be read"


@dataclass(slots=True)
class _Part:
    name: str = ""
    filename: str | None = None
    headers: dict[str, str] = field(default_factory=dict[str, str])
    header: bytes = b""
    value: bytes = b""
    content: bytearray = field(default_factory=bytearray)


class Parts:
    """Takes a body in pieces: ``feed`` gives the bytes of the file that a piece holds.

    ``fields`` are the texts of the other parts; ``file_name`` and ``file_type`` are what the
    client says of the file.
    """

    def __init__(self, content_type: str) -> None:
        kind, options = parse_options_header(content_type)
        boundary = options.get(b"boundary")
        if kind != b"multipart/form-data" or not boundary:
            raise UploadInvalid("the body is multipart/form-data with a boundary")
        self.fields: dict[str, str] = {}
        self.file_name: str | None = None
        self.file_type = ""
        self._files = 0
        self._ready: list[bytes] = []
        self._part = _Part()
        self._ended = False
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin,
                    "on_header_field": self._header_field,
                    "on_header_value": self._header_value,
                    "on_header_end": self._header_end,
                    "on_headers_finished": self._headers_finished,
                    "on_part_data": self._data,
                    "on_part_end": self._end,
                    "on_end": self._finish,
                },
            )
        except FormParserError as error:
            raise UploadInvalid("its boundary cannot be used") from error

    def feed(self, piece: bytes) -> Iterable[bytes]:
        """Take the next piece of the body; return the bytes of the file in it."""
        try:
            self._parser.write(piece)
        except FormParserError as error:
            raise UploadInvalid("the body is not multipart/form-data") from error
        found, self._ready = self._ready, []
        return found

    def end(self) -> None:
        """Say that the body has ended; raise UploadInvalid when a part is missing."""
        if not self._ended:
            raise UploadInvalid("the body ends in the middle of a part")
        if not self._files:
            raise UploadInvalid(f"no part is called {FILE}")

    def _begin(self) -> None:
        self._part = _Part()

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._part.header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._part.value += data[start:end]

    def _header_end(self) -> None:
        part = self._part
        part.headers[part.header.decode("latin-1").lower()] = part.value.decode("latin-1")
        part.header = part.value = b""

    def _headers_finished(self) -> None:
        part = self._part
        _, options = parse_options_header(part.headers.get("content-disposition", ""))
        part.name = options.get(b"name", b"").decode("utf-8", "replace")
        if part.name == FILE:
            self._files += 1
            if self._files > 1:
                raise UploadInvalid(f"one part is called {FILE}, not several")
            self.file_name = options.get(b"filename", b"").decode("utf-8", "replace") or None
            self.file_type = part.headers.get("content-type", "")

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._part.name == FILE:
            self._ready.append(data[start:end])
            return
        self._part.content += data[start:end]
        if len(self._part.content) > _LONGEST_FIELD or len(self.fields) >= _MOST_FIELDS:
            raise UploadInvalid("a field is too long, or there are too many")

    def _end(self) -> None:
        part = self._part
        if part.name != FILE:
            try:
                self.fields[part.name] = part.content.decode()
            except UnicodeDecodeError as error:
                raise UploadInvalid("a field is not UTF-8 text") from error

    def _finish(self) -> None:
        self._ended = True
