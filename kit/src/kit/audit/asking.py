"""Getting one's checkpoints witnessed: the jobs process sends the newest to each witness.

A block's witness is the gateway, the gateway's are the blocks: so nobody can show two histories of
a ledger without another's word against it.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import asyncpg

from kit.audit.publication import PublishedKeys, path_to
from kit.evidence import Keys, NotSigned
from kit.evidence.keeping import keeping
from kit.evidence.proofs import Checkpoint, NotProvable, newest, prove_consistency
from kit.evidence.sequencing import digest_of
from kit.evidence.signing import COSIGNATURE
from kit.mediator import Mediator, NeighbourUnavailable
from kit.settings import BlockSettings

EVERY = 10.0
"""Seconds between two checkpoints that are sent to a witness."""

_OK = 200
_log = logging.getLogger("kit.audit")


class NotWitnessed(Exception):
    """A witness did not sign; the message says why."""


@asynccontextmanager
async def cosigning(
    block: str, settings: BlockSettings, witnesses: Sequence[str], every: float = EVERY
) -> AsyncGenerator[None]:
    """Get a block's checkpoints witnessed while this is open; any number of processes may try.

    ``witnesses`` are blocks, or ``gateway``. A block without credentials of its own, or without
    witnesses, gets none.
    """
    if not settings.client_id or not witnesses:
        yield
        return
    mediator = Mediator(settings)
    asked = [Witness(block, settings.client_id, mediator, name) for name in witnesses]

    async def work(connection: asyncpg.Connection) -> None:
        while True:
            for witness in asked:
                await witness.ask(connection)
            await asyncio.sleep(every)

    try:
        url = settings.database_url.get_secret_value()
        async with keeping(url, "evidence cosigning", work, every):
            yield
    finally:
        await mediator.close()


class Witness:
    """One witness of one ledger, as the ledger's keeper sees it."""

    def __init__(self, block: str, client: str, mediator: Mediator, name: str) -> None:
        self._block = block
        self._client = client
        self._mediator = mediator
        self._name = name
        self._keys = PublishedKeys(mediator)
        self._said = ""

    async def ask(self, connection: asyncpg.Connection) -> bool:
        """Send the newest checkpoint if it is worth it; tell whether it was signed.

        Why it was not is logged, once as long as it stays the same.
        """
        try:
            return await self._ask(connection)
        except (NotWitnessed, NotProvable, NotSigned, NeighbourUnavailable) as error:
            if str(error) != self._said:
                _log.warning("%s does not witness %s: %s", self._name, self._block, error)
            self._said = str(error)
            return False

    async def _ask(self, connection: asyncpg.Connection) -> bool:
        last: int = await connection.fetchval(_LAST, self._name)  # pyright: ignore[reportAssignmentType]
        checkpoint = await newest(connection)
        if checkpoint is None or checkpoint.size <= last:
            return False
        if not await connection.fetchval(_WORTH, last, checkpoint.size, self._client):
            return False
        signed = await self._signed(connection, checkpoint, last)
        await self._check(checkpoint, signed)
        await connection.execute(_KEEP, checkpoint.size, self._name, signed)
        self._said = ""
        return True

    async def _signed(
        self, connection: asyncpg.Connection, checkpoint: Checkpoint, last: int
    ) -> str:
        """Return the witness' word, proving from where it says that it has witnessed."""
        for _ in range(2):
            body = {"ledger": self._block, "checkpoint": checkpoint.signed}
            if last:
                proof = await prove_consistency(connection, last, checkpoint.size)
                body |= {"first": last, "path": [step.hex() for step in proof.path]}
            path = f"{path_to(self._name)}/evidence/cosignatures"
            answer = await self._mediator.call("POST", path, body=body)
            said = answer.json()
            if answer.status_code != _OK:
                raise NotWitnessed(f"{said.get('title')}: {said.get('detail')}")
            if said["cosignature"]:
                return str(said["cosignature"])
            last = int(said["witnessed"])
        raise NotWitnessed(f"it has witnessed {last} entries, which is not extended here")

    async def _check(self, checkpoint: Checkpoint, signed: str) -> None:
        """Raise NotSigned or NotWitnessed unless this is the witness' word on the checkpoint."""
        said = Keys(await self._keys.of(self._name)).verify(COSIGNATURE, signed)
        expected = {
            "at": said.get("at"),
            "checkpoint": digest_of(checkpoint.signed),
            "ledger": self._block,
            "size": checkpoint.size,
            "witness": self._name,
        }
        if said != expected:
            raise NotWitnessed("it signed something else")


_LAST = "SELECT coalesce(max(size), 0) FROM evidence_cosignature WHERE witness = $1"
# what the asking itself leaves in the gateway's ledger is no reason to ask again
_WORTH = """
    SELECT EXISTS (
      SELECT FROM evidence_leaf l JOIN evidence_entry e ON e.id = l.entry_id
      WHERE l.index >= $1 AND l.index < $2 AND e.actor <> $3
    )
"""
_KEEP = """
    INSERT INTO evidence_cosignature (size, witness, signed) VALUES ($1, $2, $3)
    ON CONFLICT (size, witness) DO NOTHING
"""
