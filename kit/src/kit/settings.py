"""What every block reads from its environment; the block's own settings extend it."""

from ipaddress import ip_network
from pathlib import Path

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class BlockSettings(BaseSettings):
    """Settings shared by all blocks; the prefix (``REGISTRY_`` …) is the block's own."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    database_url: SecretStr
    """The runtime role's URL, ``postgresql://…``; it may insert and select, not change tables."""
    owner_url: SecretStr | None = None
    """The owner role's URL, used by migrations only; ``database_url`` when not given."""
    pool_size: int = 8
    """PostgreSQL connections one web worker may hold."""
    gateway_url: str = "http://127.0.0.1:8080"
    """Where the information mediator answers."""
    mediator_url: str = ""
    """Where its own calls go, when not there: the gateway's own need no way around by outside."""
    gateway_jwks: str = ""
    """The gateway's public keys (JWKS, RFC 7517); read from ``gateway_url`` when empty."""
    client_id: str = ""
    """The application this block is when it calls others, ``INSTANCE/CLASS/MEMBER/APPLICATION``."""
    client_secret: SecretStr = SecretStr("")
    """Its secret for OAuth2 client credentials (RFC 6749 section 4.4)."""
    sealing_key: SecretStr
    """32 random bytes in base64: wraps the keys that seal personal data."""
    evidence_keys: SecretStr
    """The ledger's signing keys: a JWK Set (RFC 7517) of Ed25519 keys, or ``file:`` and a path to
    one. The first private key signs; the others, public or private, are published for what they
    have signed before."""
    evidence_timestamp_url: str = Field(default="", pattern=r"^(https?://.+)?$")
    """The authority (RFC 3161 over HTTP) that stamps the time on checkpoints; none when empty."""
    evidence_witnesses: list[str] = ["gateway"]
    """Who is asked to sign the ledger's checkpoints: blocks, or ``gateway``; needs a client id."""
    delivery_networks: list[str] = []
    """Networks that calls to addresses named by others may reach though they are not public, as
    ``10.1.0.0/16``; what is there need not speak TLS."""
    delivery_timeout: float = Field(default=10.0, gt=0, le=60)
    """Seconds such a call may take."""
    delivery_log_days: int = Field(default=30, ge=1)
    """Days that the log keeps what was delivered, or given up for good."""
    body_limit: int = 10 * 1024 * 1024
    """The largest request body the block reads, in bytes."""
    listen_host: str = "127.0.0.1"
    """The address it listens on when it is served alone."""
    listen_port: int = Field(default=8080, ge=0, le=65535)
    """The port it listens on then; not named ``port``, which Kubernetes sets to something else."""
    plain_http: bool = False
    """Whether it may speak plain HTTP beyond this machine: on a closed network only."""
    tls_cert: Path | None = None
    """Its certificate with all that leads to the authority (PEM): it speaks TLS 1.3 then."""
    tls_key: Path | None = None
    """The certificate's private key (PEM)."""
    tls_client_ca: Path | None = None
    """The authorities (PEM) whose certificates clients may prove themselves by."""
    plain_port: int = Field(default=0, ge=0, le=65535)
    """Another port, with plain HTTP beside TLS, for a closed network; none when 0."""
    workers: int = Field(default=1, ge=1, le=32)
    """Web workers when it is served alone."""
    grace: float = Field(default=25.0, ge=0)
    """Seconds that requests under way have when it stops alone."""

    @field_validator("evidence_keys")
    @classmethod
    def _read_file(cls, given: SecretStr) -> SecretStr:
        said = given.get_secret_value()
        if not said.startswith("file:"):
            return given
        try:
            return SecretStr(Path(said[5:]).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError("the file of keys cannot be read") from error

    @field_validator("delivery_networks")
    @classmethod
    def _are_networks(cls, given: list[str]) -> list[str]:
        for each in given:
            ip_network(each)
        return given

    @property
    def migration_url(self) -> str:
        """Return the URL migrations run with."""
        return (self.owner_url or self.database_url).get_secret_value()
