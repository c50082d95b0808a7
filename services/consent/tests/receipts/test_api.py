"""A receipt: what an individual takes away, and what it proves."""

import json
from html.parser import HTMLParser
from typing import Any

import pytest
import rfc8785
from joserfc import jws
from joserfc.jwk import KeySet

from consent.receipts.api import preferred

HOSPITAL = "TEST/GOV/2002/hospital"
MOTHER = "EE49001010002"
WORDS = "<script>alert('x')</script> & \"more\""


def path(record: str) -> str:
    return f"/service/individual/record/consent-record/{record}/receipt/"


async def given(house, **more: Any) -> tuple[str, str]:
    """Return an individual and their signed record under an agreement with all it can say."""
    policy = await house.policy(jurisdiction="EE", dataRetentionPeriodDays=365)
    agreement = await house.agreement(
        policy={"id": policy["id"]},
        dataAttributes=[
            {"name": "firstName", "sensitivity": "Internal", "category": "identity"},
            {"name": "diagnosis", "sensitivity": "high", "category": "health"},
        ],
        recipients=["TEST/GOV/2002"],
        dataSources=["TEST/GOV/3003"],
        controller={"id": "1", "name": "Ministry of Health", "url": "https://health.example.org"},
        validityDays=30,
        **more,
    )
    mother = await house.individual()
    record = (await house.sign(mother, agreement["id"]))["consentRecord"]["id"]
    return mother, record


async def verified(client, **presented: Any) -> dict[str, Any]:
    answer = await client.post("/service/receipt/verify/", json=presented)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_receipt_says_what_was_agreed_in_the_words_of_the_standard(house, client) -> None:
    mother, record = await given(house)
    answer = await client.get(path(record), headers=house.whose(mother))
    assert answer.headers["content-type"] == "application/ld+json"
    assert (answer.headers["vary"], answer.headers["cache-control"]) == ("Accept", "no-store")
    said = answer.json()
    assert said["@type"] == "dpv:ConsentReceipt"
    assert said["dct:conformsTo"].endswith("dpv-27560#receipt-record")
    kept = said["dpv:hasRecordOfActivity"]
    assert (kept["@type"], kept["dct:identifier"]) == ("dpv:ConsentRecord", record)
    assert kept["dpv:hasDataSubject"]["dpv:hasIdentifier"] == mother
    assert kept["dpv:hasDataController"]["dpv:hasName"] == "Ministry of Health"
    assert kept["dpv:hasJurisdiction"] == "EE"
    assert kept["dpv:hasConsentControl"]["@type"] == "dpv:WithdrawConsent"
    process = kept["dpv:hasProcess"]
    assert process["dpv:hasPurpose"]["dct:description"] == "Register a child"
    assert process["dpv:hasLegalBasis"] == "dpv:ExplicitlyExpressedConsent"
    data = [(each["@type"], each["dct:title"]) for each in process["dpv:hasPersonalData"]]
    assert data == [("dpv:PersonalData", "firstName"), ("dpv:SensitivePersonalData", "diagnosis")]
    who = [each["dpv:hasIdentifier"] for each in process["dpv:hasRecipient"]]
    assert who == ["TEST/GOV/1001", "TEST/GOV/2002"]
    assert process["dpv:hasDataSource"][0]["dpv:hasIdentifier"] == "TEST/GOV/3003"
    assert process["dpv:hasStorageCondition"][0]["dpv:hasDuration"] == "P365D"
    [event] = kept["dpv:hasConsentStatus"]
    assert (event["@type"], event["dpv:isIndicatedBy"]) == ("dpv:ConsentGiven", "dpv:DataSubject")
    assert event["dpv:hasDuration"]["@type"] == "dpv:UntilTimeDuration"
    assert event["gb:signatureSha256"]
    assert MOTHER not in answer.text


async def test_anybody_checks_a_receipt_with_the_published_keys_and_the_ledger(
    house, client
) -> None:
    mother, record = await given(house)
    said = (await client.get(path(record), headers=house.whose(mother))).json()
    keys = KeySet.import_key_set((await client.get("/.well-known/jwks.json")).json())
    proof = said.pop("gb:signature")
    found = jws.deserialize_compact(proof, keys, ["Ed25519"], payload=rfc8785.dumps(said))
    assert found.headers()["typ"] == "consent-receipt"
    evidence = said["gb:evidence"]
    entry = (await client.get(f"/evidence/entries/{evidence['gb:entry']}")).json()
    assert entry["kind"] == "consent.given"
    facts = entry["facts"]
    assert (facts["revision"], facts["digest"]) == (
        evidence["gb:revision"],
        evidence["gb:sha256"],
    )
    [revision] = await house.audit_revisions(record)
    assert revision["serializedHashSha256"] == evidence["gb:sha256"]


