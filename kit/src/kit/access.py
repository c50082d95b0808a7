"""Who is calling, and what they may do.

The gateway identifies client and person once, at its edge, and sends the block a signed assertion
that lives for seconds. A block believes nothing else about identity.
"""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from fastapi import Depends, Request
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OKPKey

from kit.mediator import KeySource
from kit.problems import Forbidden, Problem, Unauthenticated

HEADER = "x-govblocks-assertion"
IN_PROCESS = "govblocks.caller"
"""Where an ASGI scope holds the caller when gateway and block are one process: no client can set
a scope's keys, so nothing need be signed."""
LIFETIME = 30
ANONYMOUS = "anonymous"
ADMINISTRATOR = "administrator"
_SEGMENTS_OF_MEMBER = 3
_MOST_KEPT = 4096
_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Caller:
    """The party behind a request.

    ``client`` is the application, ``INSTANCE/CLASS/MEMBER/APPLICATION``; ``tenant`` the member
    whose objects this request can reach; ``person`` who is signed in, if anybody, and
    ``represents`` whom they speak for when it is not themselves, as a guardian does;
    ``reader`` the person a client names for the log, which grants nothing.
    """

    client: str
    tenant: str
    scopes: frozenset[str] = frozenset()
    person: str | None = None
    person_name: str | None = None
    roles: frozenset[str] = frozenset()
    represents: str | None = None
    reader: str | None = None
    service: str | None = None
    client_name: str | None = None
    member_name: str | None = None
    request_id: str = ""

    @property
    def member(self) -> str:
        """Return the client's member, ``INSTANCE/CLASS/MEMBER``."""
        return "/".join(self.client.split("/")[:_SEGMENTS_OF_MEMBER])

    @property
    def speaks_for(self) -> str | None:
        """Return the person whose affairs the signed-in person sees to: another's, or their own.

        Somebody who speaks for another does not act for themselves in the same request. What is
        logged as having acted is still ``person``.
        """
        return self.represents or self.person

    def may(self, scope: str) -> bool:
        """Tell whether the right behind this call covers a scope; ``*`` covers all."""
        return scope in self.scopes or "*" in self.scopes

    @property
    def is_owner(self) -> bool:
        """Tell whether the client belongs to the member whose objects it reaches."""
        return self.member == self.tenant

    @property
    def is_administrator(self) -> bool:
        """Tell whether an administrator acts here."""
        return ADMINISTRATOR in self.roles


Identify = Callable[[Request], Awaitable[Caller | None]]
"""Finds who is asking; None when the request says nothing about it."""


Refused = Callable[[Request, Caller | None, tuple[str, ...], Problem], Awaitable[None]]
"""Hears of a request that is turned away: who asks if that is known, and the scopes it needs."""


class AssertionRefused(Unauthenticated):
    """The request did not come through the gateway, or too long ago."""

    title = "No valid assertion of the gateway"


class ScopeMissing(Forbidden):
    """The right this call came with does not cover this operation."""

    title = "The right does not cover this"


_OPTIONAL = (
    "person",
    "person_name",
    "represents",
    "reader",
    "service",
    "client_name",
    "member_name",
)


def assertion(key: OKPKey, audience: str, caller: Caller) -> str:
    """Sign what the gateway knows of a caller for one block (``audience``)."""
    claims: dict[str, Any] = {
        "aud": audience,
        "exp": int(time.time()) + LIFETIME,
        "client": caller.client,
        "tenant": caller.tenant,
        "scope": " ".join(sorted(caller.scopes)),
        "roles": sorted(caller.roles),
    }
    claims |= {name: value for name in _OPTIONAL if (value := getattr(caller, name)) is not None}
    return jwt.encode({"alg": "Ed25519", "kid": key.kid}, claims, key, algorithms=["Ed25519"])


def read_assertion(keys: KeySet, audience: str, token: str) -> tuple[Caller, int]:
    """Return the caller a token asserts and until when (seconds), or raise AssertionRefused."""
    try:
        claims = jwt.decode(token, keys, algorithms=["Ed25519"]).claims
    except (JoseError, ValueError) as error:
        raise AssertionRefused from error
    until = int(claims.get("exp", 0))
    if claims.get("aud") != audience or until < time.time():
        raise AssertionRefused
    return _caller(claims), until


