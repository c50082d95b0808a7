"""A registry of people whose lists are tried."""

from typing import Any

import pytest
from httpx import AsyncClient

PEOPLE: dict[str, Any] = {
    "properties": {
        "name": {"type": "string"},
        "age": {"type": "integer"},
        "height": {"type": "number"},
        "alive": {"type": "boolean"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "home": {"properties": {"town": {"type": "string"}}},
        "pets": {"type": "array", "items": {"properties": {"kind": {"type": "string"}}}},
    }
}


@pytest.fixture
def people_schema() -> dict[str, Any]:
    """Return the schema of the registry of people."""
    return PEOPLE


@pytest.fixture
async def people(owner: AsyncClient, publish: Any) -> None:
    """Publish a registry of people, P, with three records."""
    await publish(owner, "P", PEOPLE)
    for name, age, town in (("Ann", 10, "Pärnu"), ("bob", 9, "Tartu"), ("አበበ", 100, "100%")):
        content = {
            "name": name,
            "age": age,
            "height": age / 2,
            "alive": age < 50,
            "tags": [name, "x"],
            "home": {"town": town},
            "pets": [{"kind": "cat" if age > 9 else "dog"}],
        }
        made = await owner.post("/data/P/1.0/create", json={"write": {"content": content}})
        assert made.status_code == 200, made.text
