"""Where calls to addresses that others named may go, and what is taken of their answers."""

import asyncio
import ssl
import subprocess
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.deliveries import AddressRefused, Networks, Outside, UnreachableError
from kit.deliveries.networks import Place
from kit.receivers import answer, receiving
from kit.settings import BlockSettings

LOOPBACK = Networks(["127.0.0.0/8", "::1/128"])

PRIVATE = [
    "https://127.0.0.1/",
    "https://10.1.2.3/",
    "https://172.16.0.1/",
    "https://192.168.1.1/",
    "https://169.254.169.254/latest/meta-data",
    "https://100.64.0.1/",
    "https://0.0.0.0/",
    "https://224.0.0.1/",
    "https://255.255.255.255/",
    "https://[::1]/",
    "https://[::]/",
    "https://[fe80::1]/",
    "https://[fd00::1]/",
    "https://[::ffff:10.0.0.1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[2002:7f00:1::]/",
]


@pytest.mark.parametrize("url", PRIVATE)
def test_an_address_in_a_network_that_is_not_public_is_refused(url):
    with pytest.raises(AddressRefused):
        Networks([]).check(url)


@pytest.mark.parametrize("host", ["localhost", "2130706433", "0x7f.1", "127.1", "017700000001"])
async def test_another_spelling_of_it_is_refused_too(host):
    with pytest.raises((AddressRefused, UnreachableError)):
        await Networks([]).find(f"https://{host}/")
    with pytest.raises((AddressRefused, UnreachableError)):
        await Networks(["10.0.0.0/8"]).find(f"http://{host}/")


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/",
        "file:///etc/passwd",
        "https:///x",
        "https://user:password@example.org/",
        "https://example.org/#part",
        "https://example.org:99999/",
        "https://exam ple.org/",
        "https://example.org/\r\nhost: other",
        "http://example.org/",
        "https://example.org/" + "x" * 2048,
        "https://[::1",
        "https://münchen.example/",
        "",
    ],
)
def test_what_is_no_address_for_callbacks_is_refused(url):
    with pytest.raises(AddressRefused):
        Networks([]).check(url)


@given(st.text())
def test_any_text_is_an_address_or_refused(text):
    with suppress(AddressRefused):
        Networks([]).check(f"https://{text}")


def test_what_is_listed_need_not_be_public_and_the_rest_must_be():
    networks = Networks(["10.1.0.0/16"])
    assert networks.check("http://10.1.2.3:8080/x").port == 8080
    assert networks.check("https://192.0.32.7/x")
    with pytest.raises(AddressRefused):
        networks.check("http://192.0.32.7/x")
    with pytest.raises(AddressRefused):
        networks.check("http://10.2.0.1/x")


@pytest.fixture(scope="session")
def certificate(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
        "-keyout key.pem -out cert.pem -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    )
    subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    return folder


async def test_the_certificate_is_that_of_the_name_though_the_address_is_pinned(certificate):
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    hosts = []

    async def serve(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        hosts.append([line for line in head.decode().split("\r\n") if line.startswith("host")])
        writer.write(answer(200, body=b"hello"))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=serving)
    port = server.sockets[0].getsockname()[1]
    trusting = ssl.create_default_context(cafile=certificate / "cert.pem")
    outside = Outside(LOOPBACK, 2, trusting)
    found = await outside.call("POST", f"https://localhost:{port}/", b"{}", {})
    assert (found.status, found.body, found.is_whole) == (200, b"hello", True)
    assert hosts == [[f"host: localhost:{port}"]]
    for url, context in (
        (f"https://127.0.0.1:{port}/", trusting),
        (f"https://localhost:{port}/", None),
    ):
        with pytest.raises(UnreachableError) as refused:
            await Outside(LOOPBACK, 2, context).call("POST", url, b"{}", {})
        assert refused.value.reason == "tls"
    server.close()


class Found(Networks):
    """The answer of a name service that is asked once; nobody else knows the name."""

    async def find(self, url):
        return Place(self.check(url), "127.0.0.1")


async def test_a_call_goes_to_the_address_that_was_checked_and_looks_no_name_up_again():
    async with receiving() as receiver:
        url = f"http://rebound.invalid:{receiver.port}/hook?a=b"
        found = await Outside(Found(["127.0.0.0/8"]), 2).call("POST", url, b"", {})
    assert found.status == 204
    assert receiver.received[0].path == "/hook?a=b"
    assert receiver.received[0].headers["host"] == f"rebound.invalid:{receiver.port}"


async def test_a_port_where_nobody_listens_is_no_connection():
    with pytest.raises(UnreachableError) as refused:
        await Outside(LOOPBACK, 1).call("POST", "http://127.0.0.1:9/", b"", {})
    assert refused.value.reason == "no-connection"


async def test_what_is_no_http_is_a_broken_answer():
    async with receiving() as receiver:
        receiver.answers = [b"220 ready\r\n"]
        with pytest.raises(UnreachableError) as refused:
            await Outside(LOOPBACK, 1).call("POST", receiver.url, b"", {})
    assert refused.value.reason == "broken-answer"


@pytest.mark.parametrize(
    ("said", "least", "most"),
    [
        ("7", 7, 7),
        ("999999999", 86_400, 86_400),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0, 0),
        ("Wed, 21 Oct 2115 07:28:00 GMT", 86_400, 86_400),
    ],
)
async def test_a_wait_that_is_asked_for_is_kept_within_a_day(said, least, most):
    async with receiving() as receiver:
        receiver.answers = [answer(503, f"retry-after: {said}")]
        found = await Outside(LOOPBACK, 1).call("POST", receiver.url, b"", {})
    assert timedelta(seconds=least) <= found.again_after <= timedelta(seconds=most)


@pytest.mark.parametrize("said", ["soon", "-1", "Wed, 99 Oct 2015 07:28:00 GMT"])
async def test_a_wait_that_cannot_be_read_is_none(said):
    async with receiving() as receiver:
        receiver.answers = [answer(503, f"retry-after: {said}")]
        found = await Outside(LOOPBACK, 1).call("POST", receiver.url, b"", {})
    assert found.again_after is None


def test_settings_name_networks():
    more = {"database_url": "postgresql://x/y", "sealing_key": "k", "evidence_keys": "{}"}
    assert BlockSettings(**more, delivery_networks=["10.1.0.0/16"]).delivery_networks
    with pytest.raises(ValueError, match="delivery_networks"):
        BlockSettings(**more, delivery_networks=["everywhere"])
