"""What is measured of a stream while it passes."""

import hashlib
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Measured:
    """Size and SHA-256 of what has passed so far."""

    size: int = 0
    complete: bool = False
    _hash: Any = field(default_factory=hashlib.sha256)

    def add(self, chunk: bytes, *, last: bool) -> None:
        """Count a chunk."""
        self.size += len(chunk)
        self.complete = last
        self._hash.update(chunk)

    def facts(self, name: str) -> dict[str, Any]:
        """Return what the log says of it; ``{name}Incomplete`` only if it broke off."""
        found: dict[str, Any] = {
            f"{name}Size": self.size,
            f"{name}Sha256": self._hash.hexdigest(),
        }
        return found if self.complete else found | {f"{name}Incomplete": True}
