"""Deliveries: signed, retried and logged callbacks to addresses that others named.

What is to be told is enqueued in the transaction of what happened (``deliver``); the jobs process
hands it over (``handlers``), again and again for a day, and never into networks that are not
public unless the operator lists them. A block describes the tables with ``add_tables``, creates
them with ``steps.create_deliveries`` and says in its own words who may see them.
"""

from kit.deliveries.client import Answer, Outside
from kit.deliveries.couriers import Courier, Couriers
from kit.deliveries.models import (
    MEDIA_TYPE,
    Attempt,
    Delivery,
    DeliveryNotFound,
    Event,
    Outcome,
    PayloadDestroyed,
    Schedule,
    Secret,
    State,
    Target,
)
from kit.deliveries.networks import AddressRefused, Networks, UnreachableError
from kit.deliveries.service import (
    add_endpoint,
    change_endpoint,
    clear,
    deliver,
    deliver_again,
    page,
    remove_endpoint,
    rotate,
    target_of,
)
from kit.deliveries.signing import is_secret, new_secret
from kit.deliveries.tables import add_tables
from kit.deliveries.work import Context, Prepare, handlers

__all__ = [
    "MEDIA_TYPE",
    "AddressRefused",
    "Answer",
    "Attempt",
    "Context",
    "Courier",
    "Couriers",
    "Delivery",
    "DeliveryNotFound",
    "Event",
    "Networks",
    "Outcome",
    "Outside",
    "PayloadDestroyed",
    "Prepare",
    "Schedule",
    "Secret",
    "State",
    "Target",
    "UnreachableError",
    "add_endpoint",
    "add_tables",
    "change_endpoint",
    "clear",
    "deliver",
    "deliver_again",
    "handlers",
    "is_secret",
    "new_secret",
    "page",
    "remove_endpoint",
    "rotate",
    "target_of",
]
