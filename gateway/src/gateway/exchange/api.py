"""The way in for exchanges: before all routing, streaming, with nothing changed on the way."""

import asyncio
import logging
import time
from dataclasses import dataclass, field

from starlette.datastructures import State
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.configuration.models import Configuration
from gateway.exchange import service
from gateway.exchange.models import (
    SAFE,
    Admitted,
    Asked,
    LogUnavailable,
    consent_reference,
    forwarded,
    returned,
    split,
)
from gateway.identity.models import Identified
from gateway.identity.service import Identity
from gateway.passages.service import GONE, UNLOGGED, Passage, Turns
from gateway.providers.models import ProviderUnavailable
from gateway.providers.service import has_body
from gateway.transmissions import models as transmissions
from kit.access import HEADER, IN_PROCESS, Caller
from kit.database import LOST, DatabaseUnavailable
from kit.evidence import Entry, Sealed, promises
from kit.problems import Problem
from kit.web import problem_response, request_id_of

_log = logging.getLogger("gateway.exchange")
_SUCCESS = range(200, 300)


class Exchanges:
    """The outermost layer of the gateway: it serves exchanges, and passes on what is none."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI)."""
        asked = _asked(scope) if scope["type"] == "http" else None
        if asked is None:
            await self._app(scope, receive, send)
            return
        state: State = scope["app"].state
        try:
            configuration = await state.book.current(state.database)
        except (Problem, *LOST) as error:
            problem = error if isinstance(error, Problem) else DatabaseUnavailable()
            await _refuse(scope, receive, send, asked, problem)
            return
        if asked.is_short and asked.address not in configuration.short_forms:
            await self._app(scope, receive, send)
            return
        await _guarded(_Exchange(state, configuration, asked, scope), receive, send)


async def _guarded(exchange: "_Exchange", receive: Receive, send: Send) -> None:
    """Serve an exchange; have the last word when something unforeseen is raised."""
    begun = False

    async def sending(message: Message) -> None:
        nonlocal begun
        begun = True
        await send(message)

    try:
        await exchange.serve(receive, sending)
    except Exception:  # noqa: BLE001  the last word
        _log.exception("unforeseen", extra={"request_id": exchange.asked.request_id})
        if not begun:
            await exchange.refuse(Problem(), receive, send)


def _asked(scope: Scope) -> Asked | None:
    raw_path: bytes = scope.get("raw_path") or scope["path"].encode()
    found = split(raw_path)
    if found is None:
        return None
    address, is_short, path = found
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    target = raw_path + b"?" + scope.get("query_string", b"")
    keyring = scope["app"].state.keyring
    return Asked(
        address=address,
        is_short=is_short,
        method=scope["method"],
        path=path,
        request_id=request_id_of(dict(headers)),
        reference=keyring.reference("address\n" + target.decode("latin-1")).hex(),
        consent_reference=consent_reference(headers, keyring.reference),
    )


async def _refuse(  # noqa: PLR0913, PLR0917  ASGI's three, and what is answered
    scope: Scope,
    receive: Receive,
    send: Send,
    asked: Asked,
    problem: Problem,
    promised: str | None = None,
) -> None:
    response = problem_response(problem, problem.status, asked.request_id)
    response.headers["X-Request-Id"] = asked.request_id
    if promised:
        response.headers[promises.HEADER] = promised
    await response(scope, receive, send)


