"""What the consent block reads from its environment (``CONSENT_*``)."""

from pathlib import Path

from pydantic import field_validator
from pydantic_settings import SettingsConfigDict

from consent.keys.models import Trust
from kit.settings import BlockSettings


class Settings(BlockSettings):
    """The consent block's settings."""

    model_config = SettingsConfigDict(env_prefix="CONSENT_", frozen=True, extra="ignore")

    person_id_type: str = "personal-code"
    """The ``externalIdType`` of the ids in persons' tokens: no other id is ever the person's."""
    decision_keepers: tuple[str, ...] = ("/registry/decisions/withdrawn",)
    """Where decisions are called back: paths behind the gateway of those who may keep some."""
    public_url: str = ""
    """Where people and other systems reach this block, as receipts name it; by the gateway's
    ``/consent`` when empty."""
    draft_hours: int = 168
    """How long a draft can be submitted, in hours: a form on paper comes back days later."""
    signing_keys: str = ""
    """Whose signatures with method ``jws`` count: a JWK Set (RFC 7517) of public Ed25519 and P-256
    keys, each with a ``kid``, or ``file:`` and a path to one. Without any a signature counts with
    the key that it brings, and says so."""

    @field_validator("signing_keys")
    @classmethod
    def _are_public_keys(cls, given: str) -> str:
        if given.startswith("file:"):
            try:
                given = Path(given[5:]).read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise ValueError("the file of keys cannot be read") from error
        Trust.read(given)
        return given
