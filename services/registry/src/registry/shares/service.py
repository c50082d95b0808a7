"""Sharing some fields of a record by a link, and switching it off (DRS-27)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from uuid import UUID

from kit.access import Caller
from kit.database import Session
from kit.decisions import Decisions
from kit.evidence import Entry, Ledger
from kit.identifiers import new_id
from kit.mediator import Mediator
from registry.paths import value_at
from registry.policies.models import Action
from registry.records import service as records
from registry.records import store as records_kept
from registry.records.models import Record, RecordNotFound
from registry.records.service import Call, Opened
from registry.rights.models import FieldHidden, expanded
from registry.shares import models, store
from registry.shares.models import (
    Channel,
    MailUnavailable,
    Rules,
    Share,
    ShareNotFound,
    Sharer,
    refusal,
)

CREATED, CHANGED, ENDED = "share.created", "share.changed", "share.ended"
_MAIL = "/messaging/send/email/single"


@dataclass(frozen=True, slots=True)
class Asked:
    """What shall be shared, with whom, and under which rules."""

    call: Call
    record: UUID
    fields: tuple[str, ...]
    channel: Channel
    rules: Rules
    takes_consent_of_database: bool = False
    """Whether the consent is the one the database itself asks for."""
    recipient: str | None = None
    expires_at: datetime | None = None
    max_uses: int | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """A share that was made, and its link, which is told once."""

    share: Share
    token: str
    url: str


@dataclass(frozen=True, slots=True)
class Desk:
    """What shares work with: sessions, the ledger, the way to others, and who decides.

    Looking up and changing are apart, so that no connection is held while others are asked.
    """

    reading: Session
    session: Session
    ledger: Ledger
    mediator: Mediator
    decisions: Decisions


# -- sharing ---------------------------------------------------------------------------------------


async def create(desk: Desk, asked: Asked, base: str) -> Made:
    """Share fields of a record; ``base`` is the address before ``/shares/``.

    Raise ShareInvalid, FieldHidden, RecordNotFound, or MailUnavailable, when nothing was shared.
    """
    now = datetime.now(UTC)
    if asked.expires_at is not None and asked.expires_at <= now:
        raise refusal(("expiresAt",), "is over")
    opened = await records.open_for(desk.reading, asked.call, Action.SHARE)
    rules = _rules(opened, asked)
    models.check_fields(opened.release, asked.fields)
    record = await find_record(desk.reading, opened, asked.record)
    chosen = expanded(opened.release.path.schema, asked.fields)
    _check_shown(opened, record, asked.fields)
    personal = [name for name in opened.release.personal if name in chosen]
    if personal and not rules.roles and rules.consent is None:
        raise refusal(("fields",), "hold personal data: ask for roles or for consent")
    new = _share(opened, asked, rules, now)
    token = models.new_token()
    made = Made(new, token, f"{base}/shares/{token}")
    if asked.channel is Channel.EMAIL:
        await _send(desk.mediator, made, asked)
    await store.insert_share(desk.session, new, models.digest(token))
    facts = {"fields": list(new.fields), "channel": new.channel.value}
    await note(desk, CREATED, asked.call.caller, new, facts)
    return made


def _rules(opened: Opened, asked: Asked) -> Rules:
    """Return the rules asked for, with the database's own consent where that is meant."""
    if not asked.takes_consent_of_database:
        rule = asked.rules.consent
        known = {field.name for field in opened.release.current.schema.identifiers}
        if rule is not None and not known:
            raise refusal(("requiresConsent",), "needs a field marked x-personalDataId")
        if rule is not None and rule.identifier is not None and rule.identifier not in known:
            place = ("requiresConsent", "personalDataIdField")
            raise refusal(place, "is not a field marked x-personalDataId")
        return asked.rules
    rule = opened.release.current.consent
    if rule is None:
        raise refusal(("requiresConsent",), "says which: the database asks for none itself")
    return replace(asked.rules, consent=rule)


