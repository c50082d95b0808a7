"""Configure an instance: describe it, add to it, replace it."""

from dataclasses import replace as replace_fields

from gateway.configuration.models import Configuration, ScopesNotYours
from gateway.configuration.service import Book
from gateway.members import store
from gateway.members.models import AlreadyInitialised, Difference, Digest, Wanted, planned
from kit.access import Caller
from kit.database import Session
from kit.evidence import Entry, Ledger


def check(  # noqa: PLR0913  what a change of the configuration needs
    now: Configuration,
    caller: Caller,
    wanted: Wanted,
    digest: Digest,
    *,
    whole: bool,
    first: bool = False,
) -> None:
    """Refuse a document before any transaction.

    Raises AlreadyInitialised, ConfigurationRefused or ScopesNotYours.
    """
    if first and any(member.instance == wanted.instance for member in now.members.values()):
        raise AlreadyInitialised("change it with PATCH or replace it with PUT")
    _allowed(caller, planned(now, wanted, digest, whole=whole))


def _allowed(caller: Caller, difference: Difference) -> Difference:
    missing = sorted(scope for scope in difference.empowered() if not caller.may(scope))
    if missing:
        raise ScopesNotYours(f"you have not {', '.join(missing)}")
    return difference


async def initialise(  # noqa: PLR0913, PLR0917  what a change of the configuration needs
    session: Session, ledger: Ledger, book: Book, caller: Caller, wanted: Wanted, digest: Digest
) -> int:
    """Give an instance its first configuration; return how many things were written.

    Raises AlreadyInitialised or ConfigurationRefused.
    """
    now = await book.for_change(session)
    check(now, caller, wanted, digest, whole=True, first=True)  # somebody may have been faster
    return await _change(session, ledger, book, caller, (now, wanted, digest, True))


async def merge(  # noqa: PLR0913, PLR0917  as above
    session: Session, ledger: Ledger, book: Book, caller: Caller, wanted: Wanted, digest: Digest
) -> int:
    """Add to an instance's configuration and change what is described; return how much changed."""
    now = await book.for_change(session)
    return await _change(session, ledger, book, caller, (now, wanted, digest, False))


async def replace(  # noqa: PLR0913, PLR0917  as above
    session: Session, ledger: Ledger, book: Book, caller: Caller, wanted: Wanted, digest: Digest
) -> int:
    """Make an instance's configuration what is described; what is not described is deleted.

    Secrets and API keys of applications that stay are kept, because nobody can read them.
    """
    now = await book.for_change(session)
    return await _change(session, ledger, book, caller, (now, wanted, digest, True))


async def _change(
    session: Session,
    ledger: Ledger,
    book: Book,
    caller: Caller,
    plan: tuple[Configuration, Wanted, Digest, bool],
) -> int:
    now, wanted, digest, whole = plan
    difference = _allowed(caller, planned(now, wanted, digest, whole=whole))
    facts = {"requestId": caller.request_id}
    entry = Entry("configuration.changed", caller.client, wanted.instance, facts=facts)
    return await keep(session, ledger, book, difference, entry)


async def keep(
    session: Session, ledger: Ledger, book: Book, difference: Difference, entry: Entry
) -> int:
    """Keep what changes, with an entry in the log for each member; return how much that is.

    Nothing is nothing.
    """
    changes = difference.facts()
    if changes:
        await store.apply(session, difference)
        for tenant, facts in changes.items():
            said = {**entry.facts, **facts}
            await ledger.record(session, replace_fields(entry, facts=said, tenant=tenant))
        await book.changed(session)
    return sum(len(addresses) for facts in changes.values() for addresses in facts.values())
