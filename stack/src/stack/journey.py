"""The journey: a mother registers her newborn (GovStack HLTC-1, postpartum and infant care).

Everything goes over HTTP through the gateway, as outside systems would do it, with new people each
time. A step that does not go as promised raises ``JourneyError``.
"""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from kit.evidence import packages, verdicts
from kit.evidence.verdicts import Result, Verdict
from stack.actors import Actor, JourneyError, People, Step, Teller, personal_code, require

HEALTH = "DEV/GOV/10001"
POPULATION = "DEV/GOV/10002"
HEALTH_CENTRE = f"{HEALTH}/health-centre"
POPULATION_OFFICE = f"{POPULATION}/population"
PORTAL = f"{POPULATION}/citizen-portal"
MUNICIPALITY = "DEV/MUN/20001/family-benefits"
INSPECTOR = "DEV/GOV/30001/inspector"
CITIZENS = f"/r1/{POPULATION}/population/registry"
CHILDREN = f"/r1/{HEALTH}/mcts/registry"
ROOM = f"/r1/{POPULATION}/life-events"
CONSENT = "/consent/service"
RECORDS = f"{CONSENT}/individual/record/consent-record"
AGREEMENT = "maternity-care"
POLICY = "maternity-care-policy"
CODE_TYPE = "personal-code"
MIDWIFE = "DEV47001010019"
PORTAL_KEY = "citizen-portal-development-key"  # the demo instance's own, written out there
_DELIVERED_WITHIN = 20.0
_PROVEN_WITHIN = 10.0
_REPORTED_WITHIN = 10.0


