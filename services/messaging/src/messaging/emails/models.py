"""What an e-mail is, and whether a mail server could take it."""

import base64
import hashlib
import json
import re
import secrets
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from kit.problems import Conflict, FieldError, Forbidden, Invalid, TooLarge

DUPLICATE_WINDOW = timedelta(hours=24)
"""How long a repeated transactionId means the same request (MSG-6.1.2)."""

_LONGEST_ADDRESS = 254  # octets, RFC 5321 section 4.5.3.1.3 less the angle brackets
_LONGEST_LOCAL = 64
_LONGEST_LABEL = 63
_LONGEST_TITLE = 500  # characters
_LONGEST_NAME = 200
_LONGEST_TRANSACTION = 200
_LONGEST_URI = 2000
_EMERGENCY = 100
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"  # none looks like another
_GROUPS, _GROUP = 6, 4

# RFC 5322 section 3.2.3, dot-atom, with what RFC 6531 section 3.3 adds
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\U0010ffff-]+"
_LOCAL = re.compile(rf"{_ATOM}(\.{_ATOM})*")
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?")
_UNPRINTABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})
_NOT_IN_ADDRESS = _UNPRINTABLE | {"Cf", "Cn", "Co", "Zs"}


class EmailInvalid(Invalid):
    """The e-mail does not say what a mail server could take."""

    title = "Invalid input"


class TransactionTaken(Conflict):
    """The transactionId was used for another body less than 24 hours ago."""

    title = "The transactionId belongs to another message"


class SenderNotCaller(Forbidden):
    """The sender is another organisation than the one that calls (MSG-9.3)."""

    title = "The sender is not the caller"


class ContentTooLarge(TooLarge):
    """The text, or the list of recipients, is larger than the block sends."""

    title = "The e-mail is too large"


# -- what may be said ----------------------------------------------------------------------


def is_one_line(text: str) -> bool:
    """Tell whether a text can stand in a header: no line end, no control character."""
    return not any(unicodedata.category(each) in _UNPRINTABLE for each in text)


def fault_of_address(text: str) -> str:
    """Say why a text is not one e-mail address (RFC 5321, RFC 6531); empty when it is one."""
    local, at, domain = text.rpartition("@")
    if not at:
        return "an address is name@domain"
    strange = any(unicodedata.category(each) in _NOT_IN_ADDRESS for each in text)
    if strange or not _LOCAL.fullmatch(local):
        return "the part before the @ holds what an address cannot"
    encoded = ascii_domain(domain)
    if "." not in encoded:
        return "the part after the @ is not a domain name"
    if len(local.encode()) > _LONGEST_LOCAL:
        return f"the part before the @ may have {_LONGEST_LOCAL} bytes at most"
    if len(local.encode()) + 1 + len(encoded) > _LONGEST_ADDRESS:
        return f"an address may have {_LONGEST_ADDRESS} bytes at most"
    return ""


def ascii_domain(domain: str) -> str:
    """Return a domain name as DNS spells it (IDNA); empty when it is none."""
    try:
        labels = domain.encode("idna").decode().split(".")
    except UnicodeError:
        return ""
    fits = all(len(each) <= _LONGEST_LABEL and _LABEL.fullmatch(each) for each in labels)
    return ".".join(labels) if fits and not labels[-1].isdigit() else ""


def ascii_address(text: str) -> str:
    """Return an address with its domain as DNS spells it."""
    local, _, domain = text.rpartition("@")
    return f"{local}@{ascii_domain(domain)}"


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends, as the caller says; the envelope's sender is the block's own."""

    name: str = ""
    organisation: str = ""
    organisation_number: str = ""
    email: str = ""
    reply_to: str = ""

    @property
    def display_name(self) -> str:
        """Return what ``From`` shows beside the block's address."""
        return ", ".join(part for part in (self.name, self.organisation) if part)

    def faults(self) -> list[FieldError]:
        """Return the fields that a mail server could not take."""
        return [
            *_line_faults("senderInfo/name", self.name, _LONGEST_NAME),
            *_line_faults("senderInfo/organisationName", self.organisation, _LONGEST_NAME),
            *_address_faults("senderInfo/email", self.email),
            *_address_faults("senderInfo/replyTo", self.reply_to),
        ]

    def check_is(self, member: str) -> None:
        """Refuse a registration number that is not the caller's, or raise SenderNotCaller.

        A member ``DEV/GOV/10001`` may call itself ``10001``, ``GOV10001`` or by its full name.
        """
        parts = member.split("/")
        if self.organisation_number not in {"", member, parts[-1], "".join(parts[-2:])}:
            raise SenderNotCaller("senderInfo.organisationRegNr is not the caller's member code")


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whom one message goes to."""

    email: str
    copy: str = ""
    blind_copy: str = ""
    name: str = ""

    def faults(self) -> list[FieldError]:
        """Return the fields that a mail server could not take."""
        missing = (
            [] if self.email else [FieldError("#/recipientInfo/email", "an address is needed")]
        )
        return [
            *missing,
            *_address_faults("recipientInfo/email", self.email),
            *_address_faults("recipientInfo/emailCC", self.copy),
            *_address_faults("recipientInfo/emailBCC", self.blind_copy),
            *_line_faults("recipientInfo/name", self.name, _LONGEST_NAME),
        ]


@dataclass(frozen=True, slots=True)
class Letter:
    """What all recipients of a request get."""

    sender: Sender
    title: str
    content: str
    encoding: str = "UTF-8"

    def faults(self) -> list[FieldError]:
        """Return the fields that a mail server could not take."""
        found = [
            *self.sender.faults(),
            *_line_faults("emailContent/title", self.title, _LONGEST_TITLE),
        ]
        if not self.title.strip():
            found.append(FieldError("#/emailContent/title", "a title is needed"))
        if not self.content.strip():
            found.append(FieldError("#/emailContent/content", "a content is needed"))
        if self.encoding.upper().replace("-", "") not in {"", "UTF8"}:
            found.append(FieldError("#/emailContent/encoding", "the encoding is UTF-8"))
        return found


class MessageType(StrEnum):
    """What decides who goes first; an emergency goes before everything else (MSG-6.1.1)."""

    NORMAL = "normal"
    EMERGENCY = "emergency"


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one request may hold."""

    recipients: int
    content: int


