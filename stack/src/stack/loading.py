"""Load an instance file into a running stack, through the gateway and as an administrator.

Only the blocks' own APIs are used. Loading twice changes nothing; what a block refuses is told
with the line of the file that asked for it.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import httpx

from stack.instance import Instance, InstanceError, Member, Source, secret

Progress = Callable[[str, int], None]
"""Hears the name of a section and how many parts of it are done."""

Item = TypeVar("Item")
_AT_ONCE = 8
_FOUND = 200
_CONFLICT = 409


class Loader:
    """One load of one file."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        source: Source,
        environment: Mapping[str, str],
        progress: Progress,
    ) -> None:
        self._client = client
        self._source = source
        self._instance: Instance = source.instance
        self._environment = environment
        self._progress = progress

    async def load(self) -> None:
        """Bring the instance to what the file says; raise InstanceError at the first refusal."""
        await self._members()
        instance = self._instance
        await self._each("registries", instance.registries, self._register)
        await self._each("policies", instance.policies, self._policy)
        await self._each("agreements", instance.agreements, self._agreement)
        await self._each("individuals", instance.individuals, self._individual)
        await self._each("eventTypes", instance.eventTypes, self._event_type)
        await self._each("subscriptions", instance.subscriptions, self._subscription)
        await self._catalogue()

    async def _each(
        self,
        section: str,
        items: Sequence[Item],
        load: Callable[[Item, str], Awaitable[None]],
        *path: str,
    ) -> None:
        """Load the parts of a section, some at once, and say how far it is."""
        limit = asyncio.Semaphore(_AT_ONCE)

        async def one(number: int, item: Item) -> None:
            async with limit:
                await load(item, self._source.place(*(path or (section,)), number))
            self._progress(section, 1)

        await asyncio.gather(*(one(number, item) for number, item in enumerate(items)))

    async def _members(self) -> None:
        instance = self._instance
        if not instance.members:
            return
        body = {
            "domain": instance.domain,
            "instance": instance.instance,
            "members": [self._member(member) for member in instance.members],
        }
        await self._send("PATCH", "/api/v1/config", body, self._source.place("members"))
        self._progress("members", len(instance.members))
        for number, member in enumerate(instance.members):
            await self._keys(number, member)

    def _member(self, member: Member) -> dict[str, Any]:
        applications = [
            {
                "id": application.id,
                "connection": application.connection,
                "scopes": application.scopes,
                "secret": secret(application.secret, self._environment),
                "certificates": None
                if application.certificates is None
                else [one.model_dump(exclude_none=True) for one in application.certificates],
                "services": [_service(service.model_dump()) for service in application.services],
            }
            for application in member.applications
        ]
        return {
            "name": member.name,
            "class": member.memberClass,
            "code": member.code,
            "applications": [_without_none(application) for application in applications],
        }

    async def _keys(self, number: int, member: Member) -> None:
        for position, application in enumerate(member.applications):
            path = (
                f"/api/v1/members/{member.memberClass}/{member.code}"
                f"/applications/{application.id}/keys"
            )
            for key in application.keys:
                place = self._source.place("members", number, "applications", position, "keys")
                body = {"id": key.id, "key": secret(key.key, self._environment)}
                await self._send("POST", path, body, place)

    async def _register(self, register: Any, place: str) -> None:
        body = _without_none(
            {
                "code": register.code,
                "name": register.name,
                "description": register.description,
                "institution": register.institution,
                "metadata": register.metadata,
                "access": register.access,
                "fieldsUniques": register.fieldsUniques,
                "schema": register.definition,
            }
        )
        owner = register.owner
        made = await self._send("POST", "/registry/database/modify", body, place, owner)
        number = made.json()["id"]
        published = await self._send(
            "POST", f"/registry/database/{number}/publish", None, place, owner
        )
        version = published.json()["version"]
        path = f"/registry/data/{register.code}/{version}/updateOrCreate"
        for record in register.records:
            query = {"content": {register.key: record[register.key]}}
            await self._send(
                "POST", path, {"query": query, "write": {"content": record}}, place, owner
            )

    async def _policy(self, policy: Any, place: str) -> None:
        await self._keep("policy", policy.id, {"policy": policy.content()}, place, policy.owner)

    async def _agreement(self, agreement: Any, place: str) -> None:
        body = {"dataAgreement": agreement.content()}
        await self._keep("data-agreement", agreement.id, body, place, agreement.owner)

    async def _keep(
        self, kind: str, object_id: str, body: Mapping[str, Any], place: str, owner: str
    ) -> None:
        """Create an object of the consent block, or update the one that is there."""
        path = f"/consent/config/{kind}/{object_id}/"
        if (await self._ask("GET", path, None, owner)).status_code == _FOUND:
            await self._send("PUT", path, body, place, owner)
        else:
            await self._send("POST", f"/consent/config/{kind}/", body, place, owner)

    async def _individual(self, individual: Any, place: str) -> None:
        content = individual.content()
        search = await self._send(
            "POST", "/consent/service/individuals/search/", content, place, individual.owner
        )
        if not search.json()["individuals"]:
            body = {"individual": content}
            await self._send("POST", "/consent/config/individual/", body, place, individual.owner)

    async def _event_type(self, event_type: Any, place: str) -> None:
        path = self._room(event_type.room) + "/api/v1/eventType"
        body = {"eventType": event_type.eventType, "schema": event_type.definition}
        answer = await self._ask("POST", path, body, event_type.room)
        if answer.status_code == _CONFLICT:
            kept = await self._send(
                "GET", f"{path}/{event_type.eventType}", None, place, event_type.room
            )
            if kept.json()["schema"] != event_type.definition:
                raise InstanceError(
                    f"{place}: the event type {event_type.eventType} is there with another schema."
                )
        else:
            _accept(answer, place)

    async def _subscription(self, subscription: Any, place: str) -> None:
        path = f"{self._room(subscription.room)}/api/v1/subs/{subscription.eventType}"
        body = {"eventType": subscription.eventType, "delivery": "PULL"}
        answer = await self._ask("POST", path, body, subscription.subscriber)
        if answer.status_code != _CONFLICT:
            _accept(answer, place)

    async def _catalogue(self) -> None:
        catalogue = self._instance.catalogue
        owner = catalogue.owner

        async def entry(content: dict[str, Any], place: str) -> None:
            await self._send("PUT", f"/catalogue/entries/{content['id']}", content, place, owner)

        async def reuse(content: dict[str, Any], place: str) -> None:
            path = f"/catalogue/reuses/{content.get('id') or reuse_id(content)}"
            await self._send("PUT", path, content, place, owner)

        await self._each("entries", catalogue.entries, entry, "catalogue", "entries")
        await self._each("reuses", catalogue.reuses, reuse, "catalogue", "reuses")

    def _room(self, room: str) -> str:
        return f"/r1/{self._instance.instance}/{room}"

    async def _send(
        self, method: str, path: str, body: object, place: str, owner: str | None = None
    ) -> httpx.Response:
        return _accept(await self._ask(method, path, body, owner), place)

    async def _ask(self, method: str, path: str, body: object, owner: str | None) -> httpx.Response:
        headers = {"X-GovStack-Client": f"{self._instance.instance}/{owner}"} if owner else {}
        return await self._client.request(method, path, json=body, headers=headers)