async def test_a_receipt_is_a_credential_too(house, client) -> None:
    mother, record = await given(house)
    headers = {**house.whose(mother), "Accept": "application/vc+jwt"}
    answer = await client.get(path(record), headers=headers)
    assert answer.headers["content-type"].startswith("application/vc+jwt")
    keys = KeySet.import_key_set((await client.get("/.well-known/jwks.json")).json())
    found = jws.deserialize_compact(answer.text, keys, ["Ed25519"])
    assert found.headers()["typ"] == "vc+jwt"
    said = json.loads(found.payload)
    assert said["@context"][0] == "https://www.w3.org/ns/credentials/v2"
    assert said["type"] == ["VerifiableCredential", "ConsentReceipt"]
    assert said["issuer"].startswith("http")
    assert said["validFrom"] < said["validUntil"]
    assert said["credentialStatus"]["id"].partition("#")[0].endswith("/service/receipt/verify/")
    assert said["credentialSubject"]["@type"] == "dpv:ConsentReceipt"
    good = {"valid": True, "reasons": [], "isCurrent": True, "standing": "given"}
    assert await verified(client, credential=answer.text) == good
    head, body, proof = answer.text.split(".")
    worse = await verified(client, credential=f"{head}.{body[:-2]}AA.{proof}")
    assert worse["valid"] is False


async def test_a_receipt_is_current_until_something_happens(house, client, house_for) -> None:
    mother, record = await given(house, forgettable=True)
    first = (await client.get(path(record), headers=house.whose(mother))).json()
    hospital = house_for(client=HOSPITAL, scopes={"verification:read"}).client
    good = {"valid": True, "reasons": [], "isCurrent": True, "standing": "given"}
    assert await verified(hospital, receipt=first) == good
    await house.opt(mother, record, opt_in=False)
    later = {"valid": True, "reasons": [], "isCurrent": False, "standing": "withdrawn"}
    assert await verified(hospital, receipt=first) == later
    second = (await client.get(path(record), headers=house.whose(mother))).json()
    assert (await verified(hospital, receipt=second))["isCurrent"]
    states = [each["@type"] for each in second["dpv:hasRecordOfActivity"]["dpv:hasConsentStatus"]]
    assert states == ["dpv:ConsentGiven", "dpv:ConsentWithdrawn"]
    await client.delete("/service/individual/record/", headers=house.whose(mother))
    gone = await verified(hospital, receipt=first)
    assert (gone["valid"], gone["isCurrent"], gone["standing"]) == (True, False, "forgotten")


async def test_a_receipt_under_an_earlier_revision_is_superseded(house, client) -> None:
    agreement, mother = await house.agreement(), await house.individual()
    record = (await house.sign(mother, agreement["id"]))["consentRecord"]["id"]
    first = (await client.get(path(record), headers=house.whose(mother))).json()
    body = {"dataAgreement": house.agreement_body(purpose="More")}
    await client.put(f"/config/data-agreement/{agreement['id']}/", json=body)
    assert (await verified(client, receipt=first))["isCurrent"]
    await house.sign(mother, agreement["id"])
    found = await verified(client, receipt=first)
    assert (found["valid"], found["isCurrent"], found["standing"]) == (True, False, "superseded")


@pytest.mark.parametrize(
    "change",
    [
        {"dct:created": "2020-01-01T00:00:00Z"},
        {"gb:evidence": {}},
        {"more": "said"},
        {"gb:signature": None},
        {"gb:signature": "a..b"},
        {"gb:signature": 7},
        {"@id": 9007199254740993000},
    ],
)
async def test_a_changed_receipt_is_not_valid(house, client, change) -> None:
    mother, record = await given(house)
    said = (await client.get(path(record), headers=house.whose(mother))).json()
    found = await verified(client, receipt={**said, **change})
    assert (found["valid"], found["isCurrent"]) == (False, False)
    assert found["reasons"]
    assert "standing" not in found


