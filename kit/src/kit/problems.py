"""Errors a caller may meet (RFC 9457): what they are, not how they travel."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class FieldError:
    """One field of the input and why it was refused; ``pointer`` is a JSON Pointer (RFC 6901)."""

    pointer: str
    reason: str


class Problem(Exception):
    """Something the caller should be told."""

    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal error"

    def __init__(
        self,
        detail: str = "",
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})


class Invalid(Problem):
    """The request does not say something we can act on."""

    status = 400
    title = "The request is not valid"


class Unauthenticated(Problem):
    """Nobody we know is asking."""

    status = 401
    title = "Credentials are missing or not valid"


class Forbidden(Problem):
    """The caller is known and may not do this."""

    status = 403
    title = "Not allowed"


class NotFound(Problem):
    """The thing named is not here."""

    status = 404
    title = "Not found"


class Conflict(Problem):
    """The thing is not in a state that allows this."""

    status = 409
    title = "Conflict"


class TooLarge(Problem):
    """The request is larger than the block reads."""

    status = 413
    title = "The request is too large"


class TooMany(Problem):
    """The caller asks more often than allowed."""

    status = 429
    title = "Too many requests"


class Unavailable(Problem):
    """Something this answer needs does not answer now; asking again may help."""

    status = 503
    title = "Not available now"


KINDS: tuple[type[Problem], ...] = (
    Invalid,
    Unauthenticated,
    Forbidden,
    NotFound,
    Conflict,
    TooLarge,
    TooMany,
    Unavailable,
)


def kind_of(problem: type[Problem]) -> type[Problem]:
    """Return the kind a problem belongs to; ``Problem`` itself when it has none."""
    return next((kind for kind in KINDS if issubclass(problem, kind)), Problem)
