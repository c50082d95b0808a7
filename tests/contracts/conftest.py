"""What the contract tests share: the documents as the code makes them, each made once."""

from typing import Any

import pytest
import yaml

from stack import contracts


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
