"""Tokens on the wire (RFC 6749)."""

from typing import Any

from pydantic import BaseModel, Field


class TokenAnswer(BaseModel):
    """A client's token."""

    access_token: str = Field(description="Send it as `Authorization: Bearer …`")
    token_type: str = Field(default="Bearer", examples=["Bearer"])
    expires_in: int = Field(description="Seconds", examples=[600])


class TokenError(BaseModel):
    """Why there is no token (RFC 6749 section 5.2)."""

    error: str = Field(examples=["invalid_client"])
    error_description: str | None = None


class PublicKeys(BaseModel):
    """The keys that verify the gateway's signatures (RFC 7517)."""

    keys: list[dict[str, Any]]