def _share(opened: Opened, asked: Asked, rules: Rules, now: datetime) -> Share:
    sharer = Sharer.of(asked.call.caller, asked.call.legal_basis)
    return Share(
        new_id(),
        sharer,
        opened.release.database,
        asked.record,
        asked.call.version,
        asked.fields,
        asked.channel,
        rules,
        now,
        asked.expires_at,
        asked.max_uses,
    )


async def find_record(session: Session, opened: Opened, record_id: UUID) -> Record:
    """Return the record with this id as far as the call may see it, or raise RecordNotFound."""
    found = await records_kept.find_referred(session, *opened.call.where, str(record_id))
    record = found.record if found else None
    if record is None or record.id != record_id or not opened.covers(record):
        raise RecordNotFound
    return record


def _check_shown(opened: Opened, record: Record, names: tuple[str, ...]) -> None:
    """Raise FieldHidden for a field that the sharer is not shown as it is."""
    if opened.grant.is_full:
        return
    shown = opened.values(record)
    for name in names:
        field = opened.release.path.schema.get(name)
        if not opened.grant.shows(name) and value_at(shown, field.path) is None:
            raise FieldHidden(f"{name}: your rights do not cover this field")


async def _send(mediator: Mediator, made: Made, asked: Asked) -> None:
    """Send the link through the messaging block; the address is passed on and not kept."""
    until = made.share.expires_at
    lines = ["Something was shared with you. It opens here:", "", made.url]
    if until is not None:
        lines += ["", f"The link works until {until:%Y-%m-%d %H:%M} UTC."]
    answer = await mediator.call(
        "POST",
        _MAIL,
        body={
            "recipientInfo": {"email": asked.recipient},
            "emailContent": {"title": "A record was shared with you", "content": "\n".join(lines)},
            "transactionId": str(made.share.id),
        },
        request_id=asked.call.caller.request_id,
    )
    if answer.status_code == HTTPStatus.FORBIDDEN:
        raise MailUnavailable("the registry has no right to send e-mail")
    if answer.status_code != HTTPStatus.OK:
        raise refusal(("recipient", "email"), "is not an address that messages can be sent to")


# -- keeping ---------------------------------------------------------------------------------------


async def page(session: Session, caller: Caller, window: tuple[int, int]) -> list[Share]:
    """Return a caller's own shares, newest first; an application of the owner sees all."""
    every = caller.is_owner and caller.person is None
    return await store.page(
        session, caller.client, caller.person, caller.tenant, window, every=every
    )


async def change(desk: Desk, caller: Caller, share_id: UUID, asked: Mapping[str, Any]) -> Share:
    """Change until when and how often a link opens, or switch it off or on again.

    The same again changes nothing. Raise ShareNotFound.
    """
    found = await _own(desk, caller, share_id)
    now = datetime.now(UTC)
    new = replace(found, **{k: v for k, v in asked.items() if k != "is_active"})
    active = asked.get("is_active", found.ended_at is None)
    new = replace(new, ended_at=None if active else found.ended_at or now)
    if new != found:
        await store.save(desk.session, new)
        kind = ENDED if new.ended_at and not found.ended_at else CHANGED
        await note(desk, kind, caller, new, {})
    return new


async def end(desk: Desk, caller: Caller, share_id: UUID) -> None:
    """Switch a share off for good; one that is off, or is not the caller's, stays as it is."""
    try:
        await change(desk, caller, share_id, {"is_active": False})
    except ShareNotFound:
        return


async def _own(desk: Desk, caller: Caller, share_id: UUID) -> Share:
    found = await store.find(desk.session, share_id)
    if found is None or not found.belongs_to(caller):
        raise ShareNotFound
    return found


async def note(
    desk: Desk, kind: str, caller: Caller, about: Share, facts: Mapping[str, Any]
) -> None:
    """Write down what is done with a share, in the transaction that does it."""
    said = {**facts, "share": str(about.id), "requestId": caller.request_id}
    tenant = about.sharer.tenant
    await desk.ledger.record(
        desk.session, Entry(kind, caller.client, about.object, facts=said, tenant=tenant)
    )
