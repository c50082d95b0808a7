"""Tokens for applications, the gateway's public keys, and the doors of its own routes."""

import base64
import binascii
from collections.abc import Callable
from typing import Annotated, Any, cast
from urllib.parse import parse_qs, unquote_plus

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse

from gateway.attempts.models import SourceHeld
from gateway.configuration.models import EVERYTHING, member_of
from gateway.identity import service
from gateway.identity.models import (
    TOKEN_LIFE,
    CredentialsMissing,
    Identified,
    ScopeMissing,
    ScopeUnproven,
    TokenRefused,
)
from gateway.identity.schemas import PublicKeys, TokenAnswer, TokenError
from kit.access import ANONYMOUS, Caller, Gate
from kit.evidence import Entry
from kit.problems import Problem
from kit.web import Evidence, may_answer

router = APIRouter(tags=["identity"])
ANYBODY = frozenset({"directory"})
"""Scopes of everybody whom the gateway serves at all."""
_PROBLEM = {
    "application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}
}
"""What an address that is no text is told, where OAuth2 has words of its own for the rest."""

APPLICATIONS = ANYBODY | {"events", "messagelog"}
"""Scopes that every registered application has."""


async def identify(request: Request) -> Caller | None:
    """Return who calls one of the gateway's own routes, None when nobody it serves."""
    state = request.app.state
    configuration = await state.book.current(state.database)
    identity: service.Identity = state.identity
    who = await identity.identify(configuration, identity.arrived(request.scope))
    if who is None:
        return None
    member = configuration.members.get(who.member or "")
    return Caller(
        client=who.client,
        tenant=who.member or "",
        scopes=_scopes(who),
        person=who.person.id if who.person else None,
        person_name=who.person.name if who.person else None,
        roles=who.roles,
        represents=who.person.represents if who.person else None,
        reader=who.reader,
        client_name=who.application.name if who.application else None,
        member_name=member.name if member else None,
        request_id=getattr(request.state, "request_id", ""),
    )


def _scopes(who: Identified) -> frozenset[str]:
    if who.administrator:
        return EVERYTHING
    if who.application:
        return APPLICATIONS | frozenset(who.application.scopes)
    return ANYBODY


class Door(Gate):
    """The door of a route of the gateway's own; who is turned away is in the log."""

    def __init__(self, scope: str | None, missing: type[Problem] = ScopeMissing) -> None:
        super().__init__(*([scope] if scope else []))
        self._scope = scope
        self._missing = missing

    async def __call__(self, request: Request) -> Caller:
        """Return the caller; raise what identification raises, or that the scope is missing."""
        if self._scope is None:
            return Caller(ANONYMOUS, "")
        return await super().__call__(request)

    def admit(self, caller: Caller | None) -> Caller:
        """Return who may pass, or raise CredentialsMissing or that the scope is missing."""
        if caller is None:
            raise CredentialsMissing("present a token or an API key")
        if self._scope and not caller.may(self._scope):
            raise self._missing(f"the scope {self._scope} is missing")
        return caller


async def note_refusal(
    request: Request, caller: Caller | None, scopes: tuple[str, ...], problem: Problem
) -> None:
    """Write down who is turned away from a route of the gateway's own, and tell who watches."""
    facts = {
        "operation": request.scope["route"].name,
        "scope": " or ".join(scopes),
        "reason": type(problem).title,
        "requestId": getattr(request.state, "request_id", ""),
    }
    actor = caller.client if caller else ANONYMOUS
    await _tell(request, problem, caller.client if caller else None, facts["operation"])
    await request.app.state.ledger.note(Entry("access.refused", actor, facts=facts))


async def _tell(request: Request, problem: Problem, client: str | None, about: str) -> None:
    state = request.app.state
    identity: service.Identity = state.identity
    configuration = await state.book.current(state.database)
    request_id = getattr(request.state, "request_id", "")
    identity.tell(problem, request.scope, configuration, client, request_id=request_id, about=about)


def admits(scope: str, missing: type[Problem] = ScopeMissing) -> Any:
    """Admit callers that have ``scope``; ``missing`` is what the others are told."""
    door: Callable[..., Any] = Door(scope, missing)
    return Depends(door)


def admits_all() -> Any:
    """Admit anybody, unasked."""
    door: Callable[..., Any] = Door(None)
    return Depends(door)


def rights_scope(scope: str) -> Any:
    """Admit callers that have ``scope``; the published contract answers others with 401."""
    return admits(scope, ScopeUnproven)


