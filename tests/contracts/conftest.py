"""What the contract tests share: the documents as the code makes them, each made once."""

import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from stack import contracts

sys.path.insert(0, str(Path(__file__).parent))

from stage import Stage, staged


class Generated(dict[str, str]):
    """The text of each block's contract, made when it is first asked for."""

    def __missing__(self, block: str) -> str:
        self[block] = contracts.text(contracts.contract(block))
        return self[block]


class Documents(dict[str, dict[str, Any]]):
    """Each contract as it is read back."""

    def __init__(self, texts: Generated) -> None:
        self.texts = texts

    def __missing__(self, block: str) -> dict[str, Any]:
        self[block] = yaml.load(self.texts[block], yaml.CSafeLoader)
        return self[block]


@pytest.fixture(scope="session")
def generated() -> Generated:
    return Generated()


@pytest.fixture(scope="session")
def documents(generated: Generated) -> Documents:
    return Documents(generated)


@pytest.fixture(scope="session")
async def stages() -> AsyncGenerator[Callable[[str], Awaitable[Stage]]]:
    """Return what opens a block with something in it, once for all tests that only look."""
    opened: dict[str, Stage] = {}
    async with AsyncExitStack() as stack:

        async def of(block: str) -> Stage:
            if block not in opened:
                opened[block] = await stack.enter_async_context(staged(block))
            return opened[block]

        yield of
