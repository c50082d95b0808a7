"""How this block's entries in the evidence ledger are written."""

from typing import Any

from kit.access import Caller
from kit.evidence import Entry


def trace(
    kind: str, caller: Caller, thing: str, *, subject: str | None = None, **facts: Any
) -> Entry:
    """Return the entry for something a caller did to ``thing`` (``policy/1``) of its tenant.

    ``subject`` is the external id of the individual concerned; without one it is the person who
    is signed in. Both are kept as a pseudonym only; the reader's name is sealed.
    """
    who = subject or caller.person
    reader = caller.reader or caller.person
    detail = {"reader": reader, "name": caller.person_name} if who and reader else None
    return Entry(kind, caller.client, thing, subject=who, facts=facts, detail=detail)
