"""Opening a shared link: every time anew by its rules, and by what its sharer may see (DRS-27)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, NoReturn
from uuid import UUID

from kit.access import Caller
from kit.decisions import Decision, Decisions, Question
from registry import notices
from registry.databases.models import ConsentRule, RegistryNotFound
from registry.decisions.models import ConsentRequired
from registry.files import service as files
from registry.files.models import FileNotFound, held
from registry.files.service import Opening, Place
from registry.paths import value_at
from registry.policies.models import Action
from registry.records import service as records
from registry.records.models import LegalBasisMissing, Record, RecordNotFound, person_asked
from registry.records.service import Call, Opened
from registry.rights import service as rights
from registry.rights.models import LoginNeeded, NotAllowed, Sight, expanded
from registry.shares import models, store
from registry.shares import service as shares
from registry.shares.models import Share, ShareEnded, ShareNotFound
from registry.shares.service import Desk
from registry.usage import service as usage
from registry.usage.models import REFUSED

OPENED = "share.opened"
_NONE = Decision(permitted=False, reason="no-record")
_NEVER_SHARED = (NotAllowed, LoginNeeded, LegalBasisMissing, RegistryNotFound, RecordNotFound)


@dataclass(frozen=True, slots=True)
class View:
    """What a link shows."""

    share: Share
    opened: Opened
    record: Record
    content: Mapping[str, Any]


async def view(desk: Desk, caller: Caller, token: str, *, downloads: bool) -> View:
    """Return what a link shows now; that it was opened is written down before it is answered.

    What shows are the fields that were chosen and that the sharer may still see. Raise
    ShareNotFound, ShareEnded, ShareRefused, or ConsentRequired.
    """
    share, opened, record = await _opened(desk, caller, token, downloads=downloads)
    chosen = expanded(opened.release.path.schema, share.fields)
    opened, decided = await _consented(desk, caller, (share, opened, record))
    personal = tuple(name for name in opened.personal_of(record) if name in chosen)
    share.rules.check_open(personal)
    if not await store.use(desk.session, share.id, datetime.now(UTC)):
        raise ShareEnded
    reader = replace(caller, tenant=share.sharer.tenant)
    if personal:
        purpose = replace(opened.purpose("share").by(decided), share=str(share.id))
        look = opened.look(record, personal)
        await usage.record(desk.session, desk.ledger, reader, look, purpose)
    await shares.note(desk, OPENED, caller, share, {"fields": list(share.fields)})
    fields = opened.release.path.schema.fields
    return View(share, opened, record, Sight(chosen).of(fields, opened.values(record)))


async def _opened(
    desk: Desk, caller: Caller, token: str, *, downloads: bool
) -> tuple[Share, Opened, Record]:
    """Return a share that opens to the caller, and what its sharer may see now."""
    share = await store.find_opened(desk.reading, token, models.digest(token))
    if share is None:
        raise ShareNotFound
    if not share.is_live(datetime.now(UTC)):
        raise ShareEnded
    if downloads:
        share.rules.check_download()
    sharer = share.sharer
    code = await store.code_of(desk.reading, share.database)
    call = Call(sharer.caller, code or "", share.version, sharer.legal_basis)
    try:
        opened = await records.open_for(desk.reading, call, Action.SHARE)
        record = await shares.find_record(desk.reading, opened, share.record)
    except _NEVER_SHARED as error:
        raise ShareEnded from error
    if record.is_archived:
        raise ShareEnded
    if share.rules.roles:
        party = await rights.party_of(desk.reading, opened.release, caller)
        share.rules.check_role(caller, party.roles)
    return share, opened, record


async def _consented(
    desk: Desk, caller: Caller, about: tuple[Share, Opened, Record]
) -> tuple[Opened, Decision]:
    """Return what shows by the consents that were given, and the first decision it rests on.

    Raise ConsentRequired; a refusal is written down.
    """
    share, opened, record = about
    rule, given, first = share.rules.consent, list[ConsentRule](), _NONE
    permits: list[Decision] = []
    asked: list[ConsentRule] = [*opened.grant.consents, *([rule] if rule else [])]
    for each in dict.fromkeys(asked):
        decided = await _decided(desk.decisions, about, each)
        if decided.permitted:
            given.append(each)
            permits.append(decided)
            first = first if first.consent_record_id else decided
        elif each == rule:
            await _refuse(desk, caller, about, decided.reason)
    left = replace(opened, grant=opened.grant.without_consents(given))
    if not left.grant.terms or not left.covers(record):
        await _refuse(desk, caller, about, "no-record")
    shown = [name for name in left.personal_of(record) if name in _chosen(about)]
    for each in permits:
        notices.refer(each.consent_record_id, each.decision_id, shown)
    return left, first


async def _decided(
    decisions: Decisions, about: tuple[Share, Opened, Record], rule: ConsentRule
) -> Decision:
    """Ask whether the person agreed that the sharer's application has what is shared."""
    share, opened, record = about
    person = person_asked(opened.release, record, rule)
    if person is None:
        return _NONE
    question = Question(
        rule.data_agreement_id,
        person,
        rule.external_id_type,
        share.sharer.client,
        share.sharer.tenant,
        [name for name in opened.personal_of(record) if name in _chosen(about)],
    )
    return await decisions.ask(question)


def _chosen(about: tuple[Share, Opened, Record]) -> frozenset[str]:
    share, opened, _ = about
    return expanded(opened.release.path.schema, share.fields)


async def _refuse(
    desk: Desk, caller: Caller, about: tuple[Share, Opened, Record], reason: str
) -> NoReturn:
    share, opened, record = about
    reader = replace(caller, tenant=share.sharer.tenant)
    purpose = replace(opened.purpose("share"), share=str(share.id), reason=reason)
    names = tuple(name for name in opened.personal_of(record) if name in _chosen(about))
    await usage.note(desk.ledger, reader, REFUSED, [opened.look(record, names)], purpose)
    raise ConsentRequired.because(reason)


async def file(desk: Desk, caller: Caller, token: str, file_id: UUID) -> Opening:
    """Return a file that a link shows, as a download; raise as ``view`` does, or FileNotFound."""
    seen = await view(desk, caller, token, downloads=True)
    schema = seen.opened.release.path.schema
    for field in schema.files:
        value = value_at(seen.content, field.path)
        if any(said.get("id") == str(file_id) for said in held(value)):
            place = Place(seen.record.id, field.name)
            return await files.opening(desk.reading, value, place, file_id, None)
    raise FileNotFound


async def check(desk: Desk, token: str) -> None:
    """Raise ShareNotFound or ShareEnded unless a link opens something."""
    found = await store.find_opened(desk.reading, token, models.digest(token))
    if found is None:
        raise ShareNotFound
    if not found.is_live(datetime.now(UTC)):
        raise ShareEnded
