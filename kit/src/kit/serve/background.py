"""What a block's jobs process does: the block's own background work, and its ledger's."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from types import ModuleType

from kit.audit import cosigning
from kit.evidence import Signer
from kit.evidence.sequencing import sequencing
from kit.evidence.timestamping import timestamping
from kit.settings import BlockSettings


@asynccontextmanager
async def working(name: str, main: ModuleType, settings: BlockSettings) -> AsyncGenerator[None]:
    """Work in the background for a block while this is open; any number of processes may.

    ``main`` is the block's ``BLOCK.main``; its ``create_jobs``, when it has one, runs beside the
    sequencer of its ledger, and with what gets the checkpoints time-stamps and witnesses.
    """
    signer = Signer(settings.evidence_keys.get_secret_value())
    url = settings.database_url.get_secret_value()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(sequencing(name, url, signer))
        authority = settings.evidence_timestamp_url
        await stack.enter_async_context(timestamping(name, url, authority))
        witnesses = settings.evidence_witnesses
        await stack.enter_async_context(cosigning(name, settings, witnesses))
        create_jobs = getattr(main, "create_jobs", None)
        if create_jobs is not None:
            await stack.enter_async_context(create_jobs(settings))
        yield
