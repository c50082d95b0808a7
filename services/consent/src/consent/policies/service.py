"""What a caller can ask about policies."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from consent.announcements import service as announcements
from consent.desk import Desk
from consent.policies import store
from consent.policies.models import (
    SCHEMA,
    Policy,
    PolicyInUse,
    PolicyNotFound,
    PolicyTaken,
    snapshot,
)
from consent.revisions import service as revisions
from consent.revisions.models import Revision, Search
from consent.tracing import trace
from kit.database import Session
from kit.identifiers import new_id

Kept = tuple[Policy, Revision]
"""A policy and the revision that says what it is now."""


async def find(session: Session, policy_id: str) -> Policy | None:
    """Return any member's policy, deleted or not, if there is one."""
    return await store.find(session, policy_id)


async def get(session: Session, tenant: str, policy_id: str, *, lock: str = "") -> Kept:
    """Return a member's policy, or raise PolicyNotFound."""
    policy = await store.find(session, policy_id, lock=lock)
    if policy is None or policy.tenant != tenant or policy.deleted_at:
        raise PolicyNotFound("no policy with this id")
    return policy, await revisions.get(session, policy.revision_id)


async def get_as_of(session: Session, tenant: str, policy_id: str, revision_id: str | None) -> Kept:
    """Return a policy as a revision has it, as it is now when none is named.

    Raises PolicyNotFound or RevisionNotFound.
    """
    policy, revision = await get(session, tenant, policy_id)
    if revision_id is not None and revision_id != revision.id:
        revision = await revisions.get_of(session, revision_id, SCHEMA, policy.id)
        policy = replace(policy, content=revision.object_data, revision_id=revision.id)
    return policy, revision


async def page(
    session: Session, tenant: str, revision_id: str | None, offset: int, limit: int
) -> list[Policy]:
    """Return a member's policies; with a revision only the one it belongs to, as it was then."""
    if revision_id is None:
        return await store.page(session, store.Window(tenant, offset, limit))
    revision = await revisions.get(session, revision_id)
    return [(await get_as_of(session, tenant, revision.object_id, revision_id))[0]]


async def page_revisions(
    session: Session, tenant: str, policy_id: str, offset: int, limit: int
) -> tuple[Policy, Sequence[Revision]]:
    """Return a policy and the states it had, oldest first, or raise PolicyNotFound."""
    policy, _ = await get(session, tenant, policy_id)
    search = Search(tenant, SCHEMA, policy_id, offset=offset, limit=limit)
    return policy, await revisions.page(session, search)


async def create(
    desk: Desk,
    content: Mapping[str, Any],
    given_id: str | None,
) -> Kept:
    """Keep a new policy, or raise PolicyTaken.

    Only an administrator's id is taken; giving it twice with equal content changes nothing.
    """
    if given_id is not None and desk.caller.is_administrator:
        existing = await store.find(desk.session, given_id, lock="FOR UPDATE")
        if existing is not None:
            return await _the_same(desk, existing, content)
    policy_id = given_id if given_id and desk.caller.is_administrator else str(new_id())
    at = datetime.now(UTC)
    state = snapshot(policy_id, content, at, desk.caller.client)
    revision = await revisions.append(
        desk.session, state, tenant=desk.caller.tenant, object_id=policy_id
    )
    policy = Policy(policy_id, desk.caller.tenant, content, revision.id, at)
    if not await store.insert(desk.session, policy):
        raise PolicyTaken("another policy carries this id, or did until it was deleted")
    await announcements.record(
        desk, trace("policy.created", desk.caller, policy.thing, **revision.told)
    )
    return policy, revision


async def _the_same(desk: Desk, existing: Policy, content: Mapping[str, Any]) -> Kept:
    mine = existing.tenant == desk.caller.tenant and not existing.deleted_at
    if not mine or existing.content != content:
        raise PolicyTaken("another policy carries this id, or did until it was deleted")
    return existing, await revisions.get(desk.session, existing.revision_id)


async def update(desk: Desk, policy_id: str, content: Mapping[str, Any]) -> Kept:
    """Change a policy, or raise PolicyNotFound; equal content makes no new revision."""
    policy, revision = await get(desk.session, desk.caller.tenant, policy_id, lock="FOR UPDATE")
    if policy.content == content:
        return policy, revision
    state = snapshot(policy_id, content, datetime.now(UTC), desk.caller.client)
    revision = await revisions.append(
        desk.session, state, tenant=desk.caller.tenant, object_id=policy_id, predecessor=revision
    )
    policy = replace(policy, content=content, revision_id=revision.id)
    await store.save(desk.session, policy)
    await announcements.record(
        desk, trace("policy.updated", desk.caller, policy.thing, **revision.told)
    )
    return policy, revision


async def delete(desk: Desk, policy_id: str) -> Revision:
    """Delete a policy and return its last revision; deleting again changes nothing.

    Raises PolicyNotFound or PolicyInUse.
    """
    policy = await store.find(desk.session, policy_id, lock="FOR UPDATE")
    if policy is None or policy.tenant != desk.caller.tenant:
        raise PolicyNotFound("no policy with this id")
    last = await revisions.get(desk.session, policy.revision_id)
    if policy.deleted_at:
        return last
    if await store.is_in_use(desk.session, policy_id):
        raise PolicyInUse("end the agreements under it first")
    at = datetime.now(UTC)
    state = snapshot(policy_id, {**policy.content, "deleted": True}, at, desk.caller.client)
    revision = await revisions.append(
        desk.session, state, tenant=desk.caller.tenant, object_id=policy_id, predecessor=last
    )
    await store.save(desk.session, replace(policy, revision_id=revision.id, deleted_at=at))
    await announcements.record(
        desk, trace("policy.deleted", desk.caller, policy.thing, **revision.told)
    )
    return revision
