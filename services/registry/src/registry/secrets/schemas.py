"""A database's key on the wire; no answer ever holds one."""

from pydantic import AwareDatetime, BaseModel, Field, SecretStr


class NewKey(BaseModel):
    """The key a database shall have."""

    key: SecretStr = Field(
        max_length=64,
        description="32 random bytes in base64; keep them, nobody can give them back",
        examples=["MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="],
    )
    currentKey: SecretStr | None = Field(
        None, max_length=64, description="The key until now, where there is one"
    )


class KeyInfo(BaseModel):
    """What can be told of a database's key."""

    isSet: bool = Field(description="Whether secret fields can be written")
    keyId: str | None = Field(None, description="Names the key, and says nothing about it")
    changedAt: AwareDatetime | None = None
