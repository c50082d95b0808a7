"""Find out who is asking: once, at the edge."""

import asyncio
import hmac
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OKPKey

from gateway.arrivals.models import (
    Arrival,
    Certificate,
    Networks,
    Proxies,
    arrived,
    is_in,
    read_certificate,
)
from gateway.attempts.models import Event, SourceHeld
from gateway.attempts.service import Attempts
from gateway.configuration.models import BY_CERTIFICATE, Application, Configuration
from gateway.identity.models import (
    CLIENT_HEADERS,
    Bound,
    ClientMismatch,
    ClientUnknown,
    CredentialsMissing,
    CredentialsRefused,
    Identified,
    Issuer,
    Own,
    Person,
    Presented,
    TokenRefused,
    header_of,
    issue,
    presented,
    read_own,
    read_person,
)
from gateway.keys.models import is_unguessable
from kit.access import ADMINISTRATOR, AssertionRefused, keep
from kit.problems import Forbidden, Problem, Unauthenticated, Unavailable
from kit.sealing import Keyring

_REREAD = 10.0
_RENEW = 600.0
_PATIENCE = 5.0  # seconds for the issuer to give its keys
_FINGERPRINT = 16
Fetch = Callable[[str], Awaitable[tuple[int, bytes]]]


class IssuerUnavailable(Unavailable):
    """The persons' issuer does not give its keys."""

    title = "The issuer's keys cannot be read"


class Persons:
    """Reads persons' tokens; the issuer's keys are kept, and read again when one is unknown.

    They are also read again, beside the requests, once they are ``renew`` seconds old: a key the
    issuer has given up counts no longer. While the issuer is away the keys it had count on.
    """

    def __init__(
        self, issuer: Issuer, fetch: Fetch, reread: float = _REREAD, renew: float = _RENEW
    ) -> None:
        self.issuer = issuer
        self._reread, self._renew = reread, renew
        self._fetch = fetch
        self._keys = KeySet.import_key_set(json.loads(issuer.jwks)) if issuer.jwks else None
        self._read_at = -renew
        self._lock = asyncio.Lock()
        self._renewing: asyncio.Task[None] | None = None
        self._kept: dict[str, tuple[Person, float]] = {}

    async def read(self, token: str, now: float) -> Person:
        """Return the person a token names, or raise CredentialsRefused or IssuerUnavailable."""
        if self._keys and self.issuer.jwks_url and self._is_older_than(self._renew):
            self._renew_beside()
        kept = self._kept.get(token)
        if kept and now < kept[1]:
            return kept[0]
        if not self.issuer.name:
            raise CredentialsRefused("no person can sign in here")
        keys = await self._keys_for(header_of(token).get("kid"))
        found = read_person(keys, self.issuer, token, now)
        keep(self._kept, token, found)
        return found[0]

    async def _keys_for(self, kid: object) -> KeySet:
        if self._keys is None or kid not in [key.kid for key in self._keys.keys]:
            async with self._lock:
                if self.issuer.jwks_url and self._is_older_than(self._reread):
                    await self._read_keys()
        if self._keys is None:
            raise IssuerUnavailable("they are read again in a few seconds")
        return self._keys

    def _is_older_than(self, seconds: float) -> bool:
        return time.monotonic() - self._read_at >= seconds

    def _renew_beside(self) -> None:
        if self._renewing is None or self._renewing.done():
            self._read_at = time.monotonic()
            self._renewing = asyncio.create_task(self._read_keys())

    async def _read_keys(self) -> None:
        """Read the issuer's keys; what was kept about tokens may stand on a key that is gone."""
        self._read_at = time.monotonic()
        try:
            async with asyncio.timeout(_PATIENCE):
                _, body = await self._fetch(self.issuer.jwks_url)
            self._keys = KeySet.import_key_set(json.loads(body))
        except (Unavailable, TimeoutError, ValueError, KeyError, JoseError):
            return
        self._kept.clear()


