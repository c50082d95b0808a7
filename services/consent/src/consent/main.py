"""The consent application."""

from fastapi import FastAPI

from consent.agreements import api as agreements
from consent.audit import api as audit
from consent.consents import api as consents
from consent.individuals import api as individuals
from consent.policies import api as policies
from consent.settings import Settings
from consent.submissions import api as submissions
from consent.verification import api as verification
from kit import audit as evidence
from kit import web
from kit.problems import Conflict, Invalid, NotFound

BLOCK = "consent"

_ROUTERS = (
    policies.router,
    agreements.router,
    individuals.router,
    consents.router,
    submissions.router,
    verification.router,
    audit.router,
    evidence.router,
)


def create_app(settings: Settings) -> FastAPI:
    """Put the consent block together; GovStack fixes 400 for what is unknown or not possible."""
    return web.create_app(
        BLOCK,
        "Consent",
        "Policies, agreements and the consent of individuals, each change a chained revision.",
        settings,
        _ROUTERS,
        statuses={NotFound: 400, Conflict: 400, Invalid: 400},
    )
