"""What the routes of this block may ask for beyond ``kit.web``."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request

from consent.desk import Desk
from consent.keys.models import Trust
from consent.settings import Settings
from kit.access import Caller
from kit.database import Lender, Session
from kit.evidence import Ledger
from kit.sealing import Keyring


class BothSpellings(APIRouter):
    """A router whose paths end in ``/`` and are answered without it too, never by a redirect."""

    def add_api_route(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        """Add a route, and a second one without the last slash that stays out of the contract."""
        options["response_model_exclude_none"] = True  # what is absent is left out, never null
        super().add_api_route(path, endpoint, **options)
        options["include_in_schema"] = False
        super().add_api_route(path.removesuffix("/"), endpoint, **options)


@dataclass(frozen=True, slots=True)
class Back:
    """What stands behind every desk of this block."""

    keyring: Keyring
    ledger: Ledger
    person_id_type: str
    draft_lifetime: timedelta
    trust: Trust
    lender: Lender
    """Lends connections to who opens a transaction only when it turns out to be needed."""

    def desk(self, session: Session, caller: Caller) -> Desk:
        """Return what one request works with."""
        return Desk(
            session,
            self.keyring,
            self.ledger,
            caller,
            self.person_id_type,
            self.draft_lifetime,
            self.trust,
        )


async def _back(request: Request) -> Back:
    state = request.app.state
    settings: Settings = state.settings
    lifetime = timedelta(hours=settings.draft_hours)
    trust = _trust(settings.signing_keys)
    return Back(
        state.keyring, state.ledger, settings.person_id_type, lifetime, trust, state.database
    )


_trust = cache(Trust.read)


Office = Annotated[Back, Depends(_back)]
"""Keys, ledger and settings; with a session and a caller it makes a desk."""

HeaderId = Annotated[
    str | None,
    Header(
        alias="X-ConsentBB-IndividualId",
        description="The id of the individual acted for; never an identifier from outside",
    ),
]
QueryId = Annotated[
    str | None,
    Query(alias="individualId", description="The same id, where the header cannot be sent"),
]
