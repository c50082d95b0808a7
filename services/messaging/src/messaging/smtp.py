"""The way out: an e-mail as bytes (RFC 5322), and its handing over to a mail server (RFC 5321)."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, quote
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit

import aiosmtplib
from aiosmtplib import (
    SMTPDataError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPResponseException,
)

from messaging.emails.models import ascii_address, read_letter, read_recipient
from messaging.messages.models import Outcome, Parcel, State

_PERMANENT = 500
_PLAIN = 60  # characters of a header that need no folding
_SEVEN_BIT = SMTP.clone(cte_type="7bit")
_IDLE = 5.0  # seconds that a connection waits for the next message
_STARTTLS = {"auto": None, "always": True, "never": False}


@dataclass(frozen=True, slots=True)
class Server:
    """A mail server, and how to talk to it."""

    host: str
    port: int | None
    user: str | None
    password: str | None
    tls: bool
    starttls: bool | None

    @classmethod
    def read(cls, url: str) -> Self:
        """Read ``smtp://`` or ``smtps://``, or raise ValueError."""
        parts = urlsplit(url)
        if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
            raise ValueError("a mail server is smtp://host:port or smtps://host:port")
        default = "always" if parts.password else "auto"
        said = parse_qs(parts.query).get("starttls", [default])[0]
        if said not in _STARTTLS:
            raise ValueError("starttls is auto, always or never")
        tls = parts.scheme == "smtps"
        return cls(
            host=parts.hostname,
            port=parts.port,
            user=None if parts.username is None else unquote(parts.username),
            password=None if parts.password is None else unquote(parts.password),
            tls=tls,
            starttls=False if tls else _STARTTLS[said],
        )


@dataclass(frozen=True, slots=True)
class Envelope:
    """What SMTP carries: whom a message is for, and the message itself."""

    recipients: Sequence[str]
    content: bytes
    is_utf8: bool


def compose(parcel: Parcel, sender: str) -> Envelope:
    """Write a message as a mail server takes it; text and title in UTF-8.

    Header and body are ASCII on the wire unless an address itself is not (RFC 6531).
    """
    letter, recipient = read_letter(parcel.letter), read_recipient(parcel.recipient)
    named = (recipient.email, recipient.copy, recipient.blind_copy)
    addresses = [ascii_address(each) for each in named if each]
    is_utf8 = not all(each.isascii() for each in addresses)
    answers = letter.sender.reply_to or letter.sender.email
    is_utf8 = is_utf8 or not ascii_address(answers).isascii()
    fields = [
        ("From", _mailbox(letter.sender.display_name, sender)),
        ("To", _mailbox(recipient.name, ascii_address(recipient.email))),
        ("Cc", ascii_address(recipient.copy) if recipient.copy else ""),
        ("Reply-To", ascii_address(answers) if answers else ""),
        ("Subject", _words(letter.title.strip())),
        ("Date", format_datetime(parcel.accepted_at)),
        ("Message-ID", f"<{parcel.id}@{sender.rpartition('@')[2]}>"),
    ]
    head = "".join(f"{name}: {value}\r\n" for name, value in fields if value)
    body = EmailMessage(_SEVEN_BIT)
    body.set_content(letter.content)
    content = head.encode() + body.as_bytes()
    return Envelope(list(dict.fromkeys(addresses)), content, is_utf8)


# The header fields are written here and not by EmailMessage, which in Python 3.11 loses spaces
# between the encoded words of a long title.


def _words(text: str) -> str:
    """Return a text for a header: as it is, or in encoded words (RFC 2047)."""
    if text.isascii() and len(text) <= _PLAIN and "=?" not in text:
        return text
    return Header(text, "utf-8", header_name="Reply-To").encode(linesep="\r\n")


def _mailbox(name: str, address: str) -> str:
    """Return a name and an address as a header has them (RFC 5322 section 3.4)."""
    if not name.strip():
        return address
    words = _words(name.strip())
    return f'"{quote(words)}" <{address}>' if words == name.strip() else f"{words}\r\n <{address}>"


