from collections.abc import AsyncIterator
from email.message import EmailMessage
from html.parser import HTMLParser

import aiosmtplib
import httpx
import pytest

from stack.mailbox import LARGEST_MESSAGE, Mailbox, Store, create_app, read_message


@pytest.fixture
async def mailbox() -> AsyncIterator[Mailbox]:
    mailbox = Mailbox()
    await mailbox.start(0, 0)
    yield mailbox
    await mailbox.stop()


@pytest.fixture
async def web(mailbox: Mailbox) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{mailbox.web_port}") as client:
        yield client


def written(subject="Hello", text="Good day\n", to="mari@example.org", html="") -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Народны рэгістр <registry@example.org>"
    message["To"] = f"Mari Õun <{to}>"
    message["Subject"] = subject
    message["Date"] = "Sun, 22 Nov 2026 12:00:00 +0200"
    message["Message-ID"] = "<1@example.org>"
    message.set_content(text)
    if html:
        message.add_alternative(html, subtype="html")
    return message


async def send(mailbox: Mailbox, message: EmailMessage | bytes, **options) -> None:
    options = {"sender": "bounce@example.org", "recipients": ["mari@example.org"]} | options
    await aiosmtplib.send(message, hostname="127.0.0.1", port=mailbox.smtp_port, **options)


async def test_a_message_in_any_script_is_read_back_by_json(mailbox, web):
    subject, text = "እንኳን ደስ አለዎት — 出生登録", "የልደት ምዝገባ ተጠናቋል።\nสวัสดี 🌍\n"
    await send(mailbox, written(subject, text, html="<p>ምዝገባ</p>"))
    listing = (await web.get("/api/v1/messages?limit=5")).json()
    assert {name: listing[name] for name in ("total", "unread", "count", "messages_count")} == {
        "total": 1,
        "unread": 1,
        "count": 1,
        "messages_count": 1,
    }
    short = listing["messages"][0]
    assert short["Subject"] == subject
    assert short["Snippet"] == "የልደት ምዝገባ ተጠናቋል። สวัสดี 🌍"
    assert short["Read"] is False
    full = (await web.get(f"/api/v1/message/{short['ID']}")).json()
    assert full["Text"] == text
    assert full["HTML"] == "<p>ምዝገባ</p>\n"
    assert full["From"] == {"Name": "Народны рэгістр", "Address": "registry@example.org"}
    assert full["To"] == [{"Name": "Mari Õun", "Address": "mari@example.org"}]
    assert full["MessageID"] == "1@example.org"
    assert full["Date"] == "2026-11-22T12:00:00+02:00"
    assert (await web.get("/api/v1/messages")).json()["unread"] == 0


async def test_an_international_address_and_raw_utf_8_are_accepted(mailbox, web):
    raw = "From: ü@example.org\r\nTo: 用户@example.org\r\nSubject: Zażółć\r\n\r\nეს წერილია\r\n"
    options = {"sender": "ü@example.org", "recipients": ["用户@example.org"]}
    await send(mailbox, raw.encode(), **options, mail_options=["SMTPUTF8", "BODY=8BITMIME"])
    found = (await web.get("/api/v1/search", params={"query": 'to:"用户@example.org"'})).json()
    message = (await web.get(f"/api/v1/message/{found['messages'][0]['ID']}")).json()
    assert message["Subject"] == "Zażółć"
    assert message["Text"] == "ეს წერილია\n"
    assert message["From"]["Address"] == "ü@example.org"


@pytest.mark.parametrize("encoding", ["base64", "quoted-printable", "8bit"])
def test_every_transfer_encoding_is_decoded(encoding):
    message = EmailMessage()
    message["Subject"] = "=?utf-8?b?w5VuZQ==?= =?iso-8859-1?q?_caf=E9?="
    message.set_content("naïve — ліст\n", cte=encoding)
    read = read_message(message.as_bytes(), "a@example.org", ["b@example.org"])
    assert (read.subject, read.text) == ("Õne café", "naïve — ліст\n")
    assert [each.address for each in read.bcc] == ["b@example.org"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no header at all",
        b'From: <<>>,;\r\nTo: @@@, "\r\nDate: never\r\nSubject: =?x?y?z?=\r\n\r\nx',
        b"Content-Type: text/plain; charset=no-such\r\n\r\n\xff\xfe",
        b"Content-Type: multipart/mixed\r\n\r\nno boundary",
        b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!\xff",
        b"Content-Type: text/plain; charset=utf-7\r\n\r\n+2AA-",
        b"To: undisclosed:;\r\nSubject: \xff\xfe\r\nMessage-ID: [\r\n\r\n",
    ],
)
def test_broken_mail_is_taken_all_the_same(content):
    read = read_message(content, "a@example.org", ["b@example.org"])
    assert read.sender.address is not None
    read.subject.encode()
    read.text.encode()


async def test_search_finds_by_recipient_and_by_subject(mailbox, web):
    await send(mailbox, written("Birth registered", to="mari@example.org"))
    await send(mailbox, written("Consent withdrawn", to="juhan@example.org"))

    async def subjects(query: str) -> list[str]:
        answer = (await web.get("/api/v1/search", params={"query": query})).json()
        return [each["Subject"] for each in answer["messages"]]

    assert await subjects('to:"juhan@example.org"') == ["Consent withdrawn"]
    assert await subjects('subject:"birth REG"') == ["Birth registered"]
    assert await subjects('to:"mari@example.org" subject:"withdrawn"') == []
    assert await subjects("good") == ["Consent withdrawn", "Birth registered"]
    assert await subjects("is:odd") == []
    assert (await web.get("/api/v1/search?query=")).status_code == 400


