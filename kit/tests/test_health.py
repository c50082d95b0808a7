from typing import Annotated

from fastapi import APIRouter

from kit import access
from kit.settings import BlockSettings
from kit.web import create_app


def made(*routers):
    settings = BlockSettings(
        database_url="postgresql://nobody@127.0.0.1:1/none", sealing_key="x", evidence_keys="x"
    )
    return create_app("kit", "Kit", "A block of nothing but the kit", settings, routers)


def test_a_block_without_a_health_of_its_own_has_the_kits():
    answer = made().openapi()["paths"]["/health"]["get"]["responses"]["200"]
    assert answer["content"]["application/json"]["schema"]["$ref"].endswith("/Health")


def test_a_block_that_answers_for_its_own_health_documents_that_answer():
    router = APIRouter()

    @router.get("/health")
    async def health(_caller: Annotated[access.Caller, access.public()]) -> list[str]:
        return []

    answer = made(router).openapi()["paths"]["/health"]["get"]["responses"]["200"]
    assert answer["content"]["application/json"]["schema"]["type"] == "array"
