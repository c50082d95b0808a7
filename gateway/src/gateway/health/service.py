"""Whether the house can serve: the gateway and every block behind it."""

import asyncio

from gateway.providers.service import Providers

OK, NOT_READY = "ok", "unavailable"


async def blocks(providers: Providers) -> dict[str, str]:
    """Return ``ok`` or ``unavailable`` for each block."""
    names = providers.blocks
    ready = await asyncio.gather(*(providers.is_ready(name) for name in names))
    return {
        name: OK if is_ready else NOT_READY for name, is_ready in zip(names, ready, strict=True)
    }
