"""How this block's entries in the evidence ledger are written."""

from collections.abc import Mapping
from typing import Any

from kit.access import Caller
from kit.evidence import Entry, Part


def trace(  # noqa: PLR0913  what an entry says
    kind: str,
    caller: Caller,
    thing: str,
    *,
    subject: str | None = None,
    by: str | None = None,
    tenant: str | None = None,
    asked: Mapping[str, Any] | None = None,
    **facts: Any,
) -> Entry:
    """Return the entry for something a caller did to ``thing`` (``policy/1``) of a tenant.

    ``subject`` is the external id of the individual concerned; without one it is the person who
    is signed in. Both are kept as a pseudonym only; the reader's name is sealed, and with it what
    was ``asked`` in words of the caller's own. ``by`` is the representative who acted for the
    subject: the entry then has a part that they find in their own log. ``tenant`` is the
    controller, the caller's own tenant when not given.
    """
    who = subject or caller.speaks_for
    reader = caller.reader or caller.person
    detail: dict[str, Any] = {}
    if reader:
        detail |= {"reader": reader, "name": caller.person_name}
    if asked:
        detail["asked"] = dict(asked)
    return Entry(
        kind,
        caller.client,
        thing,
        subject=who,
        facts={"requestId": caller.request_id, **facts},
        detail=detail if who and detail else None,
        tenant=tenant or caller.tenant,
        parts=[Part(f"{thing}/representative", by, detail=detail or None)] if by else (),
    )
