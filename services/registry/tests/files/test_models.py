"""Names of files, what a field takes, and ranges of bytes."""

import io
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.fields.models import Field
from registry.files.models import (
    File,
    FileRefused,
    FileTooLarge,
    RangeRefused,
    Span,
    Upload,
    check,
    safe_name,
    span_of,
)
from registry.marks.models import FileRule

ID = UUID("0190f6a0-0000-7000-8000-000000000000")


def _field(rule=None, **more):
    spec = more.pop("spec", {})
    return Field(("photo",), (), more.pop("kind", "object"), None, spec, file=rule, **more)


def _upload(name="a.pdf", size=3, media_type="application/pdf"):
    return Upload(name, io.BytesIO(b"abc"), size, "00", media_type)


def _file(name, media_type="application/pdf"):
    return File(ID, ID, "photo", name, media_type, 3, "ab")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("birth certificate.pdf", "birth certificate.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\mari\\scan.pdf", "scan.pdf"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("a\r\nSet-Cookie: b.pdf", "aSet-Cookie_ b.pdf"),
        ('a"b<c>.pdf', "a_b_c_.pdf"),
        (".htaccess", "htaccess"),
        ("name.pdf. . ", "name.pdf"),
        ("", "file"),
        ("..", "file"),
        ("e\u0301.txt", "\u00e9.txt"),
        ("ሰላም.pdf", "ሰላም.pdf"),
        ("x" * 300 + ".pdf", "x" * 196 + ".pdf"),
        ("a." + "x" * 300, "a." + "x" * 198),
    ],
)
def test_a_name_is_made_safe(given, kept):
    assert safe_name(given) == kept


@given(st.text())
def test_a_safe_name_stays_as_it_is_and_breaks_no_header(given_name):
    name = safe_name(given_name)
    assert 0 < len(name) <= 200
    assert safe_name(name) == name
    header = _file(name).disposition
    assert header.isascii()
    assert header.isprintable()
    assert header.count('"') == 2


@pytest.mark.parametrize(
    ("field", "upload", "reason"),
    [
        (_field(), _upload(), "takes files"),
        (_field(FileRule(), in_list=True), _upload(), "takes files"),
        (_field(FileRule(), spec={"x-secret": True}), _upload(), "secret"),
        (_field(FileRule(("png",))), _upload(), r"\.png"),
        (_field(FileRule()), _upload("a.svg", media_type="image/svg+xml"), "run"),
        (_field(FileRule()), _upload("a.exe", media_type="application/octet-stream"), "run"),
        (_field(FileRule((), ("image/*",))), _upload(), "image/"),
    ],
)
def test_what_a_field_does_not_take_is_refused_naming_it(field, upload, reason):
    with pytest.raises(FileRefused, match=reason) as refused:
        check(field, upload)
    assert refused.value.errors[0].pointer == "#/photo"


def test_a_file_larger_than_the_field_takes_is_too_large():
    with pytest.raises(FileTooLarge) as refused:
        check(_field(FileRule((), (), 2)), _upload())
    assert refused.value.errors[0].pointer == "#/photo"
    check(_field(FileRule((), (), 3)), _upload())


@pytest.mark.parametrize("rule", [FileRule(), FileRule(("pdf",)), FileRule((), ("application/*",))])
def test_what_a_field_takes_is_taken(rule):
    check(_field(rule), _upload())
    check(_field(FileRule(("svg",))), _upload("a.svg", media_type="image/svg+xml"))


@pytest.mark.parametrize(
    ("header", "span"),
    [
        (None, None),
        ("bytes=0-", Span(0, 9)),
        ("bytes=2-4", Span(2, 4)),
        ("bytes=2-400", Span(2, 9)),
        ("bytes=-3", Span(7, 9)),
        ("bytes=-30", Span(0, 9)),
        ("bytes=9-9", Span(9, 9)),
        ("bytes=4-2", None),
        ("bytes=0-1,3-4", None),
        ("lines=0-1", None),
        ("bytes=-", None),
        ("nonsense", None),
        ("bytes=" + "9" * 50 + "-", None),
    ],
)
def test_a_range_is_read_as_http_says(header, span):
    assert span_of(header, 10) == span


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=10-12", "bytes=-0"])
def test_a_range_outside_the_file_is_refused_with_its_size(header):
    with pytest.raises(RangeRefused) as refused:
        span_of(header, 10)
    assert refused.value.headers == {"Content-Range": "bytes */10"}


def test_no_range_of_an_empty_file_is_there():
    assert span_of(None, 0) is None
    with pytest.raises(RangeRefused):
        span_of("bytes=0-", 0)


@pytest.mark.parametrize(
    ("name", "served"),
    [("a.pdf", "application/pdf"), ("a.svg", "application/octet-stream")],
)
def test_what_a_browser_would_run_is_served_as_bytes(name, served):
    assert _file(name).served_type == served
