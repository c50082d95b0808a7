"""Routes of release 1.0: today's routes under the addresses and names they had."""

import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.routing import APIRoute

from kit.web import Release
from registry.batches import api as batches
from registry.changes import api as changes
from registry.databases import api as databases
from registry.listing import api as listing
from registry.records import api as records
from registry.releases.v1_0.models import said_once
from registry.releases.v1_0.schemas import (
    Change,
    DatabaseInfo,
    Databases,
    Listed,
    Modify,
    PersonalDataUsage,
    Records,
)
from registry.usage import api as usage

router = APIRouter()
RELEASE = Release(
    "1.0",
    "The registry as release 1.0 of GovStack's contract spells it. What is spelled alike, and what "
    "is newer, is served here as at the root and described there.",
    (router,),
    said_once,
)

UserId = Annotated[str, Query(alias="userID", description="The person's identifier")]
DatabaseId = Annotated[
    str,
    Query(alias="DatabaseID", pattern="^[A-Za-z0-9]", description="Code or id of the database"),
]
_RECORDS = "/data/{registryName}/{versionNumber}"
_KEPT = ("status_code", "tags", "response_class", "openapi_extra", "response_model_exclude_none")


@dataclass(frozen=True)
class _Spelling:
    """What release 1.0 says otherwise of an operation: its name, what it asks, what it answers.

    ``asks`` are types in the place of those of today's parameters; what has ``today`` is told so.
    ``answers`` makes the old answer, which has the shape ``model``, of today's.
    """

    name: str
    asks: Mapping[str, Any] = field(default_factory=dict[str, Any])
    model: Any = None
    answers: Callable[[Any], Any] | None = None


def _serve(of: APIRouter, operation: str, path: str, spelled: _Spelling | None = None) -> None:
    """Serve an operation of today at the address and in the spelling it had."""
    found = (each for each in of.routes if isinstance(each, APIRoute))
    route = next(each for each in found if operation in {each.operation_id, each.name})
    spelling = spelled or _Spelling(operation)
    known = {"modify", "database", "delete_database", "delete"}  # what links lead to is here too
    router.add_api_route(
        path,
        _endpoint(route, spelling),
        methods=sorted(route.methods or ()),
        operation_id=spelling.name,
        response_model=spelling.model or route.response_model,
        responses={status: _linked(said, known) for status, said in route.responses.items()},
        **{name: getattr(route, name) for name in _KEPT},
    )


def _endpoint(route: APIRoute, spelling: _Spelling) -> Callable[..., Any]:
    """Return today's endpoint with the parameters and the answer of the old spelling."""
    today: Callable[..., Any] = route.endpoint

    async def endpoint(**given: Any) -> Any:
        asked = {name: v.today() if isinstance(v, Modify) else v for name, v in given.items()}
        answer = await today(**asked)
        return spelling.answers(answer) if spelling.answers else answer

    signature = inspect.signature(today)
    parameters = [
        each.replace(annotation=spelling.asks.get(each.name, each.annotation))
        for each in signature.parameters.values()
    ]
    endpoint.__dict__["__signature__"] = inspect.Signature(parameters)
    endpoint.__name__, endpoint.__doc__ = spelling.name, today.__doc__
    return endpoint


def _linked(said: Mapping[str, Any], known: set[str]) -> dict[str, Any]:
    """Return what is said of an answer, with links only to operations that are here."""
    links = {name: link for name, link in said.get("links", {}).items() if name in known}
    return {**said, "links": links} if links else {n: v for n, v in said.items() if n != "links"}


def _counted(answer: Response) -> Response:
    """Return a page whose count is of the page."""
    page: dict[str, Any] = json.loads(bytes(answer.body))
    page["count"] = len(page["results"])
    body = json.dumps(page, ensure_ascii=False, separators=(",", ":"))
    return Response(body.encode(), media_type="application/json")


_serve(
    databases.router,
    "modify",
    "/database/modify",
    _Spelling("modify", asks={"new": Modify}),
)
_serve(
    databases.router,
    "databases",
    "/databases",
    _Spelling("databases", model=Databases, answers=Databases.renamed),
)
_serve(
    databases.one,
    "database",
    "/database/{id}",
    _Spelling("database", model=DatabaseInfo, answers=DatabaseInfo.renamed),
)
_serve(databases.one, "delete_database", "/database/{id}")
_serve(
    usage.router,
    "DPU",
    "/data/MyPersonalDataUsage/1.0",
    _Spelling(
        "DPU",
        asks={"user_id": UserId, "database_id": DatabaseId},
        model=list[PersonalDataUsage],
        answers=lambda found: [PersonalDataUsage.renamed(each) for each in found],
    ),
)
_serve(
    listing.router,
    "list",
    _RECORDS,
    _Spelling("list", asks={"asked": Listed}, model=Records, answers=_counted),
)
_serve(records.router, "exists", f"{_RECORDS}/exists")
_serve(records.router, "read", f"{_RECORDS}/read")
_serve(
    records.router,
    "readValue",
    f"{_RECORDS}/{{uuid}}/read-value/{{field}}.{{ext}}",
    _Spelling("read-value"),
)
_serve(changes.router, "create", f"{_RECORDS}/create")
_serve(changes.router, "update", f"{_RECORDS}/update", _Spelling("update", asks={"change": Change}))
_serve(
    changes.router,
    "updateOrCreate",
    f"{_RECORDS}/update-or-create",
    _Spelling("update-or-create", asks={"change": Change}),
)
_serve(batches.router, "updateEntries", f"{_RECORDS}/update-entries", _Spelling("update-entries"))
_serve(changes.router, "delete", f"{_RECORDS}/{{ID}}/delete")
