"""Pages for people: what this is, and how each block is called."""

from copy import deepcopy
from importlib import resources
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse

from gateway.configuration.api import Configured, Instance
from gateway.identity.api import admits_all
from gateway.pages.models import HEADERS, START, documentation, index
from gateway.providers.service import Providers
from kit.access import Caller
from kit.problems import NotFound, Unavailable
from kit.web import may_answer

router = APIRouter(include_in_schema=False)
Anyone = Annotated[Caller, admits_all()]
_ASSETS = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon-32x32.png": "image/png",
}
_KEPT = {"Cache-Control": "public, max-age=86400"}


class PageNotFound(NotFound):
    """There is no such page."""

    title = "Page not found"


class DescriptionUnavailable(Unavailable):
    """The block does not give its description now."""

    title = "The description cannot be read"


def _pages(request: Request) -> list[str]:
    providers: Providers = request.app.state.providers
    return [*providers.blocks, request.app.state.block]


@router.get("/", response_model=None)
async def index_page(request: Request, instance: Instance, _caller: Anyone) -> Response:
    """Return the first page."""
    return HTMLResponse(index(instance, _pages(request)), headers=HEADERS)


@router.get("/docs/assets/{name}", response_model=None, responses=may_answer(PageNotFound))
async def asset(name: str, _caller: Anyone) -> Response:
    """Return a file of the API pages; all of them are ours to serve."""
    if name == "start.js":
        return Response(START, media_type="text/javascript", headers=HEADERS | _KEPT)
    if name not in _ASSETS:
        raise PageNotFound("no such file")
    content = (resources.files("fastapi_swagger.resources") / name).read_bytes()
    return Response(content, media_type=_ASSETS[name], headers=HEADERS | _KEPT)


@router.get("/docs/{block}", response_model=None, responses=may_answer(PageNotFound))
async def docs(block: str, request: Request, _caller: Anyone) -> Response:
    """Return the page on which a block's operations can be read and tried."""
    if block not in _pages(request):
        raise PageNotFound("no such block")
    return HTMLResponse(documentation(block), headers=HEADERS)


@router.get(
    "/docs/{block}/openapi.json",
    response_model=None,
    responses=may_answer(PageNotFound, DescriptionUnavailable),
)
async def docs_document(
    block: str, request: Request, configuration: Configured, _caller: Anyone
) -> Response:
    """Return a block's OpenAPI document, with where it answers through this gateway."""
    if block not in _pages(request):
        raise PageNotFound("no such block")
    if block == request.app.state.block:
        return JSONResponse(_with_tokens_here(request.app.openapi()))
    providers: Providers = request.app.state.providers
    document: dict[str, Any] = dict(
        (await providers.describe(f"block:{block}/openapi.json")).document
    )
    if not document:
        raise DescriptionUnavailable("the block does not answer")
    served = [s for s in configuration.services.values() if s.block == block]
    served.sort(key=lambda service: (service.short_form is None, service.address))
    places = [f"/{s.short_form}" if s.short_form else f"/r1/{s.address}" for s in served]
    document["servers"] = [{"url": place} for place in places] or [{"url": f"/{block}"}]
    return JSONResponse(_with_tokens_here(document))


def _with_tokens_here(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document whose tokens come from this gateway, wherever it answers."""
    document = deepcopy(document)
    schemes = document.get("components", {}).get("securitySchemes", {})
    flows = schemes.get("oauth2", {}).get("flows", {})
    flows.get("clientCredentials", {})["tokenUrl"] = "/oauth2/token"
    return document
