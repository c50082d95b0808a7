"""Preferences in PostgreSQL: address and language sealed with the individual's own key."""

import json
from datetime import UTC, datetime

from consent.preferences.models import Preference
from kit.database import Session
from kit.sealing import DataKey


def _place(individual_id: str) -> bytes:
    return f"notification preference/{individual_id}".encode()


async def find(session: Session, key: DataKey, individual_id: str) -> Preference | None:
    """Return what an individual has said, if anything."""
    row = await session.fetchrow(
        "SELECT enabled, sealed FROM notification_preference WHERE individual_id = $1",
        individual_id,
    )
    if row is None:
        return None
    said = json.loads(key.open(row["sealed"], _place(individual_id)))
    return Preference(row["enabled"], said["address"], said["language"])


async def save(session: Session, key: DataKey, individual_id: str, wanted: Preference) -> None:
    """Keep what an individual says."""
    said = json.dumps({"address": wanted.address, "language": wanted.language}).encode()
    await session.fetch(
        "INSERT INTO notification_preference (individual_id, enabled, sealed, changed_at) "
        "VALUES ($1, $2, $3, $4) ON CONFLICT (individual_id) DO UPDATE "
        "SET enabled = excluded.enabled, sealed = excluded.sealed, "
        "changed_at = excluded.changed_at",
        individual_id,
        wanted.enabled,
        key.seal(said, _place(individual_id)),
        datetime.now(UTC),
    )
