"""What the messaging block reads from its environment."""

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from kit.settings import BlockSettings


class Settings(BlockSettings):
    """Settings of the messaging block, ``MESSAGING_…``; times are in seconds."""

    model_config = SettingsConfigDict(env_prefix="MESSAGING_", frozen=True, extra="ignore")

    smtp_url: SecretStr = SecretStr("smtp://127.0.0.1:1025")
    """The mail server: ``smtp://[user:password@]host[:port][?starttls=auto|always|never]`` or
    ``smtps://…``. With a password TLS is required unless ``never`` is said."""
    smtp_connections: int = Field(default=1, ge=1, le=50)
    """Messages one jobs process hands over at once; with 1 they leave strictly in order."""
    smtp_timeout: float = Field(default=20, gt=0)
    """How long the mail server may take for one message; a message whose sending process died is
    tried again five seconds after this."""
    poll: float = Field(default=5, gt=0)
    """How often the jobs process looks for messages whose next attempt is due; new ones it hears of
    at once."""
    sender: str = "no-reply@localhost.localdomain"
    """The address of the envelope and of ``From``."""
    first_delay: float = Field(default=30, gt=0)
    """How long a message waits after its first attempt failed."""
    delay_factor: float = Field(default=2, ge=1)
    """How much longer it waits after each further attempt."""
    longest_delay: float = Field(default=3600, gt=0)
    """The longest it waits."""
    give_up_after: float = Field(default=24 * 3600, gt=0)
    """When a message that could not be handed over counts as not sent (MSG-5.1.24)."""
    most_recipients: int = Field(default=10_000, ge=1)
    """Recipients of one batch."""
    longest_content: int = Field(default=1024 * 1024, ge=1)
    """The largest ``emailContent.content``, in bytes of UTF-8."""
