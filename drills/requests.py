"""What is asked under load: five kinds of requests, each with a key of its own."""

from dataclasses import dataclass, field
from typing import Any

OFFICE = "DEV/GOV/10002/population"
HEALTH_CENTRE = "DEV/GOV/10001/health-centre"
MUNICIPALITY = "DEV/MUN/20001/family-benefits"
SECRETS = {  # the demo instance's own, written out there
    OFFICE: "population-development-secret",
    HEALTH_CENTRE: "health-centre-development-secret",
    MUNICIPALITY: "family-benefits-development-secret",
}
CITIZENS = "/registry/data/citizens/1.0"
ROOM = "/r1/DEV/GOV/10002/life-events"
CREATE, READ, INDIVIDUAL, EMAIL, EVENT = "create", "read", "individual", "e-mail", "event"
KINDS = (CREATE, READ, INDIVIDUAL, EMAIL, EVENT)
REPEATABLE = frozenset((CREATE, INDIVIDUAL, EMAIL))
"""The writes whose key makes a second one harmless: who got no answer may ask again."""
MIX = (  # twenty requests: 6 creates, 9 reads, 2 individuals, 2 e-mails, 1 event
    *(CREATE, READ, READ, CREATE, READ, EMAIL, CREATE, READ, INDIVIDUAL, READ),
    *(CREATE, READ, EVENT, CREATE, READ, READ, EMAIL, CREATE, INDIVIDUAL, READ),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, the same however often it is sent."""

    kind: str
    key: str
    client: str
    path: str
    body: dict[str, Any] = field(repr=False)


def code(number: int) -> str:
    """Return the personal code of the person of this number."""
    return f"DEV9{number:010d}"


def person(number: int) -> dict[str, str]:
    """Return the record of the person of this number, who never lived."""
    return {
        "id": code(number),
        "firstName": f"First{number}",
        "lastName": f"Last{number}",
        "birthdate": f"19{number % 90 + 10}-0{number % 9 + 1}-1{number % 9}",
        "address": f"Drill Road {number}, Lakeside",
        "email": f"person.{number}@example.org",
    }


def create(number: int) -> Asked:
    """Enter a person in the population register; the personal code is the unique key."""
    body = {"write": {"content": person(number)}}
    return Asked(CREATE, code(number), OFFICE, f"{CITIZENS}/create", body)


def read(key: str) -> Asked:
    """Read a person by personal code, as the register's owner."""
    return Asked(READ, key, OFFICE, f"{CITIZENS}/read", {"query": {"content": {"id": key}}})


def individual(number: int) -> Asked:
    """Make a person known to the consent block; external id and its type are the unique key."""
    body = {"individual": {"externalId": code(number), "externalIdType": "personal-code"}}
    return Asked(INDIVIDUAL, code(number), HEALTH_CENTRE, "/consent/service/individual/", body)


def email(number: int) -> Asked:
    """Send an e-mail; its transactionId makes a second request the same request."""
    key = f"drill-{number}"
    body = {
        "senderInfo": {"organisationName": "Lakeside Health Centre"},
        "recipientInfo": {"email": f"drill.{number}@example.org", "name": "Drill"},
        "emailContent": {"encoding": "UTF-8", "title": key, "content": f"Message {number}."},
        "transactionId": key,
    }
    return Asked(EMAIL, key, HEALTH_CENTRE, "/messaging/send/email/single", body)


def event(number: int) -> Asked:
    """Publish an event; nothing makes a second one harmless, so it is sent once."""
    key = f"DRILL{number}"
    payload = {"registrationNumber": key, "dateTime": "2026-11-22T10:00:00Z", "place": "Lakeside"}
    body = {"eventType": "newBirth", "event": payload}
    return Asked(EVENT, key, HEALTH_CENTRE, f"{ROOM}/pub/v1/newBirth", body)
