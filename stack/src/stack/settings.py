"""What the command line reads from its environment: ``GOVBLOCKS_*``."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Where the stack lives and where it answers; every value has a default for a laptop."""

    model_config = SettingsConfigDict(env_prefix="GOVBLOCKS_", frozen=True, extra="ignore")

    home: Path = Path(".govblocks")
    """The folder that keeps everything: the embedded PostgreSQL's data and the stack's secrets."""
    host: str = "127.0.0.1"
    """The address the gateway listens on."""
    port: int = Field(default=8080, ge=0, le=65535)
    """The gateway's port; 0 takes a free one."""
    smtp_port: int = Field(default=1025, ge=0, le=65535)
    """The development mailbox's SMTP port."""
    mailbox_port: int = Field(default=8025, ge=0, le=65535)
    """The development mailbox's page."""
    database_url: SecretStr | None = None
    """Any PostgreSQL 15 or later, as a role that may create roles and databases."""
    workers: int = Field(default=1, ge=1, le=32)
    """Web workers on the one port."""
    grace: float = Field(default=30.0, ge=0)
    """Seconds that requests under way have when the stack stops."""
    url: str = ""
    """A running stack's gateway, for ``demo``, ``load`` and ``token``."""
    mailbox_url: str = ""
    """A running stack's mailbox page, for ``demo``."""
    issuer_url: str = ""
    """A running stack's development issuer, for ``demo`` and ``token``."""
    administrator_secret: SecretStr | None = None
    """The bootstrap administrator's secret; made and kept in the home when not given."""

    @property
    def gateway(self) -> str:
        """Return the address of the stack that commands talk to."""
        return self.url.rstrip("/") or f"http://127.0.0.1:{self.port}"

    @property
    def mailbox(self) -> str:
        """Return the address of the mailbox that the journey reads."""
        return self.mailbox_url.rstrip("/") or f"http://127.0.0.1:{self.mailbox_port}"

    @property
    def issuer(self) -> str:
        """Return the address of the development issuer."""
        return self.issuer_url.rstrip("/") or f"{self.gateway}/issuer"
