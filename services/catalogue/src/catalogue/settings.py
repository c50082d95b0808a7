"""What the catalogue reads from its environment."""

from pydantic_settings import SettingsConfigDict

from kit.settings import BlockSettings


class Settings(BlockSettings):
    """The variables named CATALOGUE_…; the catalogue adds none to those of every block."""

    model_config = SettingsConfigDict(env_prefix="CATALOGUE_", frozen=True, extra="ignore")