@router.post(
    "/oauth2/token",
    response_model=TokenAnswer,
    responses={
        400: {"model": TokenError, "content": _PROBLEM},
        401: {"model": TokenError},
        **may_answer(SourceHeld),
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/x-www-form-urlencoded": {
                    "schema": {
                        "type": "object",
                        "required": ["grant_type"],
                        "properties": {
                            "grant_type": {"type": "string", "enum": ["client_credentials"]},
                            "client_id": {"type": "string"},
                            "client_secret": {"type": "string"},
                        },
                    }
                }
            },
        }
    },
)
async def token(
    request: Request, ledger: Evidence, _caller: Annotated[Caller, admits_all()]
) -> Response:
    """Give an application a token for its secret (RFC 6749 section 4.4)."""
    state = request.app.state
    configuration = await state.book.current(state.database)
    identity: service.Identity = state.identity
    client = ""
    try:
        client, *secrets = await _credentials(request)
        arrival = identity.arrived(request.scope)
        issued = await identity.token(configuration, client, secrets, arrival)
    except (TokenRefused, SourceHeld) as problem:
        known = client if identity.is_client(configuration, client) else None
        error = problem.error if isinstance(problem, TokenRefused) else type(problem).title
        facts = {"error": error, "requestId": request.state.request_id}
        tenant = member_of(known or "")
        await ledger.note(Entry("token.refused", known or ANONYMOUS, facts=facts, tenant=tenant))
        if not isinstance(problem, TokenRefused):
            await _tell(request, problem, known, "token")
            raise
        if problem.unauthenticated:
            await _tell(request, problem, known, "token")
        return _refusal(problem)
    facts = {"requestId": request.state.request_id}
    await ledger.note(Entry("token.issued", client, facts=facts, tenant=member_of(client)))
    answer = TokenAnswer(access_token=issued, token_type="Bearer", expires_in=TOKEN_LIFE)  # noqa: S106  the type
    return JSONResponse(answer.model_dump(), headers={"Cache-Control": "no-store"})


def _refusal(refused: TokenRefused) -> JSONResponse:
    body = TokenError(error=refused.error, error_description=refused.detail or None)
    headers = {"Cache-Control": "no-store"}
    if refused.unauthenticated:
        headers["WWW-Authenticate"] = 'Basic realm="clients"'
    status = 401 if refused.unauthenticated else 400
    return JSONResponse(body.model_dump(exclude_none=True), status, headers=headers)


async def _credentials(request: Request) -> list[str]:
    """Return client and possible readings of its secret, or raise TokenRefused."""
    form = _form(request, await request.body())
    if form.get("grant_type") != "client_credentials":
        error = "unsupported_grant_type" if "grant_type" in form else "invalid_request"
        raise TokenRefused(error, "grant_type is client_credentials here")
    basic = _basic(request.headers.get("authorization"))
    posted = (form.get("client_id", ""), form.get("client_secret", ""))
    if basic and any(posted) and posted[0] not in ("", unquote_plus(basic[0])):
        raise TokenRefused("invalid_request", "two clients are named")
    client, secret = basic or posted
    if not client:
        raise TokenRefused("invalid_client", "no client is named", unauthenticated=True)
    if not secret:  # a certificate may stand for it (RFC 8705 section 2)
        return [unquote_plus(client) if basic else client]
    # RFC 6749 section 2.3.1 form-encodes what Basic carries; many clients do not
    return [unquote_plus(client), secret, unquote_plus(secret)] if basic else [client, secret]


def _form(request: Request, body: bytes) -> dict[str, str]:
    """Return the form's fields; a field sent twice is refused (RFC 6749 section 3.2)."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/x-www-form-urlencoded":
        raise TokenRefused("invalid_request", "send application/x-www-form-urlencoded")
    try:
        fields = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=20)
    except ValueError as error:
        raise TokenRefused("invalid_request", "the form cannot be read") from error
    if any(len(values) > 1 for values in fields.values()):
        raise TokenRefused("invalid_request", "a field is sent twice")
    return {name: values[0] for name, values in fields.items()}


def _basic(header: str | None) -> tuple[str, str] | None:
    scheme, _, rest = (header or "").partition(" ")
    if not header:
        return None
    try:
        if scheme.lower() != "basic":
            raise ValueError  # noqa: TRY301  the same refusal
        client, colon, secret = base64.b64decode(rest, validate=True).decode().partition(":")
    except (ValueError, binascii.Error) as error:
        raise TokenRefused(
            "invalid_client", "Authorization is not Basic", unauthenticated=True
        ) from error
    if not colon:
        raise TokenRefused("invalid_client", "no secret", unauthenticated=True)
    return client, secret


@router.get("/.well-known/jwks.json")
async def jwks(
    request: Request, response: Response, _caller: Annotated[Caller, admits_all()]
) -> PublicKeys:
    """Return the keys that verify the gateway's assertions and tokens (RFC 7517).

    Those with a ``ledger`` verify what its ledger signs, and nothing else.
    """
    response.headers["Cache-Control"] = "public, max-age=300"
    identity: service.Identity = request.app.state.identity
    key = cast("dict[str, Any]", identity.key.as_dict(private=False))
    ledgers = [
        {**each, "ledger": request.app.state.block}
        for each in request.app.state.evidence_signer.public
    ]
    return PublicKeys(keys=[key | {"use": "sig"}, *ledgers])
