"""What is signed is what this block serialized, to the letter; anything else leaves no row."""

import copy
import hashlib
import json
import time
import unicodedata
from collections.abc import Awaitable, Callable

import pytest
from joserfc import jwt
from joserfc.jwk import OKPKey

from kit.access import HEADER, Caller, assertion
from kit.canonical import canonical
from kit.testing import GATEWAY_KEY

RECORDS = "/service/individual/record/consent-record/"
NAME = unicodedata.normalize("NFC", "prénom")
TABLES = """
SELECT string_agg(format('SELECT %L, count(*) FROM %I', tablename, tablename), ' UNION ALL ')
FROM pg_tables WHERE schemaname = 'public'
"""

Rows = Callable[[], Awaitable[dict[str, int]]]


@pytest.fixture
async def rows(database) -> Rows:
    """Return what counts the rows of every table."""
    async with database.connection() as connection:
        every = await connection.driver.fetchval(TABLES)

    async def count() -> dict[str, int]:
        async with database.connection() as connection:
            return dict(await connection.driver.fetch(every))

    return count


def compact(value: object, **more) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, **more)


def changed(text: str, **more) -> str:
    return canonical({**json.loads(text), **more}).decode()


def inside(text: str, **more) -> str:
    data = json.loads(text)["objectData"]
    return changed(text, objectData={**data, **more})


def reordered(text: str) -> str:
    return compact(dict(reversed(json.loads(text).items())))


# of a text that is canonical JSON, the one that was signed and the one that is inside it
TEXTS = {
    "other key order": reordered,
    "spaces": lambda text: json.dumps(json.loads(text), sort_keys=True),
    "a line end behind it": lambda text: text + "\n",
    "an extra field": lambda text: changed(text, extra=None),
    "a field less": lambda text: canonical(dict([*json.loads(text).items()][1:])).decode(),
    "a name twice": lambda text: text[:-1] + "," + text[1:],
    "a byte order mark": lambda text: "\ufeff" + text,
    "a letter as an escape": lambda text: text.replace("t", "\\u0074", 1),
    "a zero-width space": lambda text: text.replace('":"', '":"\u200b', 1),
    "deep nesting": lambda text: text[:-1] + ',"zz":' + "[" * 5000 + "]" * 5000 + "}",
    "nesting beyond any parser": lambda text: "[" * 100_000 + text,
    "a huge text": lambda text: changed(text, zz="x" * 1_000_000),
    "a number of 5000 digits": lambda text: text[:-1] + ',"zz":' + "9" * 5000 + "}",
    "a number beyond all floats": lambda text: text[:-1] + ',"zz":1e999}',
    "not a number": lambda text: text[:-1] + ',"zz":NaN}',
    "half a surrogate pair": lambda text: text[:-1] + ',"zz":"\\ud800"}',
    "NUL": lambda text: text[:-1] + ',"zz":"\\u0000"}',
    "nothing": lambda text: text[:0],
    "an array": lambda text: f"[{text}]",
    "a text": json.dumps,
}
PAYLOADS = {
    **TEXTS,
    "half a surrogate pair in the snapshot": lambda text: text.replace(
        '"verificationPayload":"', '"verificationPayload":"\\ud800'
    ),
    "no text for a snapshot": lambda text: changed(text, verificationPayload=["{}"]),
}
SNAPSHOTS = {
    **TEXTS,
    "a Cyrillic letter": lambda text: text.replace("ConsentRecord", "\u0421onsentRecord"),
    "fullwidth letters": lambda text: text.replace("Consent", "\uff23onsent"),
    "decomposed letters": lambda text: unicodedata.normalize("NFD", text),
    "1 in the place of true": lambda text: text.replace("true", "1"),
    "1.0 in the place of true": lambda text: text.replace("true", "1.0"),
    "true as a text": lambda text: inside(text, optIn="true"),
    "the other choice": lambda text: inside(text, optIn=False),
    "more than was chosen": lambda text: inside(text, attributes=[NAME, "health"]),
    "no choice": lambda text: changed(text, objectData={}),
    "another individual": lambda text: changed(text, authorizedByIndividual="1"),
    "nobody": lambda text: changed(text, authorizedByIndividual=None),
    "an id": lambda text: changed(text, objectId="1", signedWithoutObjectId=False),
    "the time in another spelling": lambda text: text.replace("Z", "+00:00"),
    "a later time": lambda text: changed(text, timestamp="2999-01-01T00:00:00.000000Z"),
    "the first of all times": lambda text: changed(text, timestamp="0001-01-01T00:00:00+23:59"),
    "the last of all times": lambda text: changed(text, timestamp="9999-12-31T23:59:59-23:59"),
    "no time": lambda text: changed(text, timestamp=None),
    "a time without a zone": lambda text: text.replace("Z", ""),
}


