"""Evidence: what happened, written so that anybody can verify it.

An entry is canonical JSON (RFC 8785), durable before the answer leaves. A sequencer gives entries
their places in a Merkle tree (RFC 9162 section 2.1) and signs a checkpoint over all of it, chained
to the one before. An answer carries a signed promise of its entries.

An entry carries references and digests. What must stay readable for those entitled (who read,
values before and after) is a detail, sealed with a key derived from the subject's own for this
entry alone; the entry holds the digest of the ciphertext, so that destroying the subject's key
erases the person and leaves every proof valid, and one entry can be opened for a court without
opening another.

A bulk operation is one entry; what it did to each thing is a *part*, proven by the root over all
parts that the entry states.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kit.evidence.ledger import MOST_PARTS, Ledger
    from kit.evidence.merkle import leaf_hash
    from kit.evidence.models import WHOLE, Entry, Mark, Part, Sealed, Search, Written
    from kit.evidence.signing import Keys, NotSigned, Signer, attached, detached, new_signing_keys
    from kit.evidence.tables import APPEND_ONLY, add_tables, only_insert

__all__ = [
    "APPEND_ONLY",
    "MOST_PARTS",
    "WHOLE",
    "Entry",
    "Keys",
    "Ledger",
    "Mark",
    "NotSigned",
    "Part",
    "Sealed",
    "Search",
    "Signer",
    "Written",
    "add_tables",
    "attached",
    "detached",
    "leaf_hash",
    "new_signing_keys",
    "only_insert",
]

_ROOMS = {
    "APPEND_ONLY": "tables",
    "MOST_PARTS": "ledger",
    "WHOLE": "models",
    "Mark": "models",
    "Part": "models",
    "Ledger": "ledger",
    "leaf_hash": "merkle",
    "Entry": "models",
    "Sealed": "models",
    "Search": "models",
    "Written": "models",
    "Keys": "signing",
    "NotSigned": "signing",
    "Signer": "signing",
    "attached": "signing",
    "detached": "signing",
    "new_signing_keys": "signing",
    "add_tables": "tables",
    "only_insert": "tables",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for: who only verifies a package needs no database's driver."""
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_ROOMS[name]}"), name)