@dataclass(slots=True)
class Identity:
    """What is needed to tell who is asking; one per process."""

    key: OKPKey
    issuer: str
    keyring: Keyring
    persons: Persons
    attempts: Attempts
    trusted_networks: Networks = ()
    proxies: Proxies = field(default_factory=Proxies)
    administrator_id: str = ""
    administrator_secret: str = ""
    kept: dict[str, Own] = field(default_factory=dict[str, Own])
    certificates: dict[bytes, Certificate] = field(default_factory=dict[bytes, Certificate])

    def arrived(self, scope: Mapping[str, Any]) -> Arrival:
        """Return a request (an ASGI scope) as it arrives."""
        return arrived(scope, self.proxies)

    # -- secrets ---------------------------------------------------------------------------

    def digest_of_secret(self, application: str, secret: str) -> bytes:
        """Return what is kept of an application's secret: a digest keyed by the sealing key."""
        return self.keyring.reference(f"client secret\n{application}\n{secret}")

    def digest_of_key(self, key: str) -> bytes:
        """Return what is kept of an API key: a digest keyed by the sealing key."""
        return self.keyring.reference(f"api key\n{key}")

    def is_client(self, configuration: Configuration, client: str) -> bool:
        """Tell whether this is the name of an application or of the administrator."""
        return client in configuration.applications or (
            bool(self.administrator_id) and client == self.administrator_id
        )

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

    async def token(
        self, configuration: Configuration, client: str, secrets: Sequence[str], arrival: Arrival
    ) -> str:
        """Return a client's token, bound to its secret or to its certificate (RFC 8705).

        ``secrets`` are the possible readings of one. Raises TokenRefused or SourceHeld.
        """
        application = configuration.applications.get(client)
        if application and application.connection == BY_CERTIFICATE:
            bound = Bound(certificate=self._thumbprint(configuration, application, arrival))
        else:
            bound = Bound(secret=await self._proven_secret(configuration, client, secrets, arrival))
        return issue(self.key, self.issuer, client, bound, time.time())

    async def _proven_secret(
        self, configuration: Configuration, client: str, secrets: Sequence[str], arrival: Arrival
    ) -> str:
        self.attempts.check(arrival.host, client)
        expected = self.secret_of(configuration, client)
        other = self.digest_of_secret("", "nobody")
        known = [
            hmac.compare_digest(self.digest_of_secret(client, secret), expected or other)
            for secret in secrets
        ]
        if any(known) and expected is not None:
            return expected.hex()[:_FINGERPRINT]
        if secrets:
            await self.attempts.failed(arrival.host, client)
        raise TokenRefused("invalid_client", "unknown client or secret", unauthenticated=True)

    def _thumbprint(
        self, configuration: Configuration, application: Application, arrival: Arrival
    ) -> str:
        try:
            proven = self._by_certificate(configuration, arrival)
            if proven == application and arrival.certificate:
                return self.certificates[arrival.certificate].thumbprint
        except CredentialsRefused:
            pass
        message = "come with the certificate that is registered"
        raise TokenRefused("invalid_client", message, unauthenticated=True)

    def _holder(self, configuration: Configuration, token: str, arrival: Arrival) -> str:
        """Return the client a token of ours was issued to, if it still counts and comes from it."""
        now = time.time()
        kept = self.kept.get(token)
        if kept is None or now >= kept.until:
            kept = read_own(self.key, self.issuer, token, now)
            keep(self.kept, token, kept)
        if kept.bound.certificate:
            if kept.bound.certificate != self._certificate(arrival).thumbprint:
                raise CredentialsRefused("the token is bound to another certificate")
            return kept.client
        secret = self.secret_of(configuration, kept.client)
        if secret is None or not hmac.compare_digest(
            secret.hex()[:_FINGERPRINT], kept.bound.secret
        ):
            raise CredentialsRefused("the token was withdrawn")
        return kept.client

    # -- who is asking ---------------------------------------------------------------------

    async def identify(self, configuration: Configuration, arrival: Arrival) -> Identified | None:
        """Return who sends a request, None when it says nothing and its network is not trusted.

        Raises HeadersDisagree, CredentialsRefused, ClientUnknown, ClientMismatch or SourceHeld.
        """
        try:
            return await self._identify(configuration, arrival)
        except CredentialsRefused as refused:
            if refused.is_guess:
                await self.attempts.failed(arrival.host)
            raise

    async def _identify(self, configuration: Configuration, arrival: Arrival) -> Identified | None:
        said = presented(arrival.headers)
        proven, person, administrator = await self._proven(configuration, arrival, said)
        found = Identified(person=person, reader=said.reader, administrator=administrator)
        if administrator:
            named = said.client or (proven.address if proven else None)
            return _acting(configuration, found, named)
        if proven:
            if said.client not in (None, proven.address):
                raise ClientMismatch("the client header names another application")
            return replace(found, client=proven.address, application=proven)
        trusted = is_in(self.trusted_networks, arrival.host)
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
        self, configuration: Configuration, arrival: Arrival, said: Presented
    ) -> tuple[Application | None, Person | None, str | None]:
        """Return the application, the person and the administrator that credentials prove."""
        certified = (
            None if arrival.certificate is None else self._by_certificate(configuration, arrival)
        )
        keyed = self._by_key(configuration, said.api_key, arrival) if said.api_key else None
        application = _one(certified, keyed)
        person, administrator = None, None
        if said.bearer is not None:
            if header_of(said.bearer).get("kid") != self.key.kid:
                person = await self.persons.read(said.bearer, time.time())
                administrator = ADMINISTRATOR if ADMINISTRATOR in person.roles else None
            else:
                client = self._holder(configuration, said.bearer, arrival)
                if client == self.administrator_id:
                    return None, None, client
                application = _one(application, _named(configuration, client))
        if application and application.connection == BY_CERTIFICATE and not certified:
            raise CredentialsRefused("this application proves itself by its certificate")
        return application, person, administrator

    def _by_key(self, configuration: Configuration, api_key: str, arrival: Arrival) -> Application:
        if not is_unguessable(api_key):
            self.attempts.check(arrival.host)
        key = configuration.keys.get(self.digest_of_key(api_key))
        if key is None:
            raise CredentialsRefused("the API key is not one that counts", is_guess=True)
        if not key.counts_at(datetime.now(UTC)):
            raise CredentialsRefused("the API key is not one that counts")
        return configuration.applications[key.application]

    def _by_certificate(self, configuration: Configuration, arrival: Arrival) -> Application | None:
        """Return the application a certificate is registered for, None when it is for none."""
        found = self._certificate(arrival)
        application = configuration.certified(found.sha256, found.subject, found.issuer)
        if application and not found.counts_at(datetime.now(UTC)):
            raise CredentialsRefused("the client's certificate has expired")
        return application

    def _certificate(self, arrival: Arrival) -> Certificate:
        if arrival.certificate is None:
            raise CredentialsRefused("the client's certificate is missing")
        kept = self.certificates.get(arrival.certificate)
        if kept is None:
            try:
                kept = read_certificate(arrival.certificate)
            except ValueError as error:
                raise CredentialsRefused("the client's certificate cannot be read") from error
            keep(self.certificates, arrival.certificate, kept)
        return kept

    # -- who was turned away ---------------------------------------------------------------

    def tell(  # noqa: PLR0913  what one line says
        self,
        problem: Problem,
        scope: Mapping[str, Any],
        configuration: Configuration | None,
        client: str | None,
        *,
        request_id: str,
        about: str = "",
    ) -> None:
        """Tell who watches that a request was turned away for who sent it.

        ``client`` is who was proven; else a registered application that the request names.
        """
        event = _event(problem)
        if event is None:
            return
        arrival = self.arrived(scope)
        self.attempts.tell(
            event,
            arrival.host,
            requestId=request_id,
            client=client or _claimed(configuration, arrival),
            about=about,
            reason=type(problem).title,
        )


