"""TLS 1.3 as a block speaks it, and what its application sees of the client's certificate."""

import asyncio
import json
import ssl
from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from kit.serve import processes, tls
from stack.tls import Authority, Files, development, named


async def telling(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer what the connection's TLS is."""
    await Request(scope, receive).body()
    said = {"scheme": scope["scheme"], **scope.get("extensions", {}).get("tls", {})}
    await Response(json.dumps(said))(scope, receive, send)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return development(tmp_path)


@pytest.fixture
def authority(files: Files) -> Authority:
    return Authority.read(files.authority, files.authority.with_name("ca-key.pem"))


@pytest.fixture
async def url(files: Files) -> AsyncGenerator[str]:
    listener = processes.listen("127.0.0.1", 0)
    ended = asyncio.Event()
    chosen = tls.Tls(files.certificate, files.key, files.authority)
    serving = asyncio.create_task(processes.serve(telling, listener, ended, 1, chosen))
    yield f"https://localhost:{listener.getsockname()[1]}/"
    ended.set()
    await serving


def trusting(files: Files) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(files.authority))


def with_certificate(files: Files, folder: Path, pair: tuple[bytes, bytes]) -> ssl.SSLContext:
    """Return a client's context that proves itself by a certificate."""
    both = folder / "client.pem"
    both.write_bytes(b"".join(pair))
    context = trusting(files)
    context.load_cert_chain(both)
    return context


async def get(url: str, context: ssl.SSLContext) -> dict[str, Any]:
    async with httpx.AsyncClient(verify=context) as http:
        return (await http.get(url)).json()


async def test_only_tls_1_3_is_spoken(url: str, files: Files) -> None:
    said = await get(url, trusting(files))
    assert (said["scheme"], said["tls_version"], said["client_cert_chain"]) == ("https", 0x0304, [])
    older = trusting(files)
    older.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(httpx.ConnectError):
        await get(url, older)
    async with httpx.AsyncClient() as http:
        with pytest.raises(httpx.HTTPError):
            await http.get(url.replace("https", "http"))


async def test_the_application_sees_the_client_s_certificate(
    url: str, files: Files, authority: Authority, tmp_path: Path
) -> None:
    pair = authority.issue(named("clinic"))
    said = await get(url, with_certificate(files, tmp_path, pair))
    assert said["client_cert_chain"] == [pair[0].decode()]


async def test_a_certificate_of_an_unknown_authority_or_one_that_has_ended_gets_no_connection(
    url: str, files: Files, authority: Authority, tmp_path: Path
) -> None:
    stranger = Authority.new("A stranger").issue(named("clinic"))
    ended = authority.issue(named("clinic"), life=timedelta(seconds=-5))
    for pair in (stranger, ended):
        with pytest.raises(httpx.HTTPError):
            await get(url, with_certificate(files, tmp_path, pair))
    assert await get(url, trusting(files))


async def test_a_renewed_certificate_is_taken_without_a_start(
    files: Files, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls, "_LOOK_EVERY", 0.05)
    chosen = tls.Tls(files.certificate, files.key)
    keeping = asyncio.create_task(chosen.keep())
    before = files.certificate.read_bytes()
    files.certificate.write_text("half of")
    await asyncio.sleep(0.2)
    assert not keeping.done()  # it goes on with the one it had
    certificate, key = authority.issue(named("renewed"), ["localhost"])
    files.key.write_bytes(key)
    files.certificate.write_bytes(certificate)
    await asyncio.sleep(0.2)
    listener = processes.listen("127.0.0.1", 0)
    ended = asyncio.Event()
    serving = asyncio.create_task(processes.serve(telling, listener, ended, 1, chosen))
    port = listener.getsockname()[1]
    _, writer = await asyncio.open_connection("localhost", port, ssl=trusting(files))
    shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    assert ssl.DER_cert_to_PEM_cert(shown) == certificate.decode() != before.decode()
    writer.close()
    keeping.cancel()
    ended.set()
    await serving


def test_half_of_a_certificate_is_refused_in_words(files: Files, tmp_path: Path) -> None:
    assert tls.chosen(None, None, None) is None
    with pytest.raises(tls.TlsError, match="both a certificate and its key"):
        tls.chosen(files.certificate, None, None)
    with pytest.raises(tls.TlsError, match="No such file"):
        tls.chosen(tmp_path / "none.pem", files.key, None)
    with pytest.raises(tls.TlsError, match="cannot be used"):
        tls.chosen(files.certificate, files.authority, None)
    with pytest.raises(tls.TlsError, match="cannot be used"):
        tls.chosen(files.certificate, files.key, files.key)


def test_what_only_this_machine_reaches() -> None:
    assert tls.is_loopback("127.0.0.1")
    assert tls.is_loopback("::1")
    assert tls.is_loopback("localhost")
    assert not tls.is_loopback("::")
    assert not tls.is_loopback("gateway")


def test_the_development_certificate_is_kept_until_it_nears_its_end(tmp_path: Path) -> None:
    first = development(tmp_path)
    before = first.certificate.read_bytes(), first.authority.read_bytes()
    assert development(tmp_path).certificate.read_bytes() == before[0]
    authority = Authority.read(first.authority, tmp_path / "tls" / "ca-key.pem")
    short, _ = authority.issue(named("localhost"), ["localhost"], timedelta(days=20))
    first.certificate.write_bytes(short)
    development(tmp_path)
    assert first.certificate.read_bytes() not in {before[0], short}
    assert first.authority.read_bytes() == before[1]
    for file in (tmp_path / "tls").iterdir():
        assert file.stat().st_mode & 0o077 == 0
