"""The evidence of a block by API: search, proofs, verification, packages, and co-signing.

A block adds ``router`` to its list; its jobs process opens ``cosigning``.
"""

from kit.audit.api import ledger_router, router
from kit.audit.asking import cosigning

__all__ = ["cosigning", "ledger_router", "router"]