@dataclass(frozen=True, slots=True)
class Email:
    """A request to send one letter to one recipient, or to each of a batch."""

    letter: Letter
    recipients: tuple[Recipient, ...]
    is_batch: bool = False
    callback: str = ""
    transaction: str = ""
    message_type: MessageType = MessageType.NORMAL
    priority: int = 0

    @property
    def rank(self) -> int:
        """Return the place in the queue: higher goes first."""
        return self.priority + (_EMERGENCY if self.message_type is MessageType.EMERGENCY else 0)

    def check(self, limits: Limits) -> None:
        """Refuse what could not be sent, or raise EmailInvalid or ContentTooLarge.

        A bad recipient of a batch fails alone (MSG-6.2.2) as long as there is a good one.
        """
        if len(self.letter.content.encode()) > limits.content:
            raise ContentTooLarge(f"the content may have {limits.content} bytes at most")
        if len(self.recipients) > limits.recipients:
            raise ContentTooLarge(f"a batch may have {limits.recipients} recipients at most")
        faults = [*self.letter.faults(), *_uri_faults("callback/URI", self.callback)]
        faults += _line_faults("transactionId", self.transaction, _LONGEST_TRANSACTION)
        faults += self._faults_of_recipients()
        if faults:
            said = "; ".join(f"{each.pointer.removeprefix('#/')}: {each.reason}" for each in faults)
            raise EmailInvalid(said, errors=faults)

    def _faults_of_recipients(self) -> list[FieldError]:
        if not self.is_batch:
            return [fault for each in self.recipients for fault in each.faults()]
        if any(not each.faults() for each in self.recipients):
            return []
        reason = "none of the recipients has an e-mail address"
        return [FieldError("#/recipientInfo/batchEmailAsBase64", reason)]

    def digest(self) -> str:
        """Return the hash of the request as it came, the specification's MHASH."""
        return hashlib.sha256(_json(self, sort_keys=True)).hexdigest()


def _line_faults(field_path: str, text: str, longest: int) -> list[FieldError]:
    if not is_one_line(text):
        return [FieldError(f"#/{field_path}", "line ends and control characters are not allowed")]
    if len(text) > longest:
        return [FieldError(f"#/{field_path}", f"{longest} characters at most")]
    return []


def _address_faults(field_path: str, text: str) -> list[FieldError]:
    fault = fault_of_address(text) if text else ""
    return [FieldError(f"#/{field_path}", fault)] if fault else []


def _uri_faults(field_path: str, text: str) -> list[FieldError]:
    try:
        parts = urlsplit(text)
    except ValueError:
        return [FieldError(f"#/{field_path}", "this is not a URI")]
    if text and (parts.scheme not in {"http", "https"} or not parts.netloc):
        return [FieldError(f"#/{field_path}", "a callback is an http or https URI")]
    return _line_faults(field_path, text, _LONGEST_URI)


def new_request_uid() -> str:
    """Return a fresh requestUid: six groups of four characters, 139 random bits."""
    number, letters = secrets.randbelow(len(_LETTERS) ** (_GROUP * _GROUPS)), ""
    for _ in range(_GROUP * _GROUPS):
        number, place = divmod(number, len(_LETTERS))
        letters += _LETTERS[place]
    return "-".join(letters[place : place + _GROUP] for place in range(0, len(letters), _GROUP))


@dataclass(frozen=True, slots=True)
class AcceptedRequest:
    """A request as kept: its id for the caller, its hash, its queue rank, its time."""

    id: UUID
    uid: str
    tenant: str
    client: str
    hash: bytes
    transaction: bytes | None
    priority: int
    created_at: datetime


def as_bytes(value: Letter | Recipient) -> bytes:
    """Return a letter or recipient as JSON, for sealing."""
    return _json(value)


def _json(value: object, *, sort_keys: bool = False) -> bytes:
    """Write a dataclass with slots as JSON; ``asdict`` would copy it whole first."""
    text = json.dumps(value, default=_fields, sort_keys=sort_keys, ensure_ascii=False)
    return text.encode()


def _fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__}


def read_letter(said: bytes) -> Letter:
    """Return the letter that ``as_bytes`` wrote."""
    fields: dict[str, Any] = json.loads(said)
    sender = Sender(**fields.pop("sender"))
    return Letter(sender, **fields)


def read_recipient(said: bytes) -> Recipient:
    """Return the recipient that ``as_bytes`` wrote."""
    return Recipient(**json.loads(said))


def read_base64(text: str) -> bytes | None:
    """Return what a base64 text says, with or without line ends and padding; None if it is none."""
    plain = re.sub(r"\s", "", text).rstrip("=")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except ValueError:
        return None
