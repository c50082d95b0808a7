"""What a file is called and what it is."""

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.signatures.models import ACTIVE, NotWhatItSays, extension_of, recognise, sniff


def _zip(*names, first=None):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as opened:
        if first is not None:
            opened.writestr("mimetype", first)
        for name in names:
            opened.writestr(name, "x")
    return made.getvalue()


PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
EXE = b"MZ\x90\x00\x03" + bytes(60)
DOCX = _zip("[Content_Types].xml", "word/document.xml")
ODT = "application/vnd.oasis.opendocument.text"
HTML = b"<!DOCTYPE html><html><script>alert(1)</script></html>"
SVG = b'<?xml version="1.0"?><!-- a --><svg xmlns="http://www.w3.org/2000/svg"/>'
SHEET = "vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pytest.mark.parametrize(
    ("name", "content", "media_type"),
    [
        ("a.pdf", b"%PDF-1.7\n", "application/pdf"),
        ("A.PDF", b"%PDF-1.7\n", "application/pdf"),
        ("a.png", PNG, "image/png"),
        ("a.jpeg", b"\xff\xd8\xff\xe0", "image/jpeg"),
        ("a.webp", b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
        ("a.docx", DOCX, "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        ("a.xlsx", _zip("[Content_Types].xml", "xl/workbook.xml"), f"application/{SHEET}"),
        ("a.odt", _zip("content.xml", first=ODT), ODT),
        ("a.zip", _zip("a"), "application/zip"),
        ("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(8), "application/msword"),
        ("a.txt", "Grüße, ሰላም".encode(), "text/plain"),
        ("a.txt", b"BMW and MZ are names", "text/plain"),
        ("a.txt", b"MZ is one too", "text/plain"),
        ("a.txt", b"", "text/plain"),
        ("a.csv", b"\xef\xbb\xbfa,b\r\n1,2\r\n", "text/csv"),
        ("a.json", b' {"a": [1]}', "application/json"),
        ("a.json", b'{"a":"' + b"x" * (1 << 20) + b'"}', "application/json"),
        ("a.xml", b'<?xml version="1.0"?><headers/>', "application/xml"),
        ("a.xml", b"<note/>", "application/xml"),
        ("a.svg", SVG, "image/svg+xml"),
        ("a.html", HTML, "text/html"),
        ("a.exe", EXE, "application/octet-stream"),
        ("a.dcm", bytes(128) + b"DICM", "application/dicom"),
        ("a.unheardof", b"anything", "application/octet-stream"),
    ],
)
def test_what_is_what_its_name_says_has_its_type(name, content, media_type):
    assert recognise(name, io.BytesIO(content)) == media_type


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.pdf", EXE),
        ("a.pdf", b"\n%PDF-1.7"),
        ("a.pdf", HTML),
        ("a.pdf", b""),
        ("a.png", b"\xff\xd8\xff\xe0"),
        ("a.png", SVG),
        ("a.txt", EXE),
        ("a.txt", HTML),
        ("a.txt", b"#!/bin/sh\nrm -r /"),
        ("a.txt", b"<?php system('ls'); ?>"),
        ("a.txt", b"\xef\xbb\xbf \n<SCRIPT>x</SCRIPT>"),
        ("a.txt", b"<!-- hello --><html></html>"),
        ("a.txt", "Grüße".encode("latin-1")),
        ("a.txt", b"a\x00b"),
        ("a.txt", b"a" * 65535 + "ü".encode()[:1]),
        ("a.csv", "a,b".encode("utf-16")),
        ("a.csv", SVG),
        ("a.json", b'{"a": '),
        ("a.json", b"[" * 5000),
        ("a.json", b"x" * (1 << 20) + b"y"),
        ("a.xml", b"nothing of the kind"),
        ("a.xml", SVG),
        ("a.docx", b"PK\x03\x04 and nothing more"),
        ("a.docx", _zip("word/document.xml")),
        ("a.docx", _zip("[Content_Types].xml", "word/document.xml", "word/vbaProject.bin")),
        ("a.docx", _zip("[Content_Types].xml", "xl/workbook.xml")),
        ("a.docx", EXE + DOCX),
        ("a.odt", DOCX),
        ("a.odt", _zip("content.xml", first="application/zip")),
        ("a.zip", DOCX[:-30]),
        ("a.doc", DOCX),
        ("a.dcm", b"anything"),
        ("a.unheardof", EXE),
        ("a.unheardof", HTML),
        ("noname", PNG),
    ],
)
def test_what_is_not_what_its_name_says_is_refused(name, content):
    with pytest.raises(NotWhatItSays):
        recognise(name, io.BytesIO(content))


def test_a_zip_with_too_many_parts_is_not_opened():
    many = _zip(*(f"{number}" for number in range(10_001)))
    with pytest.raises(NotWhatItSays, match="more than"):
        recognise("a.zip", io.BytesIO(many))


def test_comments_without_an_end_take_no_time():
    assert sniff(b"<!-- -->" * 500 + b"<!--") == "xml"
    assert sniff(b"<!doctype " * 400) is None


@given(st.binary(max_size=4096))
def test_any_bytes_are_looked_at(head):
    assert sniff(head) is None or sniff(head) == sniff(head + b"")


@pytest.mark.parametrize(("name", "end"), [("a.B", "b"), ("a", ""), (".a", "a"), ("a.b.c", "c")])
def test_the_extension_is_what_stands_behind_the_last_dot(name, end):
    assert extension_of(name) == end


def test_what_runs_is_known_to_run():
    assert {"html", "svg", "exe", "sh"} <= ACTIVE
    assert "pdf" not in ACTIVE