@dataclass(slots=True)
class _Exchange:
    """One exchange, from its request's entry in the log to its answer's."""

    state: State
    configuration: Configuration
    asked: Asked
    scope: Scope
    began: float = field(default_factory=time.monotonic)
    begun: list[asyncio.Future[Sealed]] = field(default_factory=list[asyncio.Future[Sealed]])
    """The entries of this exchange: the request's, and then its answer's or refusal's."""

    async def serve(self, receive: Receive, send: Send) -> None:
        who: Identified | None = None
        try:
            who = await self._identify()
            admitted = service.admit(self.configuration, who, self.asked)
        except Problem as problem:
            await self._refused(who, problem, receive, send)
            return
        admitted = await service.with_operation(admitted, self.asked, self.state.providers)
        entry = service.request_entry(self.asked, admitted)
        noted = self._begin(entry)
        try:
            if self.asked.method not in SAFE:  # nothing is done that is not in the log
                await asyncio.shield(noted)
            await self._pass(admitted, noted, receive, send)
        except Problem as problem:
            await self.refuse(problem, receive, send)
        finally:
            await asyncio.gather(noted, return_exceptions=True)

    async def refuse(self, problem: Problem, receive: Receive, send: Send) -> None:
        """Answer with a problem, and with a promise of what was written."""
        await _refuse(self.scope, receive, send, self.asked, problem, self._promise())

    def _begin(self, entry: Entry) -> asyncio.Future[Sealed]:
        noted: asyncio.Future[Sealed] = self.state.ledger.begin(entry)
        self.begun.append(noted)
        return noted

    def _promise(self) -> str | None:
        """Promise those entries that are durable by now; None when none is."""
        ended = (noted for noted in self.begun if noted.done() and not noted.cancelled())
        written = [noted.result() for noted in ended if noted.exception() is None]
        signer, block = self.state.evidence_signer, self.state.block
        return promises.promise(signer, block, written) if written else None

    async def _identify(self) -> Identified | None:
        identity: Identity = self.state.identity
        return await identity.identify(self.configuration, identity.arrived(self.scope))

    async def _refused(
        self, who: Identified | None, problem: Problem, receive: Receive, send: Send
    ) -> None:
        known = self.configuration.services
        if self.asked.is_short:
            address = self.configuration.short_forms[self.asked.address].address
        else:
            address = self.asked.address if self.asked.address in known else ""
        entries = service.refused_entries(self.asked, who, problem, address)
        identity: Identity = self.state.identity
        client, request_id = who.client if who else None, self.asked.request_id
        told = self.configuration, client
        identity.tell(problem, self.scope, *told, request_id=request_id, about=address)
        try:
            await asyncio.gather(*(self._begin(entry) for entry in entries))
        except Problem as unlogged:
            problem = unlogged
        await self.refuse(problem, receive, send)

    async def _pass(
        self, admitted: Admitted, noted: asyncio.Future[Sealed], receive: Receive, send: Send
    ) -> None:
        async def provider(scope: Scope, receive: Receive, send: Send) -> None:
            found: ASGIApp = self.state.providers.find(admitted.service.service_url)
            await found(scope, receive, send)

        async def before_first() -> None:
            await (noted if noted.done() else asyncio.shield(noted))

        async def before_last() -> None:
            await self._note_answer(admitted, passage, None)

        def head(message: Message) -> Message:
            given, request_id = message.get("headers", []), self.asked.request_id
            from_block = admitted.service.block is not None
            headers = returned(given, request_id, self._promise(), from_block=from_block)
            return {**message, "headers": headers}

        turns = Turns(before_first, before_last, head)
        idle: float = self.state.settings.idle_timeout
        passage = Passage(receive, send, idle, turns)
        failure = await passage.run(
            provider, self._scope_for(admitted), with_body=has_body(self.scope["headers"])
        )
        if failure:
            await self._failed(admitted, passage, failure)

    async def _failed(self, admitted: Admitted, passage: Passage, failure: str) -> None:
        """Log why there is no whole answer; raise what to answer if nothing of one has left."""
        try:
            await self._note_answer(admitted, passage, failure)
        except Problem:
            failure = UNLOGGED
        if passage.left or failure == GONE:
            _log.warning("%s", failure, extra={"request_id": self.asked.request_id})
            return  # the server closes the connection: half an answer is never completed
        raise LogUnavailable if failure == UNLOGGED else ProviderUnavailable(failure)

    async def _note_answer(self, admitted: Admitted, passage: Passage, failure: str | None) -> None:
        outcome = {
            "durationMs": int((time.monotonic() - self.began) * 1000),
            **passage.request.facts("request"),
            **passage.answer.facts("answer"),
        }
        if passage.status:
            outcome["status"] = passage.status
        if passage.status in _SUCCESS and (passage.left or not failure):
            outcome |= transmissions.facts(passage.headers)
        if failure:
            outcome["failure"] = failure
        await self._begin(service.answer_entry(self.asked, admitted, outcome))

    def _scope_for(self, admitted: Admitted) -> Scope:
        """Return the request as the provider gets it: the same, but for who is asking."""
        more = {"X-Request-Id": self.asked.request_id}
        if admitted.who.application:
            more["Information-Mediator-Client"] = admitted.who.client
            more["X-GovStack-Client"] = admitted.who.client
        block, handed = admitted.service.block, dict[str, Caller]()
        if block:
            caller = admitted.caller(self.configuration, self.asked.request_id)
            if self.state.providers.is_inside(block):
                handed[IN_PROCESS] = caller
            else:
                more[HEADER] = self.state.signer.sign(block, caller)
        path = self.asked.path or (b"/" if block else b"")
        same = ("type", "asgi", "http_version", "method", "scheme", "server", "client")
        return {
            **{name: self.scope[name] for name in same if name in self.scope},
            **handed,
            "root_path": "",
            "path": self.asked.decoded_path or "/",
            "raw_path": path,
            "query_string": self.scope.get("query_string", b""),
            "headers": forwarded(self.scope["headers"], more),
        }
