"""The health of the house (govstack-cfr-architecture#15)."""

import asyncio
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Request, Response

from gateway.health import service
from gateway.health.schemas import HouseHealth
from gateway.identity.api import admits_all
from kit.access import Caller

router = APIRouter(tags=["health"])


@router.get("/health", responses={503: {"model": HouseHealth, "description": "Not ready"}})
@router.get("/healthcheck", include_in_schema=False)
async def health(
    request: Request, response: Response, _caller: Annotated[Caller, admits_all()]
) -> HouseHealth:
    """Tell whether the gateway and every block behind it can serve, naming the one that cannot."""
    state = request.app.state
    database, blocks = await asyncio.gather(
        state.database.is_ready(), service.blocks(state.providers)
    )
    ready = database and all(said == service.OK for said in blocks.values())
    response.status_code = HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
    status = service.OK if ready else service.NOT_READY
    return HouseHealth(status=status, block=state.block, database=database, blocks=blocks)
