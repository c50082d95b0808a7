"""Give applications API keys, and withdraw them at once."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from gateway.configuration.models import Configuration, Key, ScopesNotYours, member_of
from gateway.configuration.service import Book
from gateway.keys import store
from gateway.keys.models import MADE, KeyNotYours, KeyTaken, check, is_same
from kit.access import Caller
from kit.database import Session
from kit.evidence import Entry, Ledger
from kit.identifiers import new_id


@dataclass(frozen=True, slots=True)
class Wish:
    """A key as somebody asks for it; administrators may say what it is."""

    application: str
    id: str | None = None
    key: str | None = None
    expires_at: datetime | None = None


def allowed(configuration: Configuration, caller: Caller, wish: Wish) -> None:
    """Refuse a wish before any transaction.

    Raises KeyNotYours, KeyRefused, ApplicationNotFound or ScopesNotYours.
    """
    if (wish.id or wish.key) and not caller.is_administrator:
        raise KeyNotYours("leave id and key to the gateway")
    check(wish.id, wish.key)
    application = configuration.application(wish.application)
    if not all(caller.may(scope) for scope in application.scopes):
        raise ScopesNotYours("its key would give them to you")


async def give(  # noqa: PLR0913, PLR0917  what a change of the configuration needs
    session: Session,
    ledger: Ledger,
    book: Book,
    caller: Caller,
    wish: Wish,
    digest: Callable[[str], bytes],
) -> tuple[Key, str | None]:
    """Give an application a key; return it with its text, which is shown this once.

    The same id and key given again change nothing, a withdrawn one stays withdrawn. Raises
    ApplicationNotFound, KeyRefused, KeyNotYours or KeyTaken.
    """
    allowed(await book.for_change(session), caller, wish)
    text = wish.key or MADE + secrets.token_urlsafe(32)
    key = Key(
        wish.application,
        wish.id or str(new_id()),
        digest(text),
        datetime.now(UTC),
        wish.expires_at,
    )
    if not await store.insert_new(session, key):
        kept = await store.find(session, key.application, key.id)
        if kept is None or not is_same(kept, key):
            raise KeyTaken("its id stands for another key, or the key for another id")
        return kept, None
    entry = _entry("key.given", caller, key.application, key.id)
    await ledger.record(session, entry)
    await book.changed(session)
    return key, text


async def listed(session: Session, configuration: Configuration, application: str) -> list[Key]:
    """Return an application's keys, or raise ApplicationNotFound."""
    configuration.application(application)
    return await store.page(session, application)


async def withdraw(  # noqa: PLR0913, PLR0917  as above
    session: Session, ledger: Ledger, book: Book, caller: Caller, application: str, key_id: str
) -> None:
    """Withdraw a key: no request is identified by it from now on; again changes nothing."""
    if await store.withdraw(session, application, key_id, datetime.now(UTC)):
        entry = _entry("key.withdrawn", caller, application, key_id)
        await ledger.record(session, entry)
        await book.changed(session)


def _entry(kind: str, caller: Caller, application: str, key_id: str) -> Entry:
    facts = {"key": key_id, "requestId": caller.request_id}
    return Entry(kind, caller.client, application, facts=facts, tenant=member_of(application))
