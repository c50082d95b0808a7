"""Addresses and headers of exchanges."""

import hashlib

import pytest

from gateway.exchange.models import AddressRefused, Asked, consent_reference, forwarded, split
from gateway.providers.models import Description


@pytest.mark.parametrize(
    ("raw_path", "found"),
    [
        (b"/r1/I/C/M/A/S/x/y%2Fz", ("I/C/M/A/S", False, b"/x/y%2Fz")),
        (b"/r1/I/C/M/A/S/", ("I/C/M/A/S", False, b"/")),
        (b"/r1/I/C/M/A/S", ("I/C/M/A/S", False, b"")),
        (b"/r1/I/C/M/A%20B/S//x", ("I/C/M/A B/S", False, b"//x")),
        (b"/r1/I/C/M/A", None),
        (b"/r1/I/C/M/A/pub/v1/x", None),
        (b"/r1/I/C/M/A/%70ub/v1/x", None),
        (b"/registry/data/x", ("registry", True, b"/data/x")),
        (b"/registry", ("registry", True, b"")),
        (b"/api/v1/config", None),
        (b"/", None),
    ],
)
def test_a_path_is_an_address_and_the_rest(raw_path: bytes, found: object) -> None:
    assert split(raw_path) == found


@pytest.mark.parametrize(
    "path", [b"/a/../b", b"/./a", b"/%2E%2e/a", b"/a%2f..%2fb", b"/..\\x", b"/%5c..", b"/\xc3\xa4"]
)
def test_a_path_that_leaves_its_service_is_refused(path: bytes) -> None:
    with pytest.raises(AddressRefused):
        Asked("a", False, "GET", path, "1", "r").check()


def test_dots_in_names_are_names() -> None:
    Asked("a", False, "GET", b"/a..b/.well-known/...", "1", "r").check()


def test_a_length_beside_a_transfer_coding_says_nothing() -> None:
    headers = [(b"transfer-encoding", b"chunked"), (b"content-length", b"3"), (b"x-a", b"1")]
    assert forwarded(headers, {}) == [(b"transfer-encoding", b"chunked"), (b"x-a", b"1")]


def test_a_client_cannot_have_what_frames_its_body_dropped() -> None:
    headers = [(b"connection", b"content-length, host, x-a"), (b"content-length", b"3")]
    assert forwarded([*headers, (b"host", b"h"), (b"x-a", b"1")], {"X-New": "1"}) == [
        (b"content-length", b"3"),
        (b"host", b"h"),
        (b"x-new", b"1"),
    ]


def test_a_consent_reference_is_a_uuid_or_a_pseudonym() -> None:
    def pseudonym(said: str) -> bytes:
        return hashlib.sha256(said.encode()).digest()

    def kept(value: bytes) -> str | None:
        return consent_reference([(b"consentreference", value)], pseudonym)

    uuid = "0192d3a0-7a3b-7c00-8000-0123456789ab"
    assert kept(uuid.encode()) == uuid
    assert kept(b"Mari Maasikas") == pseudonym("consent\nMari Maasikas").hex()
    assert kept(b"38001010000") == pseudonym("consent\n38001010000").hex()
    assert kept(b"") is kept(b"x" * 2000) is None


def test_an_operation_is_named_by_its_template() -> None:
    paths = {"/a/{b}": {"get": {}}, "/a/c": {"get": {}}, "/d": "odd"}
    known = Description({"paths": paths})
    assert known.operation("GET", "/a/EE1") == "/a/{b}"
    assert known.operation("GET", "/a/c") == "/a/c"
    assert known.operation("POST", "/a/c") is None
    assert Description({"paths": None}).operations == []
