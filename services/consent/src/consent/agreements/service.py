"""What a caller can ask about agreements."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from consent.agreements import store
from consent.agreements.models import (
    SCHEMA,
    Agreement,
    AgreementNotFound,
    AgreementTaken,
    Filter,
    Listed,
    snapshot,
)
from consent.announcements import service as announcements
from consent.desk import Desk
from consent.notices import service as notices
from consent.notices.models import change_of
from consent.policies import service as policies
from consent.policies.models import SCHEMA as POLICY
from consent.revisions import service as revisions
from consent.revisions.models import Revision, Search
from consent.tracing import trace
from kit.database import Session
from kit.identifiers import new_id
from kit.paging import Stop

Kept = tuple[Agreement, Revision]
"""An agreement and the revision that says what it is now."""


async def find(session: Session, agreement_id: str, *, lock: str = "") -> Agreement | None:
    """Return any member's agreement, deleted or not, if there is one."""
    return await store.find(session, agreement_id, lock=lock)


async def get(session: Session, tenant: str, agreement_id: str, *, lock: str = "") -> Kept:
    """Return a member's agreement, or raise AgreementNotFound."""
    found = await store.find(session, agreement_id, lock=lock)
    if found is None:
        return of_member(None, tenant)
    return of_member((found, await revisions.get(session, found.revision_id)), tenant)


def of_member(found: Kept | None, tenant: str) -> Kept:
    """Return what was found if it is this member's, or raise AgreementNotFound."""
    if found is None or found[0].tenant != tenant or found[0].deleted_at:
        raise AgreementNotFound("no data agreement with this id")
    return found


async def page(session: Session, wanted: Filter) -> Listed:
    """Return the agreements a filter lets through, oldest first."""
    found = await store.page(session, replace(wanted, limit=wanted.limit + 1))
    kept = found[: wanted.limit]
    more = len(found) > len(kept)
    return Listed(kept, Stop(kept[-1].created_at, kept[-1].id) if more else None)


async def page_revisions(
    session: Session, tenant: str, agreement_id: str, offset: int, limit: int
) -> list[Revision]:
    """Return the states an agreement had, oldest first, or raise AgreementNotFound."""
    await get(session, tenant, agreement_id)
    return await revisions.page(
        session, Search(tenant, SCHEMA, agreement_id, offset=offset, limit=limit)
    )


async def create(
    desk: Desk,
    sent: Mapping[str, Any],
    given_id: str | None,
) -> Kept:
    """Keep a new agreement, or raise AgreementTaken, PolicyNotFound, RevisionNotFound.

    Only an administrator's id is taken; giving it twice with equal content changes nothing.
    """
    if given_id is not None and desk.caller.is_administrator:
        existing = await store.find(desk.session, given_id, lock="FOR UPDATE")
        if existing is not None:
            return await _the_same(desk, existing, sent)
    agreement_id = given_id if given_id and desk.caller.is_administrator else str(new_id())
    content = await _complete(desk, sent, None)
    at = datetime.now(UTC)
    state = snapshot(agreement_id, content, at, desk.caller.client)
    revision = await revisions.append(
        desk.session, state, tenant=desk.caller.tenant, object_id=agreement_id
    )
    agreement = Agreement(
        agreement_id, desk.caller.tenant, content, _policy_of(content), revision.id, at
    )
    if not await store.insert(desk.session, agreement):
        raise AgreementTaken("another data agreement carries this id, or did until it was deleted")
    await announcements.record(
        desk, trace("agreement.created", desk.caller, agreement.thing, **revision.told)
    )
    return agreement, revision


async def update(desk: Desk, agreement_id: str, sent: Mapping[str, Any]) -> Kept:
    """Change an agreement; equal content makes no new revision.

    Raises AgreementNotFound, PolicyNotFound or RevisionNotFound.
    """
    agreement, revision = await get(
        desk.session, desk.caller.tenant, agreement_id, lock="FOR UPDATE"
    )
    content = await _complete(desk, sent, agreement)
    if agreement.content == content:
        return agreement, revision
    state = snapshot(agreement_id, content, datetime.now(UTC), desk.caller.client)
    revision = await revisions.append(
        desk.session, state, tenant=desk.caller.tenant, object_id=agreement_id, predecessor=revision
    )
    change = change_of(agreement.content, content)
    agreement = replace(
        agreement, content=content, policy_id=_policy_of(content), revision_id=revision.id
    )
    await store.save(desk.session, agreement)
    await announcements.record(
        desk, trace("agreement.updated", desk.caller, agreement.thing, **revision.told)
    )
    await notices.enqueue(desk, agreement.id, revision, change)
    return agreement, revision


async def delete(desk: Desk, agreement_id: str) -> Revision:
    """End an agreement and return its last revision; ending it again changes nothing.

    Raises AgreementNotFound.
    """
    agreement = await store.find(desk.session, agreement_id, lock="FOR UPDATE")
    if agreement is None or agreement.tenant != desk.caller.tenant:
        raise AgreementNotFound("no data agreement with this id")
    last = await revisions.get(desk.session, agreement.revision_id)
    if agreement.deleted_at:
        return last
    at = datetime.now(UTC)
    content = {**agreement.content, "active": False}
    state = snapshot(agreement_id, {**content, "deleted": True}, at, desk.caller.client)
    revision = await revisions.append(
        desk.session, state, tenant=desk.caller.tenant, object_id=agreement_id, predecessor=last
    )
    ended = replace(agreement, content=content, revision_id=revision.id, deleted_at=at)
    await store.save(desk.session, ended)
    await announcements.record(
        desk, trace("agreement.deleted", desk.caller, agreement.thing, **revision.told)
    )
    await notices.enqueue(desk, agreement.id, revision, "ended")
    return revision


async def _the_same(desk: Desk, existing: Agreement, sent: Mapping[str, Any]) -> Kept:
    mine = existing.tenant == desk.caller.tenant and not existing.deleted_at
    if not mine or existing.content != await _complete(desk, sent, existing):
        raise AgreementTaken("another data agreement carries this id, or did until it was deleted")
    return existing, await revisions.get(desk.session, existing.revision_id)


async def _complete(
    desk: Desk, sent: Mapping[str, Any], before: Agreement | None
) -> dict[str, Any]:
    """Return what an agreement will say: what was sent, with its policy as of one revision.

    The revision is the one that is named; else the one the agreement stands under already (a
    policy's change does not touch its agreements); else the newest.
    """
    content = dict(sent)
    asked: dict[str, str] | None = content.pop("policy", None)
    if asked is None:
        return content
    policy, current = await policies.get(
        desk.session, desk.caller.tenant, asked["id"], lock="FOR SHARE"
    )
    pinned = asked.get("revisionId")
    if pinned is None and before is not None and before.policy_id == policy.id:
        pinned = before.content["policy"]["revisionId"]
    revision = current
    if pinned is not None and pinned != current.id:
        revision = await revisions.get_of(desk.session, pinned, POLICY, policy.id)
    said = {"id": policy.id, "revisionId": revision.id, "revisionHash": revision.hash}
    return {**content, "policy": {**revision.object_data, **said}}


def _policy_of(content: Mapping[str, Any]) -> str | None:
    return content["policy"]["id"] if "policy" in content else None
