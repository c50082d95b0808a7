"""What the house tests share: where the house is."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def house() -> Path:
    """Return the root of the checkout."""
    return Path(__file__).parents[2]
