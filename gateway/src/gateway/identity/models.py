"""What a request says about who sends it, and what of that can be believed."""

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OKPKey

from gateway.configuration.models import Application
from kit.access import ADMINISTRATOR, ANONYMOUS
from kit.problems import Forbidden, Invalid, Problem, Unauthenticated

TOKEN_LIFE = 600
TOKEN_TYPE = "at+jwt"  # noqa: S105  RFC 9068
CLIENT_HEADERS = (b"x-govstack-client", b"information-mediator-client", b"x-road-client")
KEY_HEADERS = (b"apikey", b"api_key")
READER_HEADER = b"x-road-userid"
_LONGEST_READER = 200
_ADDRESS_PARTS = 4
_UNREADABLE = (JoseError, ValueError, TypeError, RecursionError)
"""What reading a stranger's token raises: a header may hold anything, nested to any depth."""
_PERSON_ALGORITHMS = ("RS256", "PS256", "ES256", "ES384", "EdDSA", "Ed25519")


class CredentialsRefused(Unauthenticated):
    """A key or token that is presented is not one that counts now."""

    title = "The credentials do not count"

    def __init__(self, detail: str = "", *, is_guess: bool = False) -> None:
        super().__init__(detail)
        self.is_guess = is_guess
        """Whether it may have been a guess: then it is counted for where it came from."""


class CredentialsMissing(Unauthenticated):
    """Nobody the gateway knows is asking."""

    title = "Credentials are missing"


class ClientUnknown(Forbidden):
    """The client that the request names is not registered."""

    title = "The client is not registered"


class ClientMismatch(Forbidden):
    """The credentials belong to another application than the client the request names."""

    title = "The credentials belong to another client"


class ReaderRefused(Invalid):
    """The person an application names as its reader cannot be kept."""

    title = "The reader is not valid"


class HeadersDisagree(Invalid):
    """The same thing is said twice, differently."""

    title = "Headers disagree"


class ScopeMissing(Forbidden):
    """The caller is known and lacks the scope this operation needs."""

    title = "The scope is missing"


class ScopeUnproven(Unauthenticated):
    """As ScopeMissing, where the published contract answers 401 (access rights)."""

    title = "The caller does not have the necessary permissions"


class TokenRefused(Problem):
    """A token request that fails, as RFC 6749 section 5.2 says it."""

    status = 400
    title = "No token"

    def __init__(self, error: str, detail: str = "", *, unauthenticated: bool = False) -> None:
        super().__init__(detail)
        self.error = error
        self.unauthenticated = unauthenticated


@dataclass(frozen=True, slots=True)
class Presented:
    """What a request presents about its sender; nothing of it is believed yet."""

    bearer: str | None = None
    api_key: str | None = None
    client: str | None = None
    reader: str | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """A signed-in person, as the issuer names them, and whom they speak for if for another."""

    id: str
    name: str | None = None
    roles: frozenset[str] = frozenset()
    represents: str | None = None


@dataclass(frozen=True, slots=True)
class Identified:
    """Who is asking, proven.

    ``client`` is the application's address, ``anonymous``, or the administrator's own id when an
    administrator names no application; ``administrator`` is who acts with all powers, if anybody.
    """

    client: str = ANONYMOUS
    application: Application | None = None
    person: Person | None = None
    reader: str | None = None
    administrator: str | None = None

    @property
    def member(self) -> str | None:
        """Return the client's member, None when the client is not an application."""
        return self.application.member if self.application else None

    @property
    def roles(self) -> frozenset[str]:
        """Return the roles a provider is told."""
        roles = self.person.roles if self.person else frozenset[str]()
        return roles | {ADMINISTRATOR} if self.administrator else roles


def presented(headers: Iterable[tuple[bytes, bytes]]) -> Presented:
    """Read what a request presents; raise HeadersDisagree, ReaderRefused or CredentialsRefused."""
    said: dict[bytes, set[str]] = {}
    for name, value in headers:
        said.setdefault(name, set()).add(value.decode("latin-1").strip())
    bearer, key = _authorization(_one(said, (b"authorization",)))
    header_key = _one(said, KEY_HEADERS)
    if key and header_key and key != header_key:
        raise HeadersDisagree("two different API keys are presented")
    reader = _one(said, (READER_HEADER,))
    if reader and len(reader) > _LONGEST_READER:
        raise ReaderRefused(f"{READER_HEADER.decode()} has at most {_LONGEST_READER} characters")
    return Presented(bearer, header_key or key, _one(said, CLIENT_HEADERS), reader)


def _one(said: Mapping[bytes, set[str]], names: Sequence[bytes]) -> str | None:
    """Return the one value that headers of these names have, None when there is none."""
    values = {value for name in names for value in said.get(name, ()) if value}
    if len(values) > 1:
        raise HeadersDisagree(f"{names[0].decode()} is given more than one value")
    return values.pop() if values else None


