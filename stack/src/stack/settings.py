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
    tls: bool = False
    """Whether the gateway speaks TLS with a certificate made for development."""
    tls_cert: Path | None = None
    """The gateway's certificate with all that leads to the authority (PEM): it speaks TLS 1.3."""
    tls_key: Path | None = None
    """The certificate's private key (PEM)."""
    tls_client_ca: Path | None = None
    """The authorities (PEM) whose certificates clients may prove themselves by."""
    plain_http: bool = False
    """Whether the gateway may speak plain HTTP beyond this machine."""
    public_url: str = ""
    """The address by which others reach the gateway; it signs its tokens in this name."""
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
    client: str = ""
    """The application that ``evidence export`` asks as; the administrator when empty."""
    client_secret: SecretStr | None = None
    """Its secret for OAuth2 client credentials."""
    api_key: SecretStr | None = None
    """Its API key, when it has that in place of a secret."""
    administrator_secret: SecretStr | None = None
    """The bootstrap administrator's secret; made and kept in the home when not given."""

    @property
    def gateway(self) -> str:
        """Return the address of the stack that commands talk to."""
        return self.url.rstrip("/") or f"http://127.0.0.1:{self.port}"

    @property
    def speaks_tls(self) -> bool:
        """Tell whether the gateway's port speaks TLS."""
        return self.tls or self.tls_cert is not None

    @property
    def address(self) -> str:
        """Return the address by which others reach the gateway."""
        scheme = "https://localhost" if self.speaks_tls else "http://127.0.0.1"
        return self.public_url.rstrip("/") or f"{scheme}:{self.port}"

    @property
    def mailbox(self) -> str:
        """Return the address of the mailbox that the journey reads."""
        return self.mailbox_url.rstrip("/") or f"http://127.0.0.1:{self.mailbox_port}"

    @property
    def issuer(self) -> str:
        """Return the address of the development issuer."""
        return self.issuer_url.rstrip("/") or f"{self.gateway}/issuer"
