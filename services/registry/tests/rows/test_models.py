"""Files of text: what arrives is looked at as it arrives, whatever the pieces."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.rows.models import Checker, FileInvalid, Format, read


def fault(pieces: list[bytes], kind: Format = Format.CSV) -> str:
    checker = Checker(kind)

    def arrive() -> None:
        for piece in pieces:
            checker.feed(piece)
        checker.feed(b"", last=True)

    with pytest.raises(FileInvalid) as caught:
        arrive()
    return caught.value.detail


@given(st.integers(0, 60), st.lists(st.integers(1, 9), min_size=1, max_size=20))
def test_the_line_of_a_bad_byte_does_not_depend_on_the_pieces(place: int, sizes: list[int]) -> None:
    good = "a,ä\nbé,c\nñ\n\nx,y\nአ,ü\nu\n\nv,w\nx,y,z\nmore and more of it".encode()
    place = min(place, len(good.decode()))
    at = len(good.decode()[:place].encode())
    content = good[:at] + b"\xff" + good[at:]
    pieces = []
    while content:
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(content[:size])
        content = content[size:]
    line = good[:at].count(b"\n") + 1
    assert fault(pieces).startswith(f"line {line}: is not UTF-8")


def test_a_file_cut_in_a_character_is_refused() -> None:
    assert fault([b"a\n", b"\xc3"]).startswith("line 2: is not UTF-8")
    assert fault([b"PK\x03", b""], Format.XLSX).startswith("this is no XLSX")


def test_a_mark_before_the_text_is_passed_over() -> None:
    content = b"\xef\xbb\xbfcode\nA\n"
    [row] = read(io.BytesIO(content), Format.CSV)
    assert (row.line, row.cells) == (2, {"code": "A"})
    [row] = read(io.BytesIO(b'\xef\xbb\xbf[\n{"code": 1}]'), Format.JSON)
    assert (row.line, row.cells) == (2, {"code": 1})


def test_a_long_array_is_read_a_piece_at_a_time() -> None:
    content = b"[" + b",\n".join(b'{"n": %d}' % n for n in range(50_000)) + b"]"

    class Watched(io.BytesIO):
        largest = 0

        def read(self, size: int | None = -1) -> bytes:
            found = super().read(size)
            Watched.largest = max(Watched.largest, len(found))
            return found

    rows = list(read(Watched(content), Format.JSON))
    assert [row.cells["n"] for row in rows] == list(range(50_000))
    assert rows[-1].line == 50_000
    assert Watched.largest < len(content) / 5