def _authorization(value: str | None) -> tuple[str | None, str | None]:
    """Return the bearer token and the API key that ``Authorization`` holds."""
    if value is None:
        return None, None
    scheme, _, rest = value.partition(" ")
    if not rest:
        return None, value  # the registry's contract puts the bare key here
    if scheme.lower() == "bearer":
        return rest.strip(), None
    if scheme.lower() == "apikey":
        return None, rest.strip()
    raise CredentialsRefused("the scheme of Authorization is not one of Bearer and ApiKey")


def is_address(text: str) -> bool:
    """Tell whether text has the four parts of an application's address."""
    parts = text.split("/")
    return len(parts) == _ADDRESS_PARTS and all(parts)


def issue(key: OKPKey, issuer: str, client: str, bound: "Bound", now: float) -> str:
    """Sign a client's token for ten minutes; it dies with what it was got with."""
    claims: dict[str, Any] = {
        "iss": issuer,
        "aud": issuer,
        "sub": client,
        "client_id": client,
        "iat": int(now),
        "exp": int(now) + TOKEN_LIFE,
        "secret": bound.secret,
    }
    if bound.certificate:
        claims["cnf"] = {"x5t#S256": bound.certificate}  # RFC 8705 section 3.1
    header = {"alg": "Ed25519", "kid": key.kid, "typ": TOKEN_TYPE}
    return jwt.encode(header, claims, key, algorithms=["Ed25519"])


@dataclass(frozen=True, slots=True)
class Bound:
    """What a token of ours is bound to: the secret it was got with, or a certificate."""

    secret: str = ""
    certificate: str = ""


@dataclass(frozen=True, slots=True)
class Own:
    """A token of ours, verified: whose, until when, and what it is bound to."""

    client: str
    until: float
    bound: Bound


def header_of(token: str) -> Mapping[str, Any]:
    """Return a token's unproven header; empty when it is none."""
    try:
        found: object = json.loads(_decoded(token.partition(".")[0]))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def read_own(key: OKPKey, issuer: str, token: str, now: float) -> Own:
    """Return what a token of ours says, or raise CredentialsRefused."""
    try:
        read = jwt.decode(token, key, algorithms=["Ed25519"])
    except _UNREADABLE as error:
        raise CredentialsRefused("the token is not valid", is_guess=True) from error
    claims = read.claims
    if read.header.get("typ") != TOKEN_TYPE or claims.get("iss") != issuer:
        raise CredentialsRefused("the token is not one for this gateway")
    until = _time(claims, "exp", 0)
    if claims.get("aud") != issuer or now >= until:
        raise CredentialsRefused("the token has expired")
    certificate = claims.get("cnf", {}).get("x5t#S256", "")
    return Own(str(claims.get("client_id")), until, Bound(str(claims.get("secret")), certificate))


@dataclass(frozen=True, slots=True)
class Issuer:
    """Whose tokens name persons, and how they are read; ``skew`` is in seconds."""

    name: str
    audience: str
    jwks_url: str = ""
    jwks: str = ""
    makes_administrators: bool = False
    skew: float = 60.0
    represents: str = "represents"
    """The claim that names whom a person speaks for, such as a child its guardian speaks for."""


def read_person(keys: KeySet, issuer: Issuer, token: str, now: float) -> tuple[Person, float]:
    """Return the person a token names and until when, or raise CredentialsRefused."""
    try:
        claims = jwt.decode(token, keys, algorithms=_PERSON_ALGORITHMS).claims
    except _UNREADABLE as error:
        raise CredentialsRefused("the token is not valid", is_guess=True) from error
    heard = claims.get("aud")
    audiences: list[Any] = heard if isinstance(heard, list) else [heard]
    if claims.get("iss") != issuer.name or issuer.audience not in audiences:
        raise CredentialsRefused("the token is not one for this gateway")
    until = _time(claims, "exp", 0) + issuer.skew
    if not _time(claims, "nbf", 0) - issuer.skew <= now < until:
        raise CredentialsRefused("the token has expired")
    return _person(claims, issuer), until


def _person(claims: Mapping[str, Any], issuer: Issuer) -> Person:
    subject, name, roles = claims.get("sub"), claims.get("name"), claims.get("roles")
    if not isinstance(subject, str) or not subject:
        raise CredentialsRefused("the token names nobody")
    represents = claims.get(issuer.represents) if issuer.represents else None
    if represents is not None and (not isinstance(represents, str) or not represents):
        raise CredentialsRefused("the token does not name whom the person represents")
    held = frozenset(map(str, roles)) if isinstance(roles, list) else frozenset[str]()
    if not issuer.makes_administrators:
        held -= {ADMINISTRATOR}
    return Person(subject, name if isinstance(name, str) else None, held, represents)


def _time(claims: Mapping[str, Any], name: str, default: float) -> float:
    value = claims.get(name, default)
    return float(value) if isinstance(value, int | float) else 0.0
