"""What the processes of one stack need to know."""

from collections.abc import Mapping
from dataclasses import dataclass

from stack.home import Secrets
from stack.postgres import BlockDatabase

ADMINISTRATOR = "administrator"


@dataclass(frozen=True, slots=True)
class Plan:
    """Where a stack answers, its secrets, its databases, and how many workers serve."""

    url: str
    secrets: Secrets
    administrator: str
    databases: Mapping[str, BlockDatabase]
    smtp_port: int
    workers: int
