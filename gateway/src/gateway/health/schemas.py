"""Health on the wire."""

from pydantic import BaseModel, Field


class HouseHealth(BaseModel):
    """Whether the gateway and the blocks behind it can serve."""

    status: str = Field(examples=["ok", "unavailable"])
    block: str = Field(examples=["gateway"])
    database: bool = Field(description="Whether the gateway's own database answers")
    blocks: dict[str, str] = Field(examples=[{"registry": "ok", "consent": "unavailable"}])