class Journey:
    """One telling of the story on a running stack."""

    def __init__(
        self,
        gateway: str,
        mailbox: str,
        client_secrets: Mapping[str, str],
        listen: Callable[[Step], None],
        issuer: str = "",
    ) -> None:
        self._gateway = gateway
        self._mailbox_url = mailbox
        self._issuer_url = issuer or f"{gateway}/issuer"
        self._secrets = client_secrets
        self._teller = Teller(listen)
        self._people = People.invent()
        self._individual = ""
        self._consent: dict[str, Any] = {}
        self._number = ""
        self._read = ""
        self._sent: dict[str, Any] = {}

    @property
    def mother(self) -> str:
        """Return the mother's personal code."""
        return self._people.mother

    async def run(self) -> None:
        """Tell the whole story; raise JourneyError at the first step that fails."""
        async with AsyncExitStack() as stack:
            await self._gather(stack)
            for chapter, steps in (
                ("A mother lives in the country", self._is_registered),
                ("The health centre finds what it may use", self._discovery),
                ("Without her consent nothing is read", self._is_refused_before),
                ("She reads the agreement and signs it", self._consents),
                ("The child is registered", self._child_is_registered),
                ("Others hear of it", self._is_announced),
                ("She gets a confirmation", self._is_confirmed),
                ("She sees who used her data", self._sees_who_read),
                ("She withdraws her consent", self._withdraws),
                ("The auditor looks at what happened", self._audit),
                ("What is refused", self._refusals),
                ("She holds the proof in her own hands", self._holds_proof),
            ):
                self._teller.begin(chapter)
                await steps()

    # -- who takes part ----------------------------------------------------------------------

    async def _gather(self, stack: AsyncExitStack) -> None:
        async def actor(name: str, url: str, **headers: str) -> Actor:
            client = httpx.AsyncClient(base_url=url, headers=headers, timeout=30)
            return Actor(name, await stack.enter_async_context(client), self._teller)

        async def application(name: str, client: str) -> Actor:
            token = await self._client_token(client)
            return await actor(
                name,
                self._gateway,
                **{"X-GovStack-Client": client, "Authorization": f"Bearer {token}"},
            )

        self._health = await application("Health centre", HEALTH_CENTRE)
        self._health.client.headers["X-Road-UserId"] = MIDWIFE
        self._office = await application("Population Office", POPULATION_OFFICE)
        self._town = await application("Municipality", MUNICIPALITY)
        self._auditor = await application("Auditor", INSPECTOR)
        self._mother = await actor(
            "Mother", self._gateway, **{"X-GovStack-Client": PORTAL, "apiKey": PORTAL_KEY}
        )
        self._stranger = await actor(
            "Unknown client", self._gateway, **{"X-GovStack-Client": "DEV/GOV/66666/stranger"}
        )
        self._mailbox = await actor("Mother", self._mailbox_url)

    async def _client_token(self, name: str) -> str:
        async with httpx.AsyncClient(base_url=self._gateway, timeout=10) as client:
            try:
                answer = await client.post(
                    "/oauth2/token",
                    data={"grant_type": "client_credentials"},
                    auth=httpx.BasicAuth(name, self._secrets[name]),
                )
            except httpx.HTTPError as error:
                raise JourneyError(f"no stack answers at {self._gateway}") from error
        require(answer.is_success, f"{name} gets no token: {answer.text[:200]}")
        return str(answer.json()["access_token"])

    # -- the chapters ------------------------------------------------------------------------

    async def _is_registered(self) -> None:
        record = {
            "id": self._people.mother,
            "firstName": self._people.first_name,
            "lastName": self._people.last_name,
            "birthdate": "1994-04-17",
            "address": "Lake Road 12, Lakeside",
            "email": self._people.email,
        }
        await self._office.asks(
            "Registry",
            "enters an inhabitant in its own register",
            "POST /registry/data/citizens/1.0/create",
            _person,
            json={"write": {"content": record}},
        )

    async def _discovery(self) -> None:
        asks, office = self._health.asks, f"/r1/{POPULATION_OFFICE}"
        await asks("Gateway", "asks who is here", "GET /listClients", _members)
        await asks("Gateway", "asks what is offered", f"GET {office}/listMethods", _services)
        await asks("Gateway", "asks what it may use", f"GET {office}/allowedMethods", _services)
        document = await asks(
            "Gateway",
            "reads the service's description",
            f"GET {office}/getOpenAPI?serviceCode=registry",
            lambda body: f"an OpenAPI document of {len(body) // 1024} kB",
        )
        require("openapi" in document, "the description is an OpenAPI document")

    async def _reads_mother(self, what: str, expect: int) -> Any:
        return await self._health.asks(
            "Population register",
            what,
            f"POST {CITIZENS}/data/citizens/1.0/read",
            _person,
            json={"query": {"content": {"id": self._people.mother}}},
            headers={"X-Legal-Basis": "consent"},
            expect=expect,
        )

    async def _is_refused_before(self) -> None:
        await self._reads_mother("tries to read the mother's data", 403)

    async def _consents(self) -> None:
        asks = self._health.asks
        await asks(
            "Consent",
            "shows her the agreement",
            f"GET {CONSENT}/data-agreement/{AGREEMENT}/",
            lambda body: f"“{body['dataAgreement']['purpose']}”",
        )
        await asks(
            "Consent",
            "and the policy behind it",
            f"GET {CONSENT}/policy/{POLICY}/",
            lambda body: body["policy"]["name"],
        )
        self._individual = await self._her_reference()
        await self._signs()
        await self._decision(permitted=True)

    async def _her_reference(self) -> str:
        identity = {"externalId": self._people.mother, "externalIdType": CODE_TYPE}
        found = await self._health.asks(
            "Consent",
            "looks for her by her personal code",
            f"POST {CONSENT}/individuals/search/",
            lambda body: f"{len(body['individuals'])} found",
            json=identity,
        )
        if found["individuals"]:
            return str(found["individuals"][0]["id"])
        made = await self._health.asks(
            "Consent",
            "makes her known",
            f"POST {CONSENT}/individual/",
            lambda body: f"individual {body['individual']['id'][:8]}…",
            json={"individual": identity},
        )
        return str(made["individual"]["id"])

    async def _signs(self) -> None:
        headers = {"X-ConsentBB-IndividualId": self._individual}
        draft = await self._health.asks(
            "Consent",
            "asks for a draft to sign",
            f"POST {RECORDS}/draft/",
            lambda _body: "a draft, stored nowhere",
            headers=headers,
            params={"individualId": self._individual, "dataAgreementId": AGREEMENT},
        )
        require("id" not in draft["consentRecord"], "a draft has no id")
        signature = draft["signature"] | {
            "verificationMethod": "paper-scan",
            "verificationArtifact": "scan of the form she signed at the desk",
            "verificationSignedBy": self._people.mothers_name,
            "verificationSignedAs": "individual",
            "signature": "signed on paper",
        }
        stored = await self._health.asks(
            "Consent",
            "hands in what she signed",
            f"POST {RECORDS}/",
            lambda body: f"{body['consentRecord']['state']}, opted in",
            headers=headers,
            json={"consentRecord": draft["consentRecord"], "signature": signature},
        )
        self._consent = stored["consentRecord"]

    async def _decision(self, *, permitted: bool) -> None:
        decided = await self._health.asks(
            "Consent",
            "asks for the decision",
            f"POST {CONSENT}/verification/decision/",
            lambda body: f"{'permitted' if body['permitted'] else 'refused'}: {body['reason']}",
            json={
                "dataAgreementId": AGREEMENT,
                "individual": {"externalId": self._people.mother, "externalIdType": CODE_TYPE},
                "client": HEALTH_CENTRE,
                "dataSource": POPULATION,
                "attributes": ["firstName", "lastName"],
            },
        )
        require(decided["permitted"] is permitted, "the decision follows the consent")

    async def _child_is_registered(self) -> None:
        read = await self._reads_mother("reads the mother's data: the consent stands", 200)
        require(not await self._child_exists("asks for the child"), "a newborn is new")
        mother, today = read["content"], datetime.now(UTC).date().isoformat()
        content = {
            "child": {
                "id": self._people.child,
                "firstName": "Leo",
                "lastName": mother["lastName"],
                "birthdate": today,
            },
            "caretaker": {name: mother[name] for name in ("id", "firstName", "lastName", "email")},
            "registrationDate": today,
        }
        made = await self._health.asks(
            "Child register",
            "registers the child",
            f"POST {CHILDREN}/data/mcts/1.0/create",
            lambda body: f"number {body['content']['ID']}",
            json={"write": {"content": content}},
        )
        self._number = made["content"]["ID"]
        require(self._number.startswith("MCTS"), "the register's trigger gives the number")

    async def _child_exists(self, what: str) -> bool:
        answer = await self._health.asks(
            "Child register",
            what,
            f"POST {CHILDREN}/data/mcts/1.0/exists",
            lambda body: body["answer"]["message"],
            json={"query": {"content": {"child": {"id": self._people.child}}}},
        )
        return bool(answer["answer"]["status"])

    async def _is_announced(self) -> None:
        event = {
            "registrationNumber": self._number,
            "dateTime": _utc(datetime.now(UTC)),
            "place": "Lakeside health centre",
        }
        published = await self._health.asks(
            "Gateway",
            "publishes newBirth",
            f"POST {ROOM}/pub/v1/newBirth",
            lambda body: f"event {body['id']}",
            json={"eventType": "newBirth", "event": event},
            expect=201,
        )
        taken = None
        while taken != published["id"]:
            pulled = await self._town.asks(
                "Gateway",
                "takes the next newBirth",
                f"GET {ROOM}/pull/v1/newBirth",
                lambda body: f"child {body['event']['registrationNumber']}",
            )
            taken = pulled["id"]
            await self._town.asks(
                "Gateway",
                "confirms it",
                f"DELETE {ROOM}/pull/v1/newBirth/{taken}",
                expect=204,
            )

    async def _is_confirmed(self) -> None:
        people = self._people
        accepted = await self._health.asks(
            "Messaging",
            "sends the confirmation",
            "POST /messaging/send/email/single",
            lambda body: f"accepted as {body['requestUid']}",
            json={
                "senderInfo": {"organisationName": "Lakeside Health Centre"},
                "recipientInfo": {"email": people.email, "name": people.first_name},
                "emailContent": {
                    "encoding": "UTF-8",
                    "title": f"Your child is registered: {self._number}",
                    "content": f"Dear {people.first_name}, your child has the registration "
                    f"number {self._number}.",
                },
            },
        )
        await self._is_delivered(accepted["requestUid"])
        found = await self._mailbox.asks(
            "Mailbox",
            "opens her mailbox",
            "GET /api/v1/search",
            lambda body: ", ".join(f"“{message['Subject']}”" for message in body["messages"]),
            params={"query": f'to:"{people.email}"'},
        )
        subjects = [message["Subject"] for message in found["messages"]]
        require(len(subjects) == 1, f"exactly one e-mail arrived, not {len(subjects)}")
        require(self._number in subjects[0], "the e-mail names the number")

    async def _is_delivered(self, request: str) -> None:
        started, took = time.perf_counter(), 0.0
        counts: dict[str, int] = {}
        while counts.get("delivered") != 1:
            answer = await self._health.client.get(
                "/messaging/status/email",
                headers={"requestUid": request},
                params={"status": ["delivered", "processing", "scheduled", "deferred"]},
            )
            took = time.perf_counter() - started
            waited = answer.is_success and took < _DELIVERED_WITHIN
            require(waited, f"the e-mail is delivered: {answer.text[:200]}")
            counts = answer.json()
            await asyncio.sleep(0.02)
        self._teller.tell("Health centre", "Messaging", "reads its status", str(counts), took * 1e3)

    async def _sees_who_read(self) -> None:
        people = self._people
        async with httpx.AsyncClient(timeout=10) as client:
            who = {"person": people.mother, "name": people.mothers_name}
            signed = await client.post(f"{self._issuer_url}/token", json=who)
        require(signed.is_success, "the development issuer signs a token for her")
        token = signed.json()["access_token"]
        self._mother.client.headers["Authorization"] = f"Bearer {token}"
        uses = await self._mother.asks(
            "Population register",
            "asks who read her data",
            f"POST {CITIZENS}/data/personalDataUsage",
            _readers,
            json={"userId": people.mother, "databaseId": "citizens"},
        )
        reads = [use["id"] for use in uses if use.get("readerId") == MIDWIFE]
        require(reads, "the midwife's read is there")
        self._read = str(reads[0])
        await self._sees_what_was_sent()

    async def _sees_what_was_sent(self) -> None:
        """Wait until the gateway has reported the midwife's read, and look at it."""
        address = f"{CONSENT}/individual/transmissions/"
        started = time.perf_counter()
        while True:
            answer = await self._mother.client.get(address)
            waited = answer.is_success and time.perf_counter() - started < _REPORTED_WITHIN
            require(waited, f"what was sent of her is reported: {answer.text[:200]}")
            if answer.json()["transmissions"]:
                break
            await asyncio.sleep(0.05)
        listed = await self._mother.asks(
            "Consent", "asks which data went to whom, under which consent", f"GET {address}", _sent
        )
        [sent] = listed["transmissions"]
        require(sent["consentRecordId"] == self._consent["id"], "it was sent under her consent")
        require(sent["client"] == HEALTH_CENTRE, "to the health centre")
        require(sent["dataSource"] == POPULATION, "from the population register")
        require("birthdate" in sent["attributes"], "with what it holds of her")
        require(sent["confirmed"], "as she agreed to it")
        self._sent = sent

    async def _withdraws(self) -> None:
        listed = await self._mother.asks(
            "Consent",
            "looks at her consents",
            f"GET {RECORDS}/",
            lambda body: f"{len(body['consentRecords'])} given",
        )
        mine = listed["consentRecords"]
        require([one["id"] for one in mine] == [self._consent["id"]], "she sees what she gave")
        withdrawn = await self._mother.asks(
            "Consent",
            "withdraws it",
            f"PUT {RECORDS}/{self._consent['id']}/",
            lambda body: f"opt-in {body['consentRecord']['optIn']}",
            headers={"X-ConsentBB-IndividualId": self._individual},
            json={"consentRecord": mine[0] | {"optIn": False}},
        )
        require(withdrawn["consentRecord"]["optIn"] is False, "she has opted out")
        await self._reads_mother("tries the same read again", 403)
        await self._decision(permitted=False)

    async def _audit(self) -> None:
        await self._auditor.asks(
            "Consent",
            "opens her consent record",
            f"GET /consent/audit/consent-record/{self._consent['id']}/",
            lambda body: f"opt-in {body['consentRecord']['optIn']}",
        )
        since = datetime.now(UTC) - timedelta(minutes=5)
        await self._auditor.asks(
            "Gateway",
            "reads the exchange log",
            "GET /api/v1/messagelog",
            _exchanges,
            params={"client": HEALTH_CENTRE, "from": _utc(since), "limit": 100},
        )

    async def _refusals(self) -> None:
        known = await self._child_exists("tries to register the same child again: is it there?")
        require(known, "a child registers once only")
        nobody = {"query": {"content": {"id": personal_code()}}}
        for actor, what, status in (
            (self._health, "asks for a mother who is not there", 404),
            (self._town, "reads without a right", 403),
            (self._stranger, "reads as nobody we know", 403),
        ):
            await actor.asks(
                "Population register",
                what,
                f"POST {CITIZENS}/data/citizens/1.0/read",
                _person,
                json=nobody,
                expect=status,
            )

    async def _holds_proof(self) -> None:
        """Export the proofs of the midwife's read and of what was sent under the consent.

        They are checked as ``govblocks verify`` does.
        """
        await self._holds_proof_of_the_read()
        await self._holds_proof_of_what_was_sent()

    async def _holds_proof_of_the_read(self) -> None:
        await self._is_proven(f"{CITIZENS}/evidence/entries/{self._read}")
        exported = await self._mother.asks(
            "Population register",
            "exports the proof that the midwife's read is in its log",
            f"GET {CITIZENS}/evidence/packages/{self._read}",
            lambda body: f"entry {body['proof']['index'] + 1} of {body['proof']['size']}",
        )
        published = await self._mother.asks(
            "Population register",
            "takes the keys that it publishes",
            f"GET {CITIZENS}/.well-known/jwks.json",
            lambda body: f"{len(body['keys'])} public key",
        )
        trusted = verdicts.thumbprints(published["keys"])
        file = json.dumps(exported, ensure_ascii=False).encode()
        verdict = self._verifies("checks her file, without asking anybody", file, trusted)
        require(verdict and verdict.is_verified and verdict.is_trusted, "her proof is verified")
        reader = verdict and (verdict.detail or {}).get("readerId")
        require(reader == MIDWIFE, "it says who read")
        place = file.index(b"record.read")
        forged = file[:place] + b"R" + file[place + 1 :]
        verdict = self._verifies("changes one byte of it and checks again", forged, trusted)
        require(verdict is None or not verdict.is_verified, "a changed file is not verified")

    async def _holds_proof_of_what_was_sent(self) -> None:
        address, _, part = self._sent["proof"].partition("?")
        await self._is_proven(f"/consent{address.replace('packages', 'entries')}")
        exported = await self._mother.asks(
            "Consent",
            "exports the proof of what was sent under her consent",
            f"GET /consent{address}?{part}",
            lambda body: f"part of entry {body['proof']['index'] + 1} of {body['proof']['size']}",
        )
        published = (await self._mother.client.get("/consent/.well-known/jwks.json")).json()
        trusted = verdicts.thumbprints(published["keys"])
        verdict = self._verifies("checks it too", json.dumps(exported).encode(), trusted)
        require(verdict and verdict.is_verified and verdict.is_trusted, "that is verified as well")
        said = (verdict.part or {}).get("facts", {}) if verdict else {}
        require(said.get("attributes") == self._sent["attributes"], "it says which data was sent")
        require(said.get("exchange") == self._sent["exchangeId"], "and in which exchange")

    async def _is_proven(self, entry: str) -> None:
        """Wait until an entry has its place under a signed checkpoint."""
        started, proof = time.perf_counter(), None
        while proof is None:
            answer = await self._mother.client.get(entry)
            waited = answer.is_success and time.perf_counter() - started < _PROVEN_WITHIN
            require(waited, f"it gets its place in the log: {answer.text[:200]}")
            proof = answer.json()["proof"]
            await asyncio.sleep(0.05)

    def _verifies(self, what: str, file: bytes, trusted: set[str]) -> Verdict | None:
        """Do what ``govblocks verify`` does with a file; return None for what is no package."""
        started = time.perf_counter()
        try:
            verdict = verdicts.verify(packages.read(file), trusted)
        except packages.PackageUnreadable as error:
            verdict, said = None, f"no package: {error}"
        else:
            failed = [step.says for step in verdict.steps if step.result is Result.FAILS]
            said = "verified" if verdict.is_verified else f"NOT verified: {'; '.join(failed)}"
        took = (time.perf_counter() - started) * 1000
        self._teller.tell("Mother", "govblocks verify", what, said, took)
        return verdict


def _utc(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def _members(body: Any) -> str:
    return f"{len(body['member'])} members and applications"


def _services(body: Any) -> str:
    services = body["member"]
    count = sum(len(one.get("endpointList", {}).get("member", [])) for one in services)
    names = ", ".join(sorted({one["serviceCode"] for one in services})) or "nothing"
    return f"{names} ({count} operations)"


def _person(body: Any) -> str:
    if "content" in body:
        return f"{body['content']['firstName']} {body['content']['lastName']}"
    return str(body.get("detail") or body.get("title"))


def _readers(body: Any) -> str:
    newest = body[0]
    reader, institution = newest.get("readerId"), newest.get("readerInstitutionName")
    return f"{len(body)} entries; the newest: {reader} of {institution}"


def _sent(body: Any) -> str:
    newest = body["transmissions"][0]
    return f"{', '.join(newest['attributes'])} to {newest['client']} at {newest['at'][:19]}Z"


def _exchanges(body: Any) -> str:
    entries = body["messages"]
    require(entries, "the exchange log has entries")
    refused = sum(1 for entry in entries if entry["kind"] == "exchange.refused")
    return f"{len(entries)} entries, {refused} of them refusals"
