"""What a caller can ask about definitions."""

from kit.database import Session
from registry.databases import service as databases
from registry.databases.models import VersionNotFound
from registry.definitions import models
from registry.definitions.models import Format, Written


async def export(
    session: Session, tenant: str, database_id: int, label: str | None, form: Format
) -> Written:
    """Return a definition written down: of a version, or of the newest, draft or not.

    Raise DatabaseNotFound or VersionNotFound.
    """
    found = await databases.get(session, tenant, database_id)
    version = found.version
    if label is not None and label != version.label:
        kept = await databases.versions(session, tenant, database_id)
        version = next((each for each in kept if each.label == label), None)
        if version is None:
            raise VersionNotFound(f"there is no version {label}")
    return models.write(found.database.code, version.label, version.definition, form)
