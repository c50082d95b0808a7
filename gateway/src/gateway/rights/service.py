"""See, give and take access rights."""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import replace

from gateway.configuration.models import Configuration, Grantee
from gateway.configuration.service import Book
from gateway.members import service as members
from gateway.members.models import Difference
from gateway.rights.models import (
    Change,
    Filter,
    PageTokenRefused,
    Pair,
    grantees,
    pairs,
    to_deny,
)
from kit.access import Caller
from kit.database import Session
from kit.evidence import Entry, Ledger
from kit.sealing import Keyring, SealBrokenError

_PLACE = b"rights page"
_WRAPPED = 60  # nonce, key and tag of a wrapped data key


def page(
    configuration: Configuration, keyring: Keyring, chosen: Filter, token: str | None, size: int
) -> tuple[list[Pair], str | None]:
    """Return a page of pairs and the token of the next; raise PageTokenRefused."""
    after = _opened(keyring, token) if token else None
    found, more = pairs(configuration, chosen, after, size)
    return found, _sealed(keyring, found[-1]) if more else None


def _sealed(keyring: Keyring, pair: Pair) -> str:
    """Return where a page ends, so that its reader cannot read or make it."""
    key = keyring.new()
    said = json.dumps([pair.service, *_parts(pair.grantee)]).encode()
    sealed = key.wrapped + key.seal(said, _PLACE)
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def _parts(grantee: Grantee) -> tuple[str, str, bool]:
    return grantee.member, grantee.application, grantee.by_name


def _opened(keyring: Keyring, token: str) -> Pair:
    try:
        sealed = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        said = keyring.unwrap(sealed[:_WRAPPED]).open(sealed[_WRAPPED:], _PLACE)
    except (SealBrokenError, ValueError, binascii.Error) as error:
        raise PageTokenRefused("give the nextPageToken of the page before, as it was") from error
    service, *grantee = json.loads(said)
    return Pair(service, Grantee(*grantee))


def _changed(caller: Caller) -> Entry:
    return Entry("rights.changed", caller.client, facts={"requestId": caller.request_id})


async def allow(
    session: Session, ledger: Ledger, book: Book, caller: Caller, changes: Sequence[Change]
) -> None:
    """Let clients use services; raise RightRefused. What is allowed already changes nothing."""
    now = await book.for_change(session)
    rights = dict(now.rights)
    for service, grantee, scopes in grantees(now, changes, registered=True):
        rights[service.address, grantee] = scopes
    difference = Difference(now, replace(now, rights=rights))
    await members.keep(session, ledger, book, difference, _changed(caller))


async def deny(
    session: Session, ledger: Ledger, book: Book, caller: Caller, changes: Sequence[Change]
) -> None:
    """Take clients' rights to services; raise RightRefused. What is not there changes nothing."""
    now = await book.for_change(session)
    rights = dict(now.rights)
    for service, grantee, _ in grantees(now, changes, registered=False):
        for kept in to_deny(now, service, grantee):
            rights.pop((service.address, kept), None)
    difference = Difference(now, replace(now, rights=rights))
    await members.keep(session, ledger, book, difference, _changed(caller))
