"""What the processes of one stack need to know."""

from collections.abc import Mapping
from dataclasses import dataclass

from stack.home import Secrets
from stack.postgres import BlockDatabase

ADMINISTRATOR = "administrator"


class StartError(Exception):
    """The stack cannot start; the message is one sentence for the terminal."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Where a stack answers, its secrets, its databases, and how many workers serve.

    ``url`` is where its own processes reach the gateway; ``name`` the address that others reach it
    by, in whose name it signs, when that is another one.
    """

    url: str
    secrets: Secrets
    administrator: str
    databases: Mapping[str, BlockDatabase]
    smtp_port: int
    workers: int
    name: str = ""

    @property
    def address(self) -> str:
        """Return the address that others reach the gateway by."""
        return self.name or self.url