def _caller(claims: Mapping[str, Any]) -> Caller:
    optional: dict[str, Any] = {name: claims.get(name) for name in _OPTIONAL}
    return Caller(
        client=claims["client"],
        tenant=claims["tenant"],
        scopes=frozenset(claims["scope"].split()),
        roles=frozenset(claims["roles"]),
        **optional,
    )


class Signer:
    """Signs the gateway's word; the same caller gets the same word for half of its life.

    What a word says does not depend on the request, whose id travels beside it: to sign takes the
    gateway 25 microseconds, to verify takes the block 75 (docs/decisions/0011).
    """

    def __init__(self, key: OKPKey) -> None:
        self._key = key
        self._kept: dict[tuple[str, Caller], tuple[str, float]] = {}

    def sign(self, audience: str, caller: Caller) -> str:
        """Return an assertion about a caller for a block; it counts for ``LIFETIME`` / 2 at least.

        The caller's request id is not part of it.
        """
        about, now = (audience, replace(caller, request_id="")), time.time()
        kept = self._kept.get(about)
        if kept is None or now >= kept[1]:
            kept = assertion(self._key, audience, caller), now + LIFETIME / 2
            keep(self._kept, about, kept)
        return kept[0]


class Verifier:
    """Verifies the gateway's word for one block; the same word is verified once."""

    def __init__(self, keys: KeySource, audience: str) -> None:
        self._keys = keys
        self._audience = audience
        self._kept: dict[str, tuple[Caller, float]] = {}

    async def verify(self, token: str, request_id: str) -> Caller:
        """Return the caller a token asserts, for this request, or raise AssertionRefused."""
        kept = self._kept.get(token)
        if kept is None or time.time() > kept[1]:
            kept = read_assertion(await self._keys.find(), self._audience, token)
            keep(self._kept, token, kept)
        return replace(kept[0], request_id=request_id)


def keep(kept: dict[_Key, _Value], key: _Key, value: _Value) -> None:
    """Remember something; all is forgotten when there is too much of it."""
    if len(kept) >= _MOST_KEPT:
        kept.clear()
    kept[key] = value


async def by_assertion(request: Request) -> Caller | None:
    """Return the caller the gateway asserts, None when the request carries no assertion."""
    handed: Caller | None = request.scope.get(IN_PROCESS)
    if handed is not None:
        return handed
    token = request.headers.get(HEADER)
    if token is None:
        return None
    verifier: Verifier = request.app.state.verifier
    return await verifier.verify(token, request.state.request_id)


class Gate:
    """A route's door: it finds the caller and checks the scope the route declares.

    ``app.state.identify`` finds the caller: by the gateway's assertion in a block, by credentials
    in the gateway itself. ``app.state.refused``, where there is one, hears of who is turned away.
    """

    def __init__(self, *scopes: str) -> None:
        self.scopes = scopes
        """One of these opens the gate; without any it stands open."""

    async def __call__(self, request: Request) -> Caller:
        """Return the caller, or raise what identification or ``admit`` raises."""
        caller: Caller | None = None
        try:
            caller = await request.app.state.identify(request)
            return self.admit(caller)
        except Problem as problem:
            refused: Refused | None = getattr(request.app.state, "refused", None)
            if refused is not None:
                await refused(request, caller, self.scopes, problem)
            raise

    def admit(self, caller: Caller | None) -> Caller:
        """Return who may pass, or raise AssertionRefused or ScopeMissing."""
        if not self.scopes:
            return caller or Caller(ANONYMOUS, "")
        if caller is None:
            raise AssertionRefused("this block is reached through the gateway")
        if not any(caller.may(scope) for scope in self.scopes):
            raise ScopeMissing(f"the scope {' or '.join(self.scopes)} is missing")
        return caller


def requires(*scopes: str) -> Any:
    """Admit callers whose right covers one of ``scopes``."""
    gate: Callable[..., Any] = Gate(*scopes)
    return Depends(gate)


def public() -> Any:
    """Admit anyone, and say so."""
    gate: Callable[..., Any] = Gate()
    return Depends(gate)