class Post:
    """The mail server that messages are handed to, over connections that are used again."""

    def __init__(self, url: str, sender: str, timeout: float) -> None:
        self._server = Server.read(url)
        self._sender = sender
        self._timeout = timeout
        self._idle: dict[aiosmtplib.SMTP, asyncio.TimerHandle] = {}

    async def deliver(self, parcel: Parcel) -> Outcome:
        """Hand one message over; what the server says becomes a state and a code.

        Accepted is ``delivered``: to the next mail server, which is as far as SMTP tells. A 5xx
        about the recipient or the message is ``bounced``; everything else is ``deferred``.
        """
        envelope = compose(parcel, self._sender)
        try:
            async with asyncio.timeout(self._timeout):
                return await self._hand_over(envelope)
        except SMTPResponseException as refused:
            permanent = refused.code >= _PERMANENT
            about_it = isinstance(refused, SMTPRecipientRefused | SMTPDataError)
            state = State.BOUNCED if permanent and about_it else State.DEFERRED
            return Outcome(state, str(refused.code))
        except TimeoutError:
            return Outcome(State.DEFERRED, "timeout")
        except (SMTPException, OSError):
            return Outcome(State.DEFERRED, "connection")

    async def close(self) -> None:
        """Close the connections that wait."""
        while self._idle:
            client, timer = self._idle.popitem()
            timer.cancel()
            client.close()

    async def _hand_over(self, envelope: Envelope) -> Outcome:
        client = await self._greeted(envelope)
        try:
            if envelope.is_utf8 and not client.supports_extension("smtputf8"):
                return Outcome(State.BOUNCED, "smtputf8")
            refused = await self._address(client, envelope)
            answer = await client.data(envelope.content)
        except BaseException:
            client.close()
            raise
        self._keep(client)
        return Outcome(State.DELIVERED, str(answer.code), refused)

    async def _greeted(self, envelope: Envelope) -> aiosmtplib.SMTP:
        """Return a connection that has taken the sender, a waiting one if it still lives."""
        while self._idle:
            client, timer = self._idle.popitem()
            timer.cancel()
            try:
                await self._sender_of(client, envelope)
            except (SMTPException, OSError):
                client.close()
            else:
                return client
        client = self._client()
        try:
            await client.connect()
            await client.ehlo()
            await self._sender_of(client, envelope)
        except BaseException:
            client.close()
            raise
        return client

    async def _sender_of(self, client: aiosmtplib.SMTP, envelope: Envelope) -> None:
        utf8 = envelope.is_utf8 and client.supports_extension("smtputf8")
        await client.mail(ascii_address(self._sender), options=["SMTPUTF8"] if utf8 else [])

    async def _address(self, client: aiosmtplib.SMTP, envelope: Envelope) -> int:
        """Name the recipients; return how many copies the server refuses for good.

        A refusal of the recipient, or one for now of anybody, ends the attempt before the text is
        sent, so that nobody gets it twice.
        """
        refused = 0
        encoding = "utf-8" if envelope.is_utf8 else "ascii"
        for place, recipient in enumerate(envelope.recipients):
            try:
                await client.rcpt(recipient, encoding=encoding)
            except SMTPRecipientRefused as refusal:
                if place == 0 or refusal.code < _PERMANENT:
                    raise
                refused += 1
        return refused

    def _client(self) -> aiosmtplib.SMTP:
        server = self._server
        return aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            username=server.user,
            password=server.password,
            local_hostname=self._sender.rpartition("@")[2],
            timeout=self._timeout,
            use_tls=server.tls,
            start_tls=server.starttls,
        )

    def _keep(self, client: aiosmtplib.SMTP) -> None:
        timer = asyncio.get_running_loop().call_later(_IDLE, self._drop, client)
        self._idle[client] = timer

    def _drop(self, client: aiosmtplib.SMTP) -> None:
        self._idle.pop(client, None)
        client.close()
