"""What the gateway reads from its environment (``GATEWAY_…``)."""

import json
from ipaddress import IPv4Network, IPv6Network
from typing import Self

from joserfc.jwk import OKPKey
from pydantic import Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from kit.settings import BlockSettings

_SHORTEST_SECRET = 16


class Settings(BlockSettings):
    """The gateway's settings."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_", frozen=True, extra="ignore")

    instance: str = "DEV"
    """The GovStack instance this gateway serves: the first part of every address."""
    signing_key: SecretStr
    """An Ed25519 private key as JWK with ``kid`` (RFC 8037): signs assertions and tokens."""
    evidence_witnesses: list[str] = Field(default_factory=list[str])
    """Blocks that are asked to sign its ledger's checkpoints; they sign theirs with it."""
    blocks: dict[str, str] = Field(default_factory=dict[str, str])
    """Base URLs of our own blocks by name, for those that do not run in this process."""
    trusted_networks: list[IPv4Network | IPv6Network] = Field(
        default_factory=list[IPv4Network | IPv6Network]
    )
    """Networks from which applications without credentials, and nobody, are believed."""
    proxy_networks: list[IPv4Network | IPv6Network] = Field(
        default_factory=list[IPv4Network | IPv6Network]
    )
    """Networks of proxies that are believed about whom they speak for (X-Forwarded-For)."""
    proxies_verify_certificates: bool = False
    """Whether these proxies verify clients' certificates, pass them on in Client-Cert (RFC 9440),
    and delete what clients write there themselves."""
    free_attempts: int = Field(default=10, ge=0, le=1_000_000)
    """Wrong secrets, keys and tokens an address may send in a minute; 0 for any number."""
    oidc_issuer: str = ""
    """Whose tokens name persons; no person can sign in when empty."""
    oidc_audience: str = ""
    """What such a token must name as its audience."""
    oidc_jwks_url: str = ""
    """Where the issuer's public keys are."""
    oidc_jwks: str = ""
    """The issuer's public keys themselves (JWKS), instead of a URL."""
    oidc_administrators: bool = False
    """Whether the issuer's role ``administrator`` makes a person an administrator here."""
    oidc_clock_skew: float = Field(default=60.0, ge=0, le=600)
    """Seconds by which the issuer's clock may differ from ours."""
    oidc_represents_claim: str = "represents"
    """The claim that names whom a person speaks for; nobody can when empty."""
    administrator_id: str = ""
    """The bootstrap administrator's OAuth2 client id; there is none when empty."""
    administrator_secret: SecretStr = SecretStr("")
    """Its secret, of 16 characters at least."""
    transmissions_path: str = "/consent/service/transmissions/"
    """Where exchanges under consents are reported: a path behind this gateway; nowhere if empty."""
    connect_timeout: float = 3.0
    """Seconds a provider may take to accept a connection."""
    idle_timeout: float = 30.0
    """Seconds a provider may take for its next step: to read a chunk or to send one."""

    @model_validator(mode="after")
    def _is_guarded(self) -> Self:
        if self.administrator_id and len(self.administrator_secret) < _SHORTEST_SECRET:
            message = f"administrator_secret has {_SHORTEST_SECRET} characters at least"
            raise ValueError(message)
        return self

    @property
    def key(self) -> OKPKey:
        """Return the signing key."""
        return OKPKey.import_key(json.loads(self.signing_key.get_secret_value()))