def reuse_id(content: Mapping[str, Any]) -> str:
    """Return an id for a reuse that has none: the thing reused and who reuses it."""
    by = content.get("byEntry") or content.get("by", {}).get("name", "")
    words = re.sub(r"[^a-z0-9]+", "-", f"{content.get('reused')} by {by}".lower())
    return words.strip("-")[:100].strip("-")


def _service(service: dict[str, Any]) -> dict[str, Any]:
    rights = [_right(right) for right in service["rights"]]
    return _without_none(service | {"rights": rights})


def _right(right: dict[str, Any]) -> dict[str, Any]:
    if right["client"] == "anonymous":
        return _without_none({"anonymous": True, "scopes": right["scopes"]})
    member_class, code, application = right["client"].split("/")
    named = {"memberClass": member_class, "memberCode": code, "applicationId": application}
    return _without_none(named | {"scopes": right["scopes"]})


def _without_none(content: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in content.items() if value is not None}


def _accept(answer: httpx.Response, place: str) -> httpx.Response:
    if answer.is_success:
        return answer
    said = _reasons(answer) or "no reason"
    raise InstanceError(f"{place}: refused with {answer.status_code}: {said}")


def _reasons(answer: httpx.Response) -> str:
    """Return what a problem says: each field with its reason, or else its detail or title."""
    try:
        problem = answer.json()
    except ValueError:
        return ""
    if not isinstance(problem, dict):
        return ""
    errors = [error for error in problem.get("errors") or () if isinstance(error, dict)]
    fields = "; ".join(f"{error.get('pointer')}: {error.get('reason')}" for error in errors)
    return fields or str(problem.get("detail") or problem.get("title") or "")


@asynccontextmanager
async def administrator(url: str, name: str, password: str) -> AsyncGenerator[httpx.AsyncClient]:
    """Lend a client of the gateway that acts as administrator; raise InstanceError."""
    async with httpx.AsyncClient(base_url=url, timeout=30) as client:
        try:
            answer = await client.post(
                "/oauth2/token",
                data={"grant_type": "client_credentials"},
                auth=httpx.BasicAuth(name, password),
            )
        except httpx.HTTPError as error:
            raise InstanceError(f"No stack answers at {url}.") from error
        if not answer.is_success:
            raise InstanceError(f"The gateway at {url} does not take the administrator's secret.")
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        yield client
