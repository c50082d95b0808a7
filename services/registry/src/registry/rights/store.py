"""What rights are decided by, in PostgreSQL: documents, and what callers hold."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from kit.database import Session
from registry.policies.models import Party
from registry.rights.models import Brought, Held

_HELD = """
    WITH holder AS (
      SELECT roles, groups, attributes FROM role_holder
      WHERE tenant = $1
        AND ((kind = 'client' AND party = $2) OR (kind = 'person' AND party = $3))
        AND (valid_from IS NULL OR valid_from <= now())
        AND (valid_until IS NULL OR valid_until > now())
    ), grouped AS (
      SELECT DISTINCT g.name, g.roles FROM access_group g
      JOIN holder h ON g.tenant = $1 AND g.name = ANY(h.groups)
    )
    SELECT
      ARRAY(SELECT DISTINCT unnest(roles) FROM holder
        UNION SELECT DISTINCT unnest(roles) FROM grouped) AS roles,
      ARRAY(SELECT name FROM grouped) AS groups,
      (SELECT coalesce(jsonb_agg(attributes), '[]')::text FROM holder) AS attributes,
      ARRAY(SELECT principal FROM delegation
        WHERE tenant = $1 AND delegate = $3 AND revoked_at IS NULL
          AND (valid_from IS NULL OR valid_from <= now())
          AND (valid_until IS NULL OR valid_until > now())
          AND (databases = '{}' OR $4 = ANY(databases))) AS principals
"""
_BROUGHT = """
    SELECT kind, name, policies::text AS policies FROM named_policies
    WHERE tenant = $1 AND (kind = 'role' OR name = ANY($2::text[]))
    ORDER BY kind, name
"""


async def find_held(session: Session, tenant: str, code: str, party: Party) -> Held:
    """Return what a party holds now in a member's databases, and in one by its code."""
    row = await session.fetchrow(_HELD, tenant, party.client, party.person, code)
    if row is None:
        return Held()
    attributes: dict[str, Any] = {}
    for each in json.loads(row["attributes"]):
        attributes |= each
    return Held(
        frozenset(row["roles"]),
        frozenset(row["groups"]),
        frozenset(row["principals"]),
        attributes,
    )


async def find_brought(session: Session, tenant: str, templates: Sequence[str]) -> list[Brought]:
    """Return what some access templates and all roles of a member say."""
    rows = await session.fetch(_BROUGHT, tenant, list(templates))
    return [
        Brought(row["kind"] == "role", row["name"], json.loads(row["policies"])) for row in rows
    ]


async def known_templates(session: Session, tenant: str) -> set[str]:
    """Return the names of a member's access templates."""
    rows = await session.fetch(
        "SELECT name FROM named_policies WHERE tenant = $1 AND kind = 'template'", tenant
    )
    return {row["name"] for row in rows}


async def find_document(
    session: Session, database_id: int, name: str, *, lock: bool = False
) -> Mapping[str, Any] | None:
    """Return what a feature keeps of a database; ``lock`` keeps it from changing meanwhile."""
    sql = "SELECT (settings -> $2)::text AS document FROM database WHERE id = $1"
    row = await session.fetchrow(f"{sql} FOR UPDATE" if lock else sql, database_id, name)
    return json.loads(row["document"]) if row and row["document"] else None
