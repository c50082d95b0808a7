"""The configuration's rows, read in one statement; and the word that they changed."""

import json
from datetime import datetime
from typing import Any

from gateway.configuration.models import (
    Application,
    Configuration,
    Grantee,
    Key,
    Known,
    Member,
    Service,
)
from kit import hearing
from kit.database import Session

CHANNEL = "gateway_configuration"
_LOCK = 4_217_330_911  # any number: one change of the configuration at a time
_LOAD = """
SELECT json_build_object(
  'instances', (SELECT json_object_agg(name, domain) FROM instance),
  'members', (SELECT json_agg(json_build_array(instance, class, code, name)) FROM member),
  'applications', (SELECT json_agg(json_build_array(
      member, id, name, connection, scopes, encode(secret, 'hex'), certificates))
      FROM application),
  'services', (SELECT json_agg(json_build_array(
      application, id, spec_url, service_url, tenancy, short_form, scopes)) FROM service),
  'rights', (SELECT json_agg(json_build_array(
      service, member, application, by_name, scopes)) FROM service_right),
  'keys', (SELECT json_agg(json_build_array(
      application, id, encode(digest, 'hex'), created_at, expires_at, withdrawn_at)) FROM api_key)
)::text
"""


async def load(session: Session) -> Configuration:
    """Return the whole configuration as of now."""
    row = await session.fetchrow(_LOAD)
    found: dict[str, Any] = json.loads(row[0]) if row else {}
    members = [Member(*values) for values in found["members"] or ()]
    applications = [_application(*values) for values in found["applications"] or ()]
    services = [_service(*values) for values in found["services"] or ()]
    keys = [_key(*values) for values in found["keys"] or ()]
    return Configuration(
        instances=found["instances"] or {},
        members={member.address: member for member in members},
        applications={application.address: application for application in applications},
        services={service.address: service for service in services},
        rights={
            (service, Grantee(member, application, by_name)): None if s is None else tuple(s)
            for service, member, application, by_name, s in found["rights"] or ()
        },
        keys={key.digest: key for key in keys},
    )


def _application(  # noqa: PLR0913, PLR0917  a row
    member: str,
    code: str,
    name: str,
    connection: str,
    scopes: list[str],
    secret: str | None,
    certificates: list[dict[str, str]],
) -> Application:
    digest = None if secret is None else bytes.fromhex(secret)
    known = tuple(Known(**one) for one in certificates)
    return Application(member, code, name, connection, tuple(scopes), digest, known)


def _service(  # noqa: PLR0913, PLR0917  a row
    application: str, code: str, spec: str, url: str, tenancy: str, short: str | None, scopes: Any
) -> Service:
    return Service(application, code, spec, url, tenancy, short, tuple(scopes))


def _key(  # noqa: PLR0913, PLR0917  a row
    application: str, code: str, digest: str, created: str, expires: str | None, gone: str | None
) -> Key:
    return Key(
        application,
        code,
        bytes.fromhex(digest),
        datetime.fromisoformat(created),
        datetime.fromisoformat(expires) if expires else None,
        datetime.fromisoformat(gone) if gone else None,
    )


async def lock(session: Session) -> None:
    """Wait until no other transaction changes the configuration."""
    await session.fetch("SELECT pg_advisory_xact_lock($1)", _LOCK)


async def announce(session: Session, token: str) -> None:
    """Tell all workers, when the transaction commits, that the configuration changed."""
    await hearing.announce(session, CHANNEL, token)