def with_snapshot(signature: dict, text: str) -> dict:
    """Return a signature that says another snapshot wherever it says one, hash and all."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    said = {"verificationPayload": text, "verificationPayloadHash": digest}
    payload = changed(signature["payload"], **said)
    return {**signature, **said, "payload": payload}


@pytest.fixture
async def signing(house):
    """Return an individual and their draft under an agreement with a name beyond ASCII."""
    attributes = [{"name": NAME}, {"name": "health"}]
    agreement = await house.agreement(dataAttributes=attributes)
    mother = await house.individual()
    return mother, await house.draft(mother, agreement["id"], attributes=[NAME])


async def _is_refused(house, mother: str, sent: dict, rows: Rows) -> None:
    before = await rows()
    answer = await house.client.post(RECORDS, json=sent, headers=house.whose(mother))
    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]
    assert await rows() == before


@pytest.mark.parametrize("name", SNAPSHOTS)
async def test_another_snapshot_is_refused_though_it_is_well_signed(
    house, rows, signing, name
) -> None:
    mother, draft = signing
    text = draft["signature"]["verificationPayload"]
    other = SNAPSHOTS[name](text)
    assert other != text

    signature = with_snapshot(draft["signature"], other)

    await _is_refused(house, mother, house.on_paper({**draft, "signature": signature}), rows)
    signed = house.with_key(signature, OKPKey.generate_key("Ed25519"))
    await _is_refused(house, mother, {**draft, "signature": signed}, rows)


@pytest.mark.parametrize("name", PAYLOADS)
async def test_another_payload_around_the_snapshot_is_refused(house, rows, signing, name) -> None:
    mother, draft = signing
    signature = {**draft["signature"], "payload": PAYLOADS[name](draft["signature"]["payload"])}

    await _is_refused(house, mother, house.on_paper({**draft, "signature": signature}), rows)
    signed = house.with_key(signature, OKPKey.generate_key("Ed25519"))
    await _is_refused(house, mother, {**draft, "signature": signed}, rows)


async def test_the_unchanged_draft_is_taken(house, signing) -> None:
    """Otherwise all of the above would prove nothing."""
    mother, draft = signing
    signed = with_snapshot(draft["signature"], draft["signature"]["verificationPayload"])

    kept = await house.submit(mother, house.on_paper({**draft, "signature": signed}))

    assert kept["consentRecord"]["attributes"] == [NAME]


@pytest.mark.parametrize("form", ["NFD", "fullwidth", "zero-width", "capital"])
async def test_a_name_that_looks_alike_is_another_one(house, rows, signing, form) -> None:
    mother, draft = signing
    alike = {
        "NFD": unicodedata.normalize("NFD", NAME),
        "fullwidth": "\uff50" + NAME[1:],
        "zero-width": NAME + "\u200d",
        "capital": NAME.capitalize(),
    }[form]
    signed = house.on_paper(draft)
    signed["consentRecord"]["attributes"] = [alike]
    asked = {"dataAgreementId": draft["consentRecord"]["dataAgreement"]["id"], "attributes": alike}

    await _is_refused(house, mother, signed, rows)
    again = await house.client.post(f"{RECORDS}draft/", params=asked, headers=house.whose(mother))
    assert again.status_code == 400


@pytest.mark.parametrize("form", ["NFC", "NFD"])
async def test_who_signed_stays_as_it_was_spelled(house, signing, form) -> None:
    mother, draft = signing
    name = unicodedata.normalize(form, "Jürgen Päär")
    spoken = {"verificationMethod": "declaration", "verificationSignedBy": name}
    payload = changed(draft["signature"]["payload"], **spoken)

    signed = {**draft["signature"], **spoken, "payload": payload}
    kept = await house.submit(mother, {**draft, "signature": signed})

    assert kept["signature"]["verificationSignedBy"] == name


async def test_a_name_that_is_signed_is_the_one_that_is_said(house, rows, signing) -> None:
    mother, draft = signing
    said = {"verificationMethod": "declaration", "verificationSignedBy": "J\u00fcrgen"}
    payload = changed(
        draft["signature"]["payload"], **{**said, "verificationSignedBy": "Ju\u0308rgen"}
    )

    await _is_refused(
        house,
        mother,
        {**draft, "signature": {**draft["signature"], **said, "payload": payload}},
        rows,
    )


# -- signatures that were made for something else -----------------------------------------------


async def test_a_signature_is_not_another_individuals(house, rows, signing) -> None:
    mother, draft = signing
    sister = await house.individual("EE49001010003")
    signed = house.on_paper(draft)
    hers = copy.deepcopy(signed)
    hers["consentRecord"]["individual"]["id"] = sister
    nobodys = copy.deepcopy(signed)
    del nobodys["consentRecord"]["individual"]

    for sent in (signed, hers, nobodys):
        await _is_refused(house, sister, sent, rows)
    await house.submit(mother, signed)
    for sent in (signed, hers, nobodys):
        await _is_refused(house, sister, sent, rows)


async def test_a_signature_is_not_another_agreements(house, rows, signing) -> None:
    mother, draft = signing
    other = await house.agreement(dataAttributes=[{"name": NAME}, {"name": "health"}])
    signed = house.on_paper(draft)
    moved = copy.deepcopy(signed)
    moved["consentRecord"]["dataAgreement"]["id"] = other["id"]
    with_hash = copy.deepcopy(moved)
    with_hash["consentRecord"]["dataAgreementRevisionHash"] = other["hash"]

    for sent in (moved, with_hash):
        await _is_refused(house, mother, sent, rows)
    await house.submit(mother, signed)
    for sent in (moved, with_hash):
        await _is_refused(house, mother, sent, rows)


async def test_a_signature_is_not_another_drafts(house, rows, signing) -> None:
    mother, draft = signing
    named = draft["consentRecord"]["dataAgreement"]["id"]
    newer = await house.draft(mother, named, attributes=[NAME])
    key = OKPKey.generate_key("Ed25519")
    old = house.with_key(draft["signature"], key)

    borrowed = {**newer["signature"], **{n: old[n] for n in old if n.startswith("verificationJ")}}
    borrowed |= {n: old[n] for n in ("verificationMethod", "verificationPublicKey", "signature")}

    await _is_refused(house, mother, {**newer, "signature": borrowed}, rows)


async def test_a_signature_is_spent_when_its_record_was_forgotten(house, rows) -> None:
    agreement, mother = await house.agreement(forgettable=True), await house.individual()
    signed = house.on_paper(await house.draft(mother, agreement["id"]))
    await house.submit(mother, signed)
    await house.client.delete("/service/individual/record/", headers=house.whose(mother))

    await _is_refused(house, mother, signed, rows)


async def test_an_older_draft_is_spent_when_the_consent_was_withdrawn_and_forgotten(
    house, rows
) -> None:
    agreement, mother = await house.agreement(forgettable=True), await house.individual()
    older = house.on_paper(await house.draft(mother, agreement["id"]))
    record = (await house.sign(mother, agreement["id"]))["consentRecord"]["id"]
    await house.opt(mother, record, opt_in=False)
    await house.client.delete("/service/individual/record/", headers=house.whose(mother))

    await _is_refused(house, mother, older, rows)
    assert (await house.sign(mother, agreement["id"]))["consentRecord"]["optIn"] is True


async def test_a_draft_under_a_newer_revision_is_spent_when_the_older_was_withdrawn(
    house, rows
) -> None:
    agreement, mother = await house.agreement(), await house.individual()
    record = (await house.sign(mother, agreement["id"]))["consentRecord"]["id"]
    body = {"dataAgreement": house.agreement_body(purpose="Another purpose")}
    await house.client.put(f"/config/data-agreement/{agreement['id']}/", json=body)
    draft = house.on_paper(await house.draft(mother, agreement["id"]))
    await house.opt(mother, record, opt_in=False)

    await _is_refused(house, mother, draft, rows)


async def test_a_draft_of_long_ago_is_not_taken(house, rows, signing, configure) -> None:
    mother, draft = signing
    configure(draft_hours=0)

    await _is_refused(house, mother, house.on_paper(draft), rows)


async def test_no_token_that_is_not_ours_leaves_a_row(house, rows, signing) -> None:
    mother, draft = signing
    caller = Caller("TEST/GOV/1001/clinic", "TEST/GOV/1001", frozenset({"*"}))
    stranger = OKPKey.generate_key("Ed25519", parameters={"kid": GATEWAY_KEY.kid})
    claims = jwt.decode(
        assertion(GATEWAY_KEY, "consent", caller), GATEWAY_KEY, algorithms=["Ed25519"]
    ).claims
    expired = jwt.encode(
        {"alg": "Ed25519", "kid": GATEWAY_KEY.kid},
        {**claims, "exp": int(time.time()) - 1},
        GATEWAY_KEY,
        algorithms=["Ed25519"],
    )
    before = await rows()

    for token in (
        expired,
        assertion(stranger, "consent", caller),
        assertion(GATEWAY_KEY, "registry", caller),
        "nonsense",
        "",
    ):
        answer = await house.client.post(
            RECORDS, json=house.on_paper(draft), headers={**house.whose(mother), HEADER: token}
        )
        assert answer.status_code == 401, answer.text
    assert await rows() == before
