"""What the mailbox keeps: messages, the newest of them, found by what they hold."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from html import unescape

MOST_MESSAGES = 1_000
MOST_TEXT = 100_000_000  # characters over all messages, so that memory is bounded too
_SNIPPET = 250  # characters, as Mailpit
_TERM = re.compile(r'(?:(?P<field>\w+):)?(?:"(?P<quoted>[^"]*)"|(?P<bare>\S+))')
_TAG = re.compile(r"<(style|script)\b.*?</\1\s*>|<[^>]*>", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True)
class Address:
    """A name, which may be empty, and an e-mail address."""

    name: str
    address: str


@dataclass(frozen=True)
class Message:
    """One message as it was received, its headers and texts decoded."""

    id: str
    message_id: str
    sender: Address
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    bcc: tuple[Address, ...]
    subject: str
    sent_at: datetime
    received_at: datetime
    size: int
    text: str
    html: str
    attachments: int

    @property
    def weight(self) -> int:
        """The characters that the message keeps in memory, about."""
        return len(self.text) + len(self.html) + len(self.subject)

    @property
    def snippet(self) -> str:
        """The beginning of the text on one line."""
        text = self.text or unescape(_TAG.sub(" ", self.html))
        return " ".join(text.split())[:_SNIPPET]

    def matches(self, name: str, wanted: str) -> bool:
        """Tell whether a field holds the wanted text, in any case; any field if none is named."""
        fields = {
            "from": spell(self.sender),
            "to": spell(*self.to),
            "cc": spell(*self.cc),
            "bcc": spell(*self.bcc),
            "subject": self.subject,
        }
        text = fields.get(name) or ""
        if not name:
            text = "\n".join([*fields.values(), self.text])
        return wanted.casefold() in text.casefold()


@dataclass
class Store:
    """The newest messages, bounded in number and in text."""

    most: int = MOST_MESSAGES
    most_text: int = MOST_TEXT
    _messages: dict[str, Message] = field(default_factory=dict[str, Message])
    _read: set[str] = field(default_factory=set[str])
    _weight: int = 0

    def add(self, message: Message) -> None:
        """Keep a message and let the oldest go if there are too many."""
        self._messages[message.id] = message
        self._weight += message.weight
        while len(self._messages) > self.most or (
            self._weight > self.most_text and len(self._messages) > 1
        ):
            self.delete(next(iter(self._messages)))

    def newest(self, query: str = "") -> list[Message]:
        """List the messages that match every term of the query, newest first."""
        terms = [
            ((term["field"] or "").lower(), term["quoted"] or term["bare"] or "")
            for term in _TERM.finditer(query)
        ]
        return [
            message
            for message in reversed(self._messages.values())
            if all(message.matches(name, wanted) for name, wanted in terms)
        ]

    def find(self, message_id: str) -> Message | None:
        """Find a message by its id and remember that it was read."""
        message = self._messages.get(message_id)
        if message is not None:
            self._read.add(message_id)
        return message

    def delete(self, message_id: str) -> None:
        """Forget one message; harmless if there is none."""
        message = self._messages.pop(message_id, None)
        if message is not None:
            self._weight -= message.weight
            self._read.discard(message_id)

    def clear(self) -> None:
        """Forget all messages."""
        self._messages.clear()
        self._read.clear()
        self._weight = 0

    def was_read(self, message: Message) -> bool:
        """Tell whether the message was opened."""
        return message.id in self._read

    def count(self) -> int:
        """Count the messages."""
        return len(self._messages)

    def unread(self) -> int:
        """Count the messages that nobody has opened."""
        return len(self._messages) - len(self._read)


def spell(*addresses: Address) -> str:
    """Write addresses as a person reads them."""
    spelt = (f"{each.name} <{each.address}>" if each.name else each.address for each in addresses)
    return ", ".join(spelt)


def stamp(moment: datetime) -> str:
    """Write a time as JSON and HTML do."""
    return moment.isoformat().replace("+00:00", "Z")
