"""Where something stands in a document, and what is said when it cannot stand there."""

from collections.abc import Sequence
from typing import NoReturn

from kit.problems import FieldError, Invalid


class SchemaInvalid(Invalid):
    """The schema of a database cannot be used; the errors name the place."""

    title = "The schema cannot be used"


def pointer(*parts: object) -> str:
    """Return a JSON Pointer in its URI fragment form (RFC 6901 section 6), not percent-encoded."""
    return "#" + "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def refuse(place: Sequence[object], reason: str) -> NoReturn:
    """Raise SchemaInvalid for one place of the schema."""
    where = pointer(*place)
    raise SchemaInvalid(f"{where}: {reason}", errors=[FieldError(where, reason)])