async def test_pages_of_the_list_are_newest_first(mailbox, web):
    for number in range(3):
        mailbox.store.add(read_message(f"Subject: {number}\r\n\r\n".encode(), "", []))
    page = (await web.get("/api/v1/messages?limit=1&start=1")).json()
    assert [each["Subject"] for each in page["messages"]] == ["1"]
    assert (page["start"], page["total"]) == (1, 3)
    assert (await web.get("/api/v1/messages?limit=many&start=-1")).json()["count"] == 3


async def test_messages_are_deleted_by_id_or_all(mailbox, web):
    for _ in range(3):
        await send(mailbox, written())
    first = (await web.get("/api/v1/messages?limit=1")).json()["messages"][0]["ID"]
    body = {"IDs": [first, "none"]}
    assert (await web.request("DELETE", "/api/v1/messages", json=body)).text == "ok"
    assert (await web.get("/api/v1/messages")).json()["total"] == 2
    assert (await web.request("DELETE", "/api/v1/messages", json=[1])).status_code == 400
    assert (await web.delete("/api/v1/messages")).status_code == 200
    assert (await web.get("/api/v1/messages")).json()["total"] == 0
    assert (await web.get(f"/api/v1/message/{first}")).status_code == 404
    assert (await web.get("/readyz")).status_code == 200


class Outline(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.attributes: list[dict[str, str | None]] = []

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        self.attributes.append(dict(attrs))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def outlined(text: str) -> Outline:
    outline = Outline()
    outline.feed(text)
    outline.close()
    assert outline.open == []
    return outline


async def test_the_page_escapes_everything_and_nests_rightly(mailbox, web):
    attack = "<script>alert('1')</script>\"'><img src=x onerror=alert(2)>"
    await send(mailbox, written(attack, attack, html=f"<p>{attack}</p>"))
    page = await web.get("/")
    outline = outlined(page.text)
    assert {"script", "img", "iframe"}.isdisjoint(outline.seen)
    assert "&lt;script&gt;" in page.text
    assert "development only" in page.text
    assert outline.attributes[0] == {"lang": "en"}
    assert {"title", "main", "h1", "h2"} <= set(outline.seen)
    link = next(each["href"] for each in outline.attributes if "href" in each)
    opened = await web.get(link)
    inside = outlined(opened.text)
    assert {"script", "img"}.isdisjoint(inside.seen)
    frame = inside.attributes[inside.seen.index("iframe")]
    assert frame["sandbox"] == ""
    assert frame["srcdoc"].startswith("<p><script>")
    assert "default-src 'none'" in opened.headers["Content-Security-Policy"]


async def test_a_page_says_when_there_is_nothing(web):
    assert "no messages yet" in (await web.get("/")).text
    assert (await web.get("/view/none")).status_code == 404


async def test_the_store_keeps_the_newest_within_its_bounds():
    store = Store(most=2, most_text=100)
    for text in ("1", "2", "3"):
        store.add(read_message(f"Subject: {text}\r\n\r\n".encode(), "", []))
    assert [each.subject for each in store.newest()] == ["3", "2"]
    store.add(read_message(b"Subject: long\r\n\r\n" + b"x" * 200, "", []))
    assert [each.subject for each in store.newest()] == ["long"]
    transport = httpx.ASGITransport(create_app(store))
    async with httpx.AsyncClient(transport=transport, base_url="http://mailbox") as client:
        assert (await client.get("/api/v1/messages")).json()["total"] == 1


async def test_the_size_limit_is_announced_and_kept(mailbox):
    async with aiosmtplib.SMTP(hostname="127.0.0.1", port=mailbox.smtp_port) as client:
        await client.ehlo()
        assert client.esmtp_extensions["size"] == str(LARGEST_MESSAGE)
        assert client.supports_extension("smtputf8")
        assert client.supports_extension("8bitmime")
        code, _ = await client.execute_command(
            b"MAIL", b"FROM:<a@example.org>", f"SIZE={LARGEST_MESSAGE + 1}".encode()
        )
    assert code == 552
    assert mailbox.store.count() == 0


async def test_mail_is_refused_when_asked_and_then_accepted(mailbox):
    mailbox.fail_next(451, 2)
    for _ in range(2):
        with pytest.raises(aiosmtplib.SMTPDataError) as refused:
            await send(mailbox, written())
        assert refused.value.code == 451
    await send(mailbox, written())
    assert mailbox.store.count() == 1
    with pytest.raises(ValueError, match="400 to 599"):
        mailbox.fail_next(250)


async def test_a_port_in_use_is_said_at_once_and_leaves_nothing_behind(mailbox):
    other = Mailbox()
    with pytest.raises(OSError, match=f"wants 127.0.0.1:{mailbox.web_port}"):
        await other.start(0, mailbox.web_port)
    await other.stop()


async def test_stopping_closes_open_conversations_and_frees_the_ports():
    mailbox = Mailbox()
    await mailbox.start(0, 0)
    ports = mailbox.smtp_port, mailbox.web_port
    client = aiosmtplib.SMTP(hostname="127.0.0.1", port=mailbox.smtp_port)
    await client.connect()
    await mailbox.stop()
    await mailbox.stop()
    with pytest.raises(aiosmtplib.SMTPServerDisconnected):
        await client.noop()
    client.close()
    await mailbox.start(*ports)
    await mailbox.stop()
