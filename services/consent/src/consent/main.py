"""The consent application."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta

from fastapi import FastAPI

from consent.agreements import api as agreements
from consent.announcements import jobs as announcing
from consent.audit import api as audit
from consent.consents import api as consents
from consent.decisions import api as decisions
from consent.decisions.service import clear_answers
from consent.expiry.jobs import expiring
from consent.individuals import api as individuals
from consent.notices import jobs as noticing
from consent.notices.service import Post
from consent.policies import api as policies
from consent.preferences import api as preferences
from consent.receipts import api as receipts
from consent.representations import api as representations
from consent.settings import Settings
from consent.submissions import api as submissions
from consent.transmissions import api as transmissions
from consent.verification import api as verification
from consent.webhooks import api as webhooks
from consent.webhooks.jobs import preparing
from kit import audit as evidence
from kit import deliveries, jobs, web
from kit.database import Database
from kit.evidence import Ledger
from kit.mediator import Mediator
from kit.problems import Conflict, Invalid, NotFound
from kit.sealing import Keyring

BLOCK = "consent"
_CONNECTIONS = 4  # of the jobs, besides the one that listens
_CALLBACKS = 16  # webhooks that are delivered to at once
_ANSWERS_KEPT = 1  # days that a decision is given again under its Idempotency-Key
_POLL = timedelta(seconds=1)  # between two looks for what is due to be tried again

_ROUTERS = (
    policies.router,
    agreements.router,
    representations.router,  # these three before individuals: an id may stand where their words do
    preferences.router,
    transmissions.router,
    individuals.router,
    consents.router,
    submissions.router,
    receipts.router,
    verification.router,
    decisions.router,
    audit.router,
    webhooks.router,
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


@asynccontextmanager
async def create_jobs(settings: Settings) -> AsyncGenerator[None]:
    """Do the block's background work while this is open; any number of processes may."""
    url = settings.database_url.get_secret_value()
    database = Database(url, _CONNECTIONS)
    keyring = Keyring(settings.sealing_key.get_secret_value())
    ledger, mediator = Ledger(BLOCK, keyring, database), Mediator(settings)
    outside = deliveries.Outside(
        deliveries.Networks(settings.delivery_networks), settings.delivery_timeout
    )
    couriers = deliveries.Couriers(outside, mediator)
    delivering = deliveries.Context(
        database, keyring, couriers, settings.delivery_timeout, prepare=preparing(database)
    )
    told = {
        **deliveries.handlers(delivering),
        **noticing.handlers(Post(database, keyring, ledger, mediator, settings.client_id)),
    }
    try:
        async with (
            jobs.running(url, told, together=_CALLBACKS, poll=_POLL),
            announcing.calling_back(url, database, mediator, settings.decision_keepers),
            jobs.clearing(database, deliveries.clear, settings.delivery_log_days),
            jobs.clearing(database, clear_answers, _ANSWERS_KEPT),
            expiring(database, keyring, ledger),
        ):
            yield
    finally:
        await mediator.close()
        await ledger.close()
        await database.close()
