"""Find out who is asking: once, at the edge."""

import asyncio
import hmac
import json
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from ipaddress import IPv4Network, IPv6Network

from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OKPKey

from gateway.configuration.models import Application, Configuration
from gateway.identity.models import (
    ClientMismatch,
    ClientUnknown,
    CredentialsMissing,
    CredentialsRefused,
    Identified,
    Person,
    Presented,
    TokenRefused,
    header_of,
    is_in,
    issue,
    presented,
    read_own,
    read_person,
)
from kit.access import ADMINISTRATOR, keep
from kit.problems import Unavailable
from kit.sealing import Keyring

_REREAD = 10.0
_FINGERPRINT = 16
Fetch = Callable[[str], Awaitable[tuple[int, bytes]]]


class IssuerUnavailable(Unavailable):
    """The persons' issuer does not give its keys."""

    title = "The issuer's keys cannot be read"


@dataclass(frozen=True, slots=True)
class Issuer:
    """Whose tokens name persons."""

    name: str
    audience: str
    jwks_url: str = ""
    jwks: str = ""
    makes_administrators: bool = False


class Persons:
    """Reads persons' tokens; the issuer's keys are kept, and read again for an unknown key."""

    def __init__(self, issuer: Issuer, fetch: Fetch, reread: float = _REREAD) -> None:
        self.issuer = issuer
        self._reread = reread
        self._fetch = fetch
        self._keys = KeySet.import_key_set(json.loads(issuer.jwks)) if issuer.jwks else None
        self._read_at = -reread
        self._lock = asyncio.Lock()
        self._kept: dict[str, tuple[Person, float]] = {}

    async def read(self, token: str, now: float) -> Person:
        """Return the person a token names, or raise CredentialsRefused or IssuerUnavailable."""
        kept = self._kept.get(token)
        if kept and now < kept[1]:
            return kept[0]
        if not self.issuer.name:
            raise CredentialsRefused("no person can sign in here")
        keys = await self._keys_for(header_of(token).get("kid"))
        found = read_person(keys, self.issuer.name, self.issuer.audience, token, now)
        if not self.issuer.makes_administrators:
            person = replace(found[0], roles=found[0].roles - {ADMINISTRATOR})
            found = (person, found[1])
        keep(self._kept, token, found)
        return found[0]

    async def _keys_for(self, kid: object) -> KeySet:
        async with self._lock:
            unknown = self._keys is None or kid not in [key.kid for key in self._keys.keys]
            may_ask = time.monotonic() - self._read_at >= self._reread
            if unknown and self.issuer.jwks_url and may_ask:
                self._read_at = time.monotonic()
                self._keys = await self._read_keys() or self._keys
            if self._keys is None:
                raise IssuerUnavailable("they are read again in a few seconds")
            return self._keys

    async def _read_keys(self) -> KeySet | None:
        try:
            _, body = await self._fetch(self.issuer.jwks_url)
            return KeySet.import_key_set(json.loads(body))
        except (Unavailable, ValueError, KeyError, JoseError):
            return None


