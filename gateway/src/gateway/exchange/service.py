"""Admit an exchange, and write down what happened in it."""

from dataclasses import replace
from typing import Any

from gateway.configuration.models import EVERYTHING, Configuration, member_of
from gateway.exchange.models import (
    ANSWER,
    REFUSED,
    REQUEST,
    Admitted,
    Asked,
    RightMissing,
)
from gateway.identity.models import CredentialsMissing, Identified
from gateway.providers.service import Providers
from kit.access import ANONYMOUS
from kit.evidence import Entry
from kit.problems import Problem


def admit(configuration: Configuration, who: Identified | None, asked: Asked) -> Admitted:
    """Let a client through to a service it has a right to.

    Anybody may ask one of our blocks for what verifies its ledger: keys, checkpoints, consistency.
    Raises CredentialsMissing, AddressRefused, ServiceUnknown or RightMissing.
    """
    if who is None and not asked.verifies_a_ledger:
        raise CredentialsMissing("present a token, an API key or a client header")
    asked.check()
    service = asked.service(configuration)
    is_open = asked.verifies_a_ledger and service.block is not None
    if who is None:
        if not is_open:
            raise CredentialsMissing("present a token, an API key or a client header")
        who, scopes = Identified(), frozenset[str]()  # a stranger, with no right of anybody's
    else:
        scopes = configuration.scopes_of_right(service, who.client)
    if who.administrator:
        scopes = EVERYTHING
    if scopes is None and is_open:
        scopes = frozenset()
    if scopes is None:
        raise RightMissing("ask the provider to allow this application")
    return Admitted(who, service, scopes, service.tenant_for(who.member))


async def with_operation(admitted: Admitted, asked: Asked, providers: Providers) -> Admitted:
    """Name the operation that is called, when the provider's document is at hand."""
    service = admitted.service
    path = asked.decoded_path or "/"
    url = f"{service.service_url}/openapi.json" if service.block else service.spec_url
    if not url:
        return admitted
    return replace(admitted, operation=await providers.operation(url, asked.method, path))


def _facts(asked: Asked, more: dict[str, Any]) -> dict[str, Any]:
    facts: dict[str, Any] = {"requestId": asked.request_id, "method": asked.method}
    if asked.consent_reference:
        facts["consentReference"] = asked.consent_reference
    return facts | more


def _subject(who: Identified | None) -> str | None:
    return who.person.id if who and who.person else None


def request_entry(asked: Asked, admitted: Admitted) -> Entry:
    """Return the entry of a request that is let through."""
    facts = _facts(asked, {"address": asked.reference} | admitted.facts())
    return _entry(REQUEST, admitted, facts)


def refused_entries(
    asked: Asked, who: Identified | None, problem: Problem, known: str
) -> list[Entry]:
    """Return the entries of a request that is refused: that it came, and why it went."""
    actor = who.client if who else ANONYMOUS
    facts = _facts(asked, {"address": asked.reference})
    refusal = _facts(asked, {"reason": type(problem).title, "status": type(problem).status})
    tenant = member_of(known)
    return [
        Entry(REQUEST, actor, known, _subject(who), facts, tenant=tenant),
        Entry(REFUSED, actor, known, _subject(who), refusal, tenant=tenant),
    ]


def answer_entry(asked: Asked, admitted: Admitted, outcome: dict[str, Any]) -> Entry:
    """Return the entry of an answer, or of why there is none."""
    return _entry(ANSWER, admitted, _facts(asked, admitted.facts() | outcome))


def _entry(kind: str, admitted: Admitted, facts: dict[str, Any]) -> Entry:
    """Return an entry of the exchange; it concerns the provider's member."""
    who, service = admitted.who, admitted.service
    return Entry(kind, who.client, service.address, _subject(who), facts, tenant=service.member)
