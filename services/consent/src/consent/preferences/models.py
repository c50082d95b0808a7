"""Whether an individual wants to be told of changes, where and in which language."""

from dataclasses import dataclass

from kit.problems import Invalid


class PreferenceUnusable(Invalid):
    """Nobody can be told without an address."""

    title = "The preferences cannot be used"


@dataclass(frozen=True, slots=True)
class Preference:
    """What an individual wants: nothing until they say otherwise.

    ``language`` is a tag of BCP 47.
    """

    enabled: bool = False
    address: str | None = None
    language: str = "en"

    def check(self) -> None:
        """Raise PreferenceUnusable where somebody wants to be told, and not where."""
        if self.enabled and not self.address:
            raise PreferenceUnusable("send the address that messages shall go to")
