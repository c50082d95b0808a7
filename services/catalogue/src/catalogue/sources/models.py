"""What a source is: no claim stands in the catalogue without one."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from catalogue.words import BLANK, is_visible
from kit.problems import FieldError

URL = rf"^[Hh][Tt][Tt][Pp][Ss]?://[^{BLANK}/?#@:\\\[\]<>\"]+(:[0-9]{{1,5}})?([/?#][^{BLANK}]*)?$"
"""An absolute http or https URL with a host and without a user name or password in it."""

_URL = re.compile(URL)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a claim comes from: a page, a note about what was looked at, or both."""

    url: str | None = None
    note: str | None = None

    @property
    def names_something(self) -> bool:
        """Tell whether a reader could follow this source."""
        return bool(self.url or (self.note and is_visible(self.note)))


def is_url(text: str) -> bool:
    """Tell whether a text is an absolute http or https URL."""
    return _URL.fullmatch(text) is not None


def faults_of(sources: Sequence[Source]) -> list[FieldError]:
    """Return what is wrong with the sources of a claim: none at all, or one that says nothing."""
    if not sources:
        return [FieldError("#/sources", "at least one source is needed")]
    return [
        FieldError(f"#/sources/{place}", "a source needs a url or a note")
        for place, source in enumerate(sources)
        if not source.names_something
    ]
