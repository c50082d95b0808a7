"""Pages of a list: how many to skip and how many to return."""

from typing import Annotated

from fastapi import Query
from pydantic.dataclasses import dataclass

from kit.web import gathered


@dataclass(frozen=True)
class Page:
    """A window on a list: ``offset`` rows skipped, at most ``limit`` returned."""

    offset: Annotated[int, Query(ge=0, le=1_000_000_000, description="Rows to skip")] = 0
    limit: Annotated[int, Query(ge=1, le=1000, description="Rows to return at most")] = 100


Paged = Annotated[Page, gathered(Page)]
