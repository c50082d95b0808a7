"""Look up who is registered, what they offer, and how it is called."""

import asyncio
import json

import yaml

from gateway.configuration.models import Application, Configuration, Member, Service
from gateway.directory.models import document_url
from gateway.providers.models import EMPTY, Description
from gateway.providers.service import Providers


def clients(configuration: Configuration, instance: str) -> list[tuple[Member, Application | None]]:
    """Return an instance's members, each followed by its applications."""
    found: list[tuple[Member, Application | None]] = []
    for address, member in sorted(configuration.members.items()):
        if member.instance == instance:
            found.append((member, None))
            found += [
                (member, application)
                for _, application in sorted(configuration.applications.items())
                if application.member == address
            ]
    return found


async def methods(
    configuration: Configuration,
    providers: Providers,
    application: str,
    client: str | None,
    service_id: str | None = None,
) -> list[tuple[Service, Description]]:
    """Return what an application offers, or only what ``client`` may use; empty when unknown."""
    services = [
        service
        for service in configuration.services_of(application)
        if service_id in (None, service.id)
        and (client is None or configuration.scopes_of_right(service, client) is not None)
    ]
    described = await asyncio.gather(*(_describe(providers, service) for service in services))
    return list(zip(services, described, strict=True))


async def _describe(providers: Providers, service: Service) -> Description:
    url = document_url(service)
    return await providers.describe(url) if url else EMPTY


async def document(
    configuration: Configuration, providers: Providers, address: str, *, as_yaml: bool
) -> str | None:
    """Return a service's OpenAPI document as text; None when there is no such service."""
    service = configuration.services.get(address)
    if service is None:
        return None
    found = (await _describe(providers, service)).document
    if as_yaml:
        return yaml.dump(dict(found), Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True)
    return json.dumps(found, ensure_ascii=False)
