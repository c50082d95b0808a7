"""The public keys of other ledgers, read from where they publish them and kept a while."""

import time
from collections.abc import Mapping
from typing import Any

from kit.evidence import Keys
from kit.mediator import Mediator, NeighbourUnavailable

GATEWAY = "gateway"
_KEPT = 300.0
_OK = 200

Jwk = Mapping[str, Any]


def path_to(ledger: str) -> str:
    """Return where a ledger's block is found through the information mediator."""
    return "" if ledger == GATEWAY else f"/{ledger}"


class PublishedKeys:
    """Reads the keys of ledgers through the information mediator."""

    def __init__(self, mediator: Mediator) -> None:
        self._mediator = mediator
        self._kept: dict[str, tuple[float, list[Jwk]]] = {}

    async def of(self, ledger: str, *, anew: bool = False) -> list[Jwk]:
        """Return a ledger's public keys (JWK), read at most five minutes ago, or ``anew``.

        There are none when there is no such ledger, or it is not for this block.
        Raises NeighbourUnavailable.
        """
        kept = self._kept.get(ledger)
        if kept is not None and not anew and time.monotonic() - kept[0] < _KEPT:
            return kept[1]
        answer = await self._mediator.call("GET", f"{path_to(ledger)}/.well-known/jwks.json")
        try:
            found = answer.json()["keys"] if answer.status_code == _OK else ()
            keys: list[Jwk] = [dict(key) for key in found]
            Keys(keys)  # which are keys
        except (ValueError, KeyError, TypeError) as error:
            raise NeighbourUnavailable("the ledger's keys cannot be read") from error
        self._kept[ledger] = time.monotonic(), keys
        return keys

    async def known(self, ledger: str) -> list[Jwk]:
        """Return a ledger's public keys, none when they cannot be read now."""
        try:
            return await self.of(ledger)
        except NeighbourUnavailable:
            return []
