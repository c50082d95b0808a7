"""What auditors see, on the wire."""

from pydantic import BaseModel

from consent.revisions.schemas import Revision


class Revisions(BaseModel):
    """A page of revisions."""

    revisions: list[Revision]
