"""What the consent block reads from its environment (``CONSENT_*``)."""

from pydantic_settings import SettingsConfigDict

from kit.settings import BlockSettings


class Settings(BlockSettings):
    """The consent block's settings."""

    model_config = SettingsConfigDict(env_prefix="CONSENT_", frozen=True, extra="ignore")

    person_id_type: str = "personal-code"
    """The ``externalIdType`` of the ids in persons' tokens: no other id is ever the person's."""
    decision_keepers: tuple[str, ...] = ("/registry/decisions/withdrawn",)
    """Where decisions are called back: paths behind the gateway of those who may keep some."""
    draft_hours: int = 168
    """How long a draft can be submitted, in hours: a form on paper comes back days later."""
