"""What the registry reads from its environment."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from kit.settings import BlockSettings


class Settings(BlockSettings):
    """The registry's settings, ``REGISTRY_DATABASE_URL`` and so on."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_prefix="REGISTRY_")

    upload_limit: int = 1 << 30
    """The largest file of records that can be imported, in bytes."""

    file_limit: int = 64 << 20
    """The largest file of a record, with the form around it, in bytes."""

    run_log_days: int = Field(default=90, ge=1)
    """Days that automations' runs are kept after their end, with what failed in them."""

    public_url: str = ""
    """Where people reach this registry, for the links it makes; ``/registry`` at the gateway's
    address when empty."""
