"""Whether what is kept still is what was written: checked one by one, and by walking."""

import json
from typing import Any

import pytest

SHA = "0" * 64


async def signed(house) -> dict[str, Any]:
    policy = await house.policy()
    agreement = await house.agreement(policy={"id": policy["id"]})
    return await house.sign(await house.individual(), agreement["id"])


async def verdict(client, revision, signature=None) -> dict[str, Any]:
    body = {"revision": revision} | ({"signature": signature} if signature else {})
    answer = await client.post("/audit/verify/", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_pair_as_it_was_given_is_valid(house, client) -> None:
    given = await signed(house)
    assert await verdict(client, given["revision"]) == {"valid": True, "reasons": []}
    both = await verdict(client, given["revision"], given["signature"])
    assert both == {"valid": True, "reasons": []}


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("serializedHash", "0" * 40, "serializedHash is not what is kept"),
        ("serializedHashSha256", SHA, "serializedHashSha256 is not what is kept"),
        ("timestamp", "2020-01-01T00:00:00Z", "timestamp is not what is kept"),
        ("predecessorHash", "0" * 40, "predecessor_hash is not what is kept"),
        ("authorizedByOther", "somebody", "authorized_by_other is not what is kept"),
        ("id", "unknown", "no such revision is kept"),
    ],
)
async def test_a_changed_revision_is_not_and_it_is_said_why(
    house, client, field, value, reason
) -> None:
    given = await signed(house)
    said = await verdict(client, {**given["revision"], field: value})
    assert said == {"valid": False, "reasons": [reason]}


async def test_another_key_order_is_another_text(house, client) -> None:
    revision = (await signed(house))["revision"]
    said = json.loads(revision["serializedSnapshot"])
    turned = json.dumps(dict(reversed(said.items())))
    found = await verdict(client, {**revision, "serializedSnapshot": turned})
    assert found["reasons"] == ["serializedSnapshot is not what is kept"]


@pytest.mark.parametrize(
    ("field", "value"), [("signature", "scan-2"), ("payload", "{}"), ("verificationSignedBy", "X")]
)
async def test_a_changed_signature_is_found(house, client, field, value) -> None:
    given = await signed(house)
    found = await verdict(client, given["revision"], {**given["signature"], field: value})
    assert found["reasons"] == [f"the signature's {field} is not what is kept"]


async def test_a_signature_of_another_revision_does_not_stand(house, client) -> None:
    given = await signed(house)
    other = await house.sign(await house.individual("EE2"), (await house.agreement())["id"])
    found = await verdict(client, given["revision"], other["signature"])
    assert "the signature's payload is not what is kept" in found["reasons"]
    policy = (await client.get("/audit/revisions/?schemaName=Policy")).json()["revisions"][0]
    unsigned = await verdict(client, policy, given["signature"])
    assert unsigned["reasons"] == ["no signature of this revision is kept"]


class Countersigned:
    """A signed consent that two more signed, each the one before."""

    def __init__(self, house, given: dict[str, Any]) -> None:
        self.house, self.revision, self.signatures = house, given["revision"], [given["signature"]]
        record = given["consentRecord"]
        self.path = f"/service/individual/record/consent-record/{record['id']}/signature/"
        self.headers = house.whose(record["individual"]["id"])

    async def sign(self, by: str) -> None:
        client = self.house.client
        begun = (await client.post(self.path, headers=self.headers)).json()["signature"]
        begun |= {"verificationMethod": "declaration", "verificationSignedBy": by}
        body = {"signature": begun}
        done = await client.put(self.path, json=body, headers=self.headers)
        self.signatures.append(done.json()["signature"])


@pytest.fixture
async def countersigned(house) -> Countersigned:
    made = Countersigned(house, await signed(house))
    await made.sign("Guardian")
    await made.sign("Notary")
    return made


async def test_each_signature_of_a_chain_is_held_against_the_one_that_is_kept(
    countersigned, client
) -> None:
    for signature in countersigned.signatures:
        said = await verdict(client, countersigned.revision, signature)
        assert said == {"valid": True, "reasons": []}
        worse = {**signature, "verificationSignedBy": "X"}
        said = await verdict(client, countersigned.revision, worse)
        assert said["reasons"] == ["the signature's verificationSignedBy is not what is kept"]


async def test_a_signature_that_is_cut_out_of_its_chain_is_found(
    countersigned, client, database
) -> None:
    async with database.connection() as connection:
        await connection.driver.execute("DELETE FROM signature WHERE number = 2")
    said = await verdict(client, countersigned.revision, countersigned.signatures[0])
    assert said["reasons"] == [
        "signature 2: it is of another serialization",
        "signature 2: its payload holds another serialization",
    ]


async def test_who_may_not_see_a_revision_learns_nothing_of_it(house, house_for) -> None:
    given = await signed(house)
    foreign = house_for(client="TEST/GOV/2002/hospital", scopes={"audit:read"}).client
    assert (await verdict(foreign, given["revision"]))["reasons"] == ["no such revision is kept"]
    walked = (await foreign.get("/audit/verify/")).json()
    assert (walked["checked"], walked["findings"]) == (0, [])
    office = house_for(client="TEST/GOV/9/inspector", scopes={"audit:read", "audit:all"}).client
    assert (await verdict(office, given["revision"]))["valid"]


async def test_a_long_life_is_walked_in_pieces_and_holds(house, client) -> None:
    given = await signed(house)
    record = given["consentRecord"]["id"]
    mother = given["consentRecord"]["individual"]["id"]
    agreement = given["consentRecord"]["dataAgreement"]["id"]
    await house.opt(mother, record, opt_in=False)
    await house.sign(mother, agreement)
    await client.delete(f"/config/data-agreement/{agreement}/")
    checked, link, pages = 0, "", 0
    while link is not None:
        answer = (await client.get("/audit/verify/" + (link or "?limit=2"))).json()
        assert answer["valid"], answer
        checked, pages, link = checked + answer["checked"], pages + 1, answer.get("next")
    assert (checked, pages > 3) == (6, True)
    one = (await client.get("/audit/verify/", params={"objectId": record})).json()
    assert (one["valid"], one["checked"]) == (True, 3)
    late = (await client.get("/audit/verify/", params={"from": "2999-01-01T00:00:00Z"})).json()
    assert late["checked"] == 0


async def test_every_look_is_logged(house, house_for) -> None:
    given = await signed(house)
    client = house_for(scopes={"audit:read"}).client
    await verdict(client, given["revision"])
    for path in ("verify", "revisions", "data-agreements", "consent-records"):
        await client.get(f"/audit/{path}/")
    entries = (await client.get("/audit/logs/")).json()["entries"]
    seen = [(each["action"], each["object"].rpartition("1001/")[2]) for each in entries]
    for expected in (
        ("audit.verified", "revision/"),
        ("audit.listed", "revision/"),
        ("audit.listed", "data-agreement/"),
        ("audit.listed", "consent-record/"),
    ):
        assert expected in seen
