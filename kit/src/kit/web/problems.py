"""Problems on the wire (RFC 9457): how what went wrong travels."""

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from kit.problems import (
    FieldError,
    Forbidden,
    Invalid,
    Problem,
    TooLarge,
    Unauthenticated,
    Unavailable,
)

MEDIA_TYPE = "application/problem+json"


class ProblemField(BaseModel):
    """One field that was refused."""

    pointer: str = Field(description="JSON Pointer (RFC 6901) to the field", examples=["#/name"])
    reason: str = Field(description="Why it was refused")


class ProblemDocument(BaseModel):
    """A problem on the wire (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str | None = None
    requestId: str | None = None
    errors: list[ProblemField] | None = None


class Unreadable(Invalid):
    """The request does not fit the contract."""


class NotJson(Invalid):
    """The body is not declared as JSON."""

    title = "The body is not declared as JSON"


class PathUnreadable(Invalid):
    """The path or query is not UTF-8 text."""

    title = "The address is not UTF-8 text"


class BodyTooLarge(TooLarge):
    """The body is larger than the block reads."""

    title = "The body is too large"


ALWAYS: tuple[type[Problem], ...] = (
    Unreadable,
    Unauthenticated,
    Forbidden,
    BodyTooLarge,
    Unavailable,
)


def may_answer(*problems: type[Problem]) -> dict[int | str, dict[str, Any]]:
    """Say in the contract which problems a route can answer with."""
    titles: dict[int | str, list[str]] = {}
    for problem in problems:
        titles.setdefault(problem.status, []).append(problem.title)
    return {
        status: {"model": ProblemDocument, "description": " or ".join(dict.fromkeys(names))}
        for status, names in titles.items()
    }


def slug(problem: type[Problem]) -> str:
    """Name a problem for its URI: ``RecordNotFound`` is ``record-not-found``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", problem.__name__).lower()


def problem_body(problem: Problem, status: int, request_id: str) -> dict[str, Any]:
    """Return a problem as its document."""
    body: dict[str, Any] = {
        "type": f"/problems/{slug(type(problem))}",
        "title": problem.title,
        "status": status,
    }
    if problem.detail:
        body["detail"] = problem.detail
    if request_id:
        body["requestId"] = request_id
    if problem.errors:
        body["errors"] = [{"pointer": e.pointer, "reason": e.reason} for e in problem.errors]
    return body


def problem_response(problem: Problem, status: int, request_id: str = "") -> JSONResponse:
    """Return a problem as a response."""
    headers = dict(problem.headers)
    if status == HTTPStatus.UNAUTHORIZED:
        headers.setdefault("WWW-Authenticate", "Bearer")
    return JSONResponse(
        problem_body(problem, status, request_id), status, headers=headers, media_type=MEDIA_TYPE
    )


def field_errors(errors: Sequence[Any]) -> list[FieldError]:
    """Return Pydantic's errors as fields and reasons, without the values that were sent."""
    return [_field_error(error) for error in errors]


_LENGTHS = {"too_long": ("at most", "max_length"), "too_short": ("at least", "min_length")}
"""What Pydantic says in "items" of a text that was looked at before it was measured."""


def _field_error(error: Mapping[str, Any]) -> FieldError:
    where = error["loc"][1:]
    if error["type"] == "json_invalid":
        return FieldError("#", f"not JSON at character {where[0]}: {error['ctx']['error']}")
    reason = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] in _LENGTHS and isinstance(error["input"], str):
        said, limit = _LENGTHS[error["type"]]
        reason = f"String should have {said} {error['ctx'][limit]} characters"
    return FieldError("#/" + "/".join(str(part) for part in where), reason)
