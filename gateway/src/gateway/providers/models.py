"""What a provider is to the gateway: something that answers ASGI, here or elsewhere."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from kit.problems import Unavailable

_METHODS = ("get", "post", "put", "patch", "delete", "head", "options", "trace")
_HOLE = re.compile(r"\{[^{}]*\}")


class ProviderUnavailable(Unavailable):
    """The provider does not answer, or not in time."""

    title = "The provider does not answer"


class ProviderBrokeOff(Exception):
    """The provider stopped in the middle of its answer."""


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation of a provider's OpenAPI document."""

    method: str
    path: str


@dataclass(frozen=True)
class Description:
    """A provider's OpenAPI document, and the operations found in it."""

    document: Mapping[str, Any]

    def __post_init__(self) -> None:
        patterns = [(_pattern(o.path), o) for o in self.operations]
        # a path without holes is the one meant when both match
        patterns.sort(key=lambda known: known[1].path.count("{"))
        object.__setattr__(self, "_patterns", patterns)

    @property
    def operations(self) -> list[Operation]:
        """Return method and path template of each operation."""
        paths = self.document.get("paths")
        if not isinstance(paths, dict):
            return []
        return [
            Operation(method.upper(), path)
            for path, item in cast("dict[str, Any]", paths).items()
            if isinstance(item, dict)
            for method in _METHODS
            if method in item
        ]

    def operation(self, method: str, path: str) -> str | None:
        """Return the template a path belongs to: it names the operation and no person."""
        patterns = cast(
            "list[tuple[re.Pattern[str], Operation]]", object.__getattribute__(self, "_patterns")
        )
        for pattern, known in patterns:
            if known.method == method and pattern.fullmatch(path):
                return known.path
        return None


def _pattern(template: str) -> re.Pattern[str]:
    parts = [re.escape(part) for part in _HOLE.split(template)]
    return re.compile("[^/]+".join(parts))


EMPTY = Description({})
