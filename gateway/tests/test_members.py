"""The configuration: given, merged, replaced, shown."""

from httpx import AsyncClient


async def test_the_house_starts(administrator: AsyncClient) -> None:
    answer = await administrator.get("/api/v1/status")
    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == "not configured"
