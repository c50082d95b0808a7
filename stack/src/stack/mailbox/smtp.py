"""The SMTP side: conversations that hand over each message as it is complete."""

import asyncio
from collections.abc import Awaitable, Callable

from aiosmtpd.smtp import SMTP, Envelope, Session

LARGEST_MESSAGE = 25 * 1024 * 1024  # bytes, announced by SIZE

Receive = Callable[[Envelope], Awaitable[str]]
"""Takes a complete message and answers with its SMTP status."""


class Conversation(SMTP):
    """One SMTP connection that can be closed from outside."""

    def __init__(self, receive: Receive, everyone: "set[Conversation]") -> None:
        super().__init__(
            _Handler(receive),
            data_size_limit=LARGEST_MESSAGE,
            enable_SMTPUTF8=True,
            hostname="localhost",
            ident="GovBlocks development mailbox",
            loop=asyncio.get_running_loop(),
        )
        self._everyone = everyone

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Join the open conversations."""
        self._everyone.add(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """Leave the open conversations."""
        self._everyone.discard(self)
        super().connection_lost(error)

    def close(self) -> None:
        """End the conversation now."""
        if self.transport is not None:
            self.transport.close()


class _Handler:
    """What aiosmtpd calls when a message is complete."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 -- its name
        """Answer with the SMTP status of the message."""
        return await self._receive(envelope)