@dataclass(slots=True)
class Identity:
    """What is needed to tell who is asking; one per process."""

    key: OKPKey
    issuer: str
    keyring: Keyring
    persons: Persons
    trusted_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    administrator_id: str = ""
    administrator_secret: str = ""
    kept: dict[str, tuple[str, str, float]] = field(
        default_factory=dict[str, tuple[str, str, float]]
    )

    # -- secrets ---------------------------------------------------------------------------

    def digest_of_secret(self, application: str, secret: str) -> bytes:
        """Return what is kept of an application's secret: a digest keyed by the sealing key."""
        return self.keyring.reference(f"client secret\n{application}\n{secret}")

    def digest_of_key(self, key: str) -> bytes:
        """Return what is kept of an API key: a digest keyed by the sealing key."""
        return self.keyring.reference(f"api key\n{key}")

    def secret_of(self, configuration: Configuration, client: str) -> bytes | None:
        """Return the digest of the secret that a client must know, None when it has none."""
        if self.administrator_id and client == self.administrator_id:
            return (
                self.digest_of_secret(client, self.administrator_secret)
                if self.administrator_secret
                else None
            )
        application = configuration.applications.get(client)
        return application.secret if application else None

    # -- tokens ----------------------------------------------------------------------------

    def token(self, configuration: Configuration, client: str, secrets: Sequence[str]) -> str:
        """Return a client's token if one of the readings is its secret, or raise TokenRefused."""
        expected = self.secret_of(configuration, client)
        other = self.digest_of_secret("", "nobody")
        known = [
            hmac.compare_digest(self.digest_of_secret(client, secret), expected or other)
            for secret in secrets
        ]
        if not any(known) or expected is None:
            raise TokenRefused("invalid_client", "unknown client or secret", unauthenticated=True)
        return issue(self.key, self.issuer, client, expected.hex()[:_FINGERPRINT], time.time())

    def _client_of(self, configuration: Configuration, token: str) -> str:
        """Return the client a token of ours was issued to; its secret must not have changed."""
        now = time.time()
        kept = self.kept.get(token)
        if kept is None or now >= kept[2]:
            kept = read_own(self.key, self.issuer, token, now)
            keep(self.kept, token, kept)
        secret = self.secret_of(configuration, kept[0])
        if secret is None or not hmac.compare_digest(secret.hex()[:_FINGERPRINT], kept[1]):
            raise CredentialsRefused("the token was withdrawn")
        return kept[0]

    # -- who is asking ---------------------------------------------------------------------

    async def identify(
        self,
        configuration: Configuration,
        headers: Iterable[tuple[bytes, bytes]],
        host: str | None,
    ) -> Identified | None:
        """Return who sends a request, None when it says nothing and its network is not trusted.

        Raises HeadersDisagree, CredentialsRefused, ClientUnknown or ClientMismatch.
        """
        said = presented(headers)
        proven, person, administrator = await self._proven(configuration, said)
        found = Identified(person=person, reader=said.reader, administrator=administrator)
        if administrator:
            named = said.client or (proven.address if proven else None)
            return _acting(configuration, found, named)
        if proven:
            if said.client not in (None, proven.address):
                raise ClientMismatch("the client header names another application")
            return replace(found, client=proven.address, application=proven)
        trusted = is_in(self.trusted_networks, host)
        if said.client is not None:
            application = _named(configuration, said.client)
            if not (trusted and application.needs_no_credentials):
                raise CredentialsRefused("the client header is not proven by credentials")
            return replace(found, client=application.address, application=application)
        return found if trusted else self._stranger(said)

    @staticmethod
    def _stranger(said: Presented) -> None:
        if said.bearer:
            raise CredentialsMissing("a person's token comes with an application's credentials")

    async def _proven(
        self, configuration: Configuration, said: Presented
    ) -> tuple[Application | None, Person | None, str | None]:
        """Return the application, the person and the administrator that credentials prove."""
        application = self._by_key(configuration, said.api_key) if said.api_key else None
        if said.bearer is None:
            return application, None, None
        if header_of(said.bearer).get("kid") != self.key.kid:
            person = await self.persons.read(said.bearer, time.time())
            acting = ADMINISTRATOR in person.roles
            return application, person, ADMINISTRATOR if acting else None
        client = self._client_of(configuration, said.bearer)
        if client == self.administrator_id:
            return None, None, client
        holder = _named(configuration, client)
        if application and application != holder:
            raise ClientMismatch("token and API key belong to different applications")
        return holder, None, None

    def _by_key(self, configuration: Configuration, api_key: str) -> Application:
        key = configuration.keys.get(self.digest_of_key(api_key))
        if key is None or not key.counts_at(datetime.now(UTC)):
            raise CredentialsRefused("the API key is not one that counts")
        return configuration.applications[key.application]


def _named(configuration: Configuration, client: str) -> Application:
    application = configuration.applications.get(client)
    if application is None:
        raise ClientUnknown("the client header names no registered application")
    return application


def _acting(configuration: Configuration, found: Identified, client: str | None) -> Identified:
    """Return an administrator, acting for the application they name if they name one."""
    if client is None:
        return replace(found, client=found.administrator or "")
    application = _named(configuration, client)
    return replace(found, client=application.address, application=application)