_EVENTS: Mapping[type[Problem], Event] = {
    SourceHeld: Event.SOURCE_REFUSED,
    CredentialsMissing: Event.CREDENTIALS_MISSING,
    AssertionRefused: Event.CREDENTIALS_MISSING,
    CredentialsRefused: Event.CREDENTIALS_REFUSED,
    ClientUnknown: Event.CLIENT_UNKNOWN,
    ClientMismatch: Event.CLIENT_MISMATCH,
    TokenRefused: Event.TOKEN_REFUSED,
    Forbidden: Event.RIGHT_MISSING,
    Unauthenticated: Event.RIGHT_MISSING,  # where a contract answers a missing right with 401
}
"""What a refusal is called, the closest kind first."""


def _event(problem: Problem) -> Event | None:
    return next((event for kind, event in _EVENTS.items() if isinstance(problem, kind)), None)


def _claimed(configuration: Configuration | None, arrival: Arrival) -> str | None:
    """Return the registered application a client header names; nothing a stranger made up."""
    named = {value.decode("latin-1") for n, value in arrival.headers if n in CLIENT_HEADERS}
    known = named & set(configuration.applications) if configuration else set[str]()
    return min(known, default=None)


def _one(one: Application | None, other: Application | None) -> Application | None:
    if one and other and one != other:
        raise ClientMismatch("the credentials belong to different applications")
    return one or other


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