async def test_a_checkpoint_is_no_receipt(house, client) -> None:
    """What the same key signed of another kind is not taken for a receipt."""
    mother, record = await given(house)
    answer = await client.get(path(record), headers=house.whose(mother))
    promise = answer.headers["x-govblocks-evidence"]
    found = await verified(client, credential=promise)
    assert found["reasons"] == ["it is not signed by this block: it is no vc+jwt"]


async def test_a_receipt_is_for_whom_it_is_about(house, client, house_for) -> None:
    _mother, record = await given(house)
    other = await house.individual("EE2")
    assert (await client.get(path(record), headers=house.whose(other))).status_code == 400
    foreign = house_for(client=HOSPITAL).client
    assert (await foreign.get(path(record))).status_code == 400
    themselves = house_for(person=MOTHER, scopes={"consents:read"}).client
    assert (await themselves.get(path(record))).status_code == 200
    somebody = house_for(person="EE2", scopes={"consents:read"}).client
    assert (await somebody.get(path(record))).status_code == 400
    assert (await client.get(path("unknown"))).status_code == 400
    assert (await house_for(scopes=set()).client.get(path(record))).status_code == 403


async def test_giving_and_checking_are_in_the_ledger(house, client, house_for) -> None:
    mother, record = await given(house)
    said = (await client.get(path(record), headers=house.whose(mother))).json()
    await verified(client, receipt=said)
    own = house_for(scopes={"audit:read"}).client
    entries = (await own.get("/audit/logs/")).json()["entries"]
    assert [each["action"] for each in entries[1:3]] == ["receipt.verified", "receipt.given"]
    assert entries[2]["facts"]["receipt"] == said["dpv:hasIdentifier"]


class Page(HTMLParser):
    """What a page is made of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


async def read(client, house, whose: str, record: str) -> Page:
    headers = {**house.whose(whose), "Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    answer = await client.get(path(record), headers=headers)
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src")
    return Page(answer.text)


async def test_a_page_for_people_says_the_same_and_runs_nothing(house, client) -> None:
    mother, record = await given(house, purpose=WORDS)
    page = await read(client, house, mother, record)
    names = [name for name, _ in page.tags]
    assert ("html", {"lang": "en"}) in page.tags
    assert not {"script", "img", "link", "iframe", "form"} & {*names}
    assert not [said for _, said in page.tags if {"style", "onclick", "src"} & {*said}]
    assert (names.count("h1"), names.count("main"), names.count("title")) == (1, 1, 1)
    assert WORDS in page.text
    for said in ("Ministry of Health", "diagnosis", "TEST/GOV/2002", "You agreed, and signed."):
        assert said in page.text
    [revision] = await house.audit_revisions(record)
    assert revision["serializedHashSha256"] in page.text
    assert MOTHER not in page.text


@pytest.mark.parametrize(
    ("url", "links"),
    [
        ('https://example.org/?a="&b', ['https://example.org/?a="&b']),
        ("javascript:alert(1)", []),
        ("//example.org", []),
    ],
)
async def test_a_page_links_to_a_policy_on_the_web_and_nowhere_else(
    house, client, url, links
) -> None:
    policy = await house.policy(url=url)
    agreement, mother = await house.agreement(policy={"id": policy["id"]}), await house.individual()
    record = (await house.sign(mother, agreement["id"]))["consentRecord"]["id"]
    page = await read(client, house, mother, record)
    assert [said["href"] for name, said in page.tags if name == "a"] == links
    assert url in page.text


async def test_a_page_says_how_to_withdraw_while_there_is_something_to_withdraw(
    house, client
) -> None:
    mother, record = await given(house)
    assert "How to withdraw" in (await read(client, house, mother, record)).text
    await house.opt(mother, record, opt_in=False)
    page = await read(client, house, mother, record)
    assert "How to withdraw" not in page.text
    assert ("p", {"class": "state withdrawn"}) in page.tags
    assert [said["datetime"][-1] for name, said in page.tags if name == "time"] == ["Z"] * 4


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (None, "application/ld+json"),
        ("*/*", "application/ld+json"),
        ("application/json", "application/ld+json"),
        ("text/html", "text/html"),
        ("text/*", "text/html"),
        ("text/html;q=0.5, application/vc+jwt", "application/vc+jwt"),
        ("text/html;q=0", "application/ld+json"),
        ("text/html;q=nonsense, image/png", "application/ld+json"),
    ],
)
def test_the_form_is_the_one_that_is_preferred(accept, kind) -> None:
    assert preferred(accept) == kind
