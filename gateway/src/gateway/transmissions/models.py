"""How a provider says under whose consent it answers, and how that is told on.

An answer's header ``Consent-Reference`` is a list of a structured field (RFC 8941): one item for
each person whose data it shows, a string that is the id of a consent record. Its parameters are
``decision``, the id of the decision that permitted it, and ``attributes``, the names of what is
shown, each percent-encoded, with one space between two.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import unquote
from uuid import UUID

from kit.evidence.models import moment
from kit.identifiers import is_uuid

HEADER = b"consent-reference"
FACT = "consents"
"""The fact of an answer's entry that says what the header said."""

_LONGEST = 16 * 1024  # bytes of the whole header
_MOST_ITEMS = 100
_MOST_NAMES = 1000  # attributes of one item
_LONGEST_NAME = 200
_SEGMENTS_OF_MEMBER = 3

_STRING = r'"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*"'
_KEY = r"[a-z*][a-z0-9_.*-]*"
_BARE = rf"(?:{_STRING}|\?[01]|:[A-Za-z0-9+/=]*:|-?[0-9]+(?:\.[0-9]+)?|[A-Za-z*][!-+\--:<-~]*)"
_PARAMETER = re.compile(rf"; *({_KEY})(?:=({_BARE}))?")
_ITEM = re.compile(rf"({_STRING})((?:; *{_KEY}(?:={_BARE})?)*)")
_COMMA = re.compile(r"[ \t]*,[ \t]*")


class Held(Protocol):
    """A connection of a process that is the only one to work on something."""

    async def fetch(self, sql: str, /, *values: object) -> Sequence[Mapping[str, Any]]:
        """Run a statement; return its rows."""
        ...


@dataclass(frozen=True, slots=True)
class Passed:
    """An exchange under consents that has its place in the ledger."""

    index: int
    id: UUID
    at: datetime
    client: str
    facts: Mapping[str, Any]

    def told(self) -> dict[str, Any]:
        """Return it as it is reported; whose data it was is the tenant, or the provider."""
        tenant = str(self.facts["tenant"])
        is_member = tenant.count("/") == _SEGMENTS_OF_MEMBER - 1
        return {
            "exchangeId": str(self.id),
            "at": moment(self.at),
            "client": self.client,
            "dataSource": tenant if is_member else self.facts["provider"],
            "service": self.facts["service"],
            "items": self.facts[FACT],
        }


def facts(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, Any]:
    """Return what an answer's entry says of the consents it stands on; nothing without any.

    A header that is no structured field, longer than 16 KiB or has more than 100 items is as none
    (RFC 8941 section 4.2); an item that names no consent record by its UUID is left out.
    """
    lines = [value for name, value in headers if name.lower() == HEADER]
    if not lines:
        return {}
    said = b", ".join(lines)
    if len(said) > _LONGEST or not said.isascii():
        return {}
    found = [item for item in _items(said.decode().strip(" ")) if item]
    return {FACT: found} if found else {}


def _items(text: str) -> list[dict[str, Any] | None]:
    """Return the items of a list, None for one that says nothing here; none of no list at all."""
    found: list[dict[str, Any] | None] = []
    place = 0
    while matched := _ITEM.match(text, place):
        found.append(_item(_unquoted(matched[1]), matched[2]))
        if matched.end() == len(text):
            return found if len(found) <= _MOST_ITEMS else []
        comma = _COMMA.match(text, matched.end())
        if comma is None:
            break
        place = comma.end()
    return []


def _item(record: str, parameters: str) -> dict[str, Any] | None:
    if not is_uuid(record):
        return None
    said = {key: value for key, value in _PARAMETER.findall(parameters) if value.startswith('"')}
    item: dict[str, Any] = {"consentRecordId": record.lower()}
    decision = _unquoted(said.get("decision", '""'))
    if is_uuid(decision):
        item["decisionId"] = decision.lower()
    if "attributes" in said:
        names = [unquote(name) for name in _unquoted(said["attributes"]).split(" ") if name]
        if len(names) <= _MOST_NAMES and all(map(_is_name, names)):
            item["attributes"] = names
    return item


def _is_name(text: str) -> bool:
    return len(text) <= _LONGEST_NAME and text.isprintable()


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1])
