"""Terms of an agreement, purposes, earlier moments and repeated questions, asked from outside."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest

from kit.evidence import Search
from kit.testing import clients_of

PATH = "/service/verification/decision/"
ONCE = {"fetchType": "oneshot"}
DAILY = {"fetchType": "periodic", "frequency": {"unit": "day", "value": 2}}
NAMES = [{"name": "firstName"}, {"name": "lastName"}, {"name": "income"}]


def question(agreement, **more):
    mother = {"externalId": "EE49001010002", "externalIdType": "personal-code"}
    asked = {"dataAgreementId": agreement["id"], "individual": mother}
    return {**asked, "client": "TEST/GOV/1001/clinic", **more}


async def signed(house, individual=None, /, *, chosen=None, **agreement):
    """Return an agreement under which the mother has signed, and her record's id."""
    made = await house.agreement(dataAttributes=NAMES, **agreement)
    whose = individual or await house.individual()
    choice = {} if chosen is None else {"attributes": chosen}
    kept = await house.sign(whose, made["id"], **choice)
    return made, kept["consentRecord"]["id"]


# -- terms ----------------------------------------------------------------------------------


async def test_terms_are_kept_and_told_in_each_permit(house) -> None:
    terms = {
        **DAILY,
        "dataLife": {"unit": "month", "value": 6},
        "consentMode": "store",
        "extensible": {"maxTimes": 2, "days": 30, "signatureStays": False},
    }
    agreement, _ = await signed(house, terms=terms, validityDays=10, maxAgeSeconds=60)
    assert agreement["terms"] == terms

    answer = await house.decide(agreement["id"], attributes=["firstName"])

    assert answer["dataLife"] == terms["dataLife"]
    assert answer["consentMode"] == "store"
    assert answer["maxAgeSeconds"] == 0, "what is counted is asked each time"
    ends = datetime.fromisoformat(answer["expiresAt"])
    assert timedelta(days=9) < ends - datetime.now(UTC) < timedelta(days=10)
    assert UUID(answer["decisionId"])


@pytest.mark.parametrize(
    "terms",
    [
        {"fetchType": "periodic"},
        {"fetchType": "oneshot", "frequency": {"unit": "day", "value": 1}},
        {"frequency": {"unit": "day", "value": 1}},
        {"fetchType": "sometimes"},
        {"dataLife": {"unit": "day", "value": 0}},
        {"extensible": {"days": 1}},
    ],
)
async def test_terms_that_say_nothing_clear_are_refused(client, house, terms) -> None:
    body = {"dataAgreement": house.agreement_body(terms=terms)}
    assert (await client.post("/config/data-agreement/", json=body)).status_code == 400


async def test_one_shot_is_fetched_once(house) -> None:
    agreement, record = await signed(house, terms=ONCE)

    first, second = await house.decide(agreement["id"]), await house.decide(agreement["id"])

    assert (first["reason"], first["fetchesLeft"]) == ("permitted", 0)
    assert (second["reason"], second["consentRecordId"]) == ("already-fetched", record)
    assert second["fetchesLeft"] == 0
    assert "nextFetchAt" not in second
    assert second["effectiveAttributes"] == []


async def test_a_denial_counts_nothing(house) -> None:
    agreement, _ = await signed(house, terms=ONCE)
    assert not (await house.decide(agreement["id"], attributes=["shoeSize"]))["permitted"]
    assert (await house.decide(agreement["id"]))["permitted"]


async def test_periodic_is_fetched_so_often_and_again_when_the_time_is_over(house, app) -> None:
    agreement, record = await signed(house, terms=DAILY)

    answers = [await house.decide(agreement["id"]) for _ in range(3)]

    assert [one["reason"] for one in answers] == ["permitted", "permitted", "too-soon"]
    assert [one["fetchesLeft"] for one in answers] == [1, 0, 0]
    assert "nextFetchAt" not in answers[0]
    assert answers[1]["nextFetchAt"] == answers[2]["nextFetchAt"]
    first = datetime.fromisoformat(answers[0]["decidedAt"])
    assert datetime.fromisoformat(answers[2]["nextFetchAt"]) == first + timedelta(days=1)
    await _move_fetches(app, record, timedelta(days=1))
    assert (await house.decide(agreement["id"]))["fetchesLeft"] == 1


async def _move_fetches(app, record, back) -> None:
    sql = "UPDATE consent_record SET fetched_at = fetched_at - $2::interval WHERE id = $1"
    async with app.state.database.connection() as connection:
        await connection.fetch(sql, record, back)


async def test_a_consent_given_anew_is_counted_anew(house) -> None:
    mother = await house.individual()
    agreement, record = await signed(house, mother, terms=ONCE)
    await house.decide(agreement["id"])
    await house.opt(mother, record, opt_in=False)
    assert (await house.decide(agreement["id"]))["reason"] == "opted-out"
    await house.sign(mother, agreement["id"])
    assert (await house.decide(agreement["id"]))["permitted"]
    assert (await house.decide(agreement["id"]))["reason"] == "already-fetched"


async def test_terms_agreed_to_stay_when_the_agreement_is_widened(house, client) -> None:
    agreement, _ = await signed(house, terms=ONCE, maxAgeSeconds=5)
    wider = house.agreement_body(dataAttributes=NAMES, maxAgeSeconds=50)
    await client.put(f"/config/data-agreement/{agreement['id']}/", json={"dataAgreement": wider})
    assert (await house.decide(agreement["id"]))["permitted"]
    assert (await house.decide(agreement["id"]))["reason"] == "already-fetched"


async def test_of_many_at_once_one_fetches(committed, house_type) -> None:
    house = house_type(clients_of(committed, "consent")(scopes={"*"}))
    agreement, _ = await signed(house, terms=ONCE)
    daily, _ = await signed(house, await house.individual("EE2"), terms=DAILY)
    other = {"externalId": "EE2"}

    once = await asyncio.gather(*(house.decide(agreement["id"]) for _ in range(8)))
    twice = await asyncio.gather(*(house.decide(daily["id"], individual=other) for _ in range(8)))

    assert sorted(one["reason"] for one in once) == ["already-fetched"] * 7 + ["permitted"]
    assert [one["reason"] for one in twice].count("permitted") == 2
    entries = await committed.state.ledger.search(Search(kinds=["decision"], limit=100))
    written = {entry.facts["decision"] for entry in entries}
    assert written == {one["decisionId"] for one in [*once, *twice]}


# -- what may be had, and why ---------------------------------------------------------------


async def test_a_partial_permit_covers_what_was_chosen(house) -> None:
    agreement, _ = await signed(house, chosen=["lastName", "firstName"])
    asked = ["income", "firstName", "shoeSize"]

    whole = await house.decide(agreement["id"], attributes=asked)
    known = await house.decide(agreement["id"], attributes=asked[:2])
    part = await house.decide(agreement["id"], attributes=asked, partial=True)
    nothing = await house.decide(agreement["id"], attributes=["income"], partial=True)

    assert (whole["reason"], whole["effectiveAttributes"]) == ("attribute-not-covered", [])
    assert (known["reason"], known["effectiveAttributes"]) == ("attribute-not-covered", [])
    assert (part["reason"], part["effectiveAttributes"]) == ("permitted", ["firstName"])
    assert nothing["reason"] == "attribute-not-covered"


async def test_an_explanation_says_what_was_looked_at(house) -> None:
    agreement, _ = await signed(house, terms=ONCE)
    mother = "EE49001010002"

    short = await house.decide(agreement["id"])
    long = await house.decide(agreement["id"], explain=True)

    assert "explanation" not in short
    checks = [each["check"] for each in long["explanation"]]
    assert checks[:3] == ["agreement-known", "agreement-active", "recipient"]
    assert checks[-1] == "fetched-once"
    assert [each["passed"] for each in long["explanation"]] == [True] * (len(checks) - 1) + [False]
    assert mother not in str(long["explanation"])
    (unknown,) = (await house.decide("unknown", explain=True))["explanation"]
    assert (unknown["check"], unknown["passed"]) == ("agreement-known", False)


async def test_a_requester_is_a_client(client, house) -> None:
    agreement, _ = await signed(house)
    asked = question(agreement)
    requester = {**asked, "requester": asked["client"]}
    both = await client.post(PATH, json=requester)
    requester.pop("client")
    one = await client.post(PATH, json=requester)
    requester.pop("requester")
    none = await client.post(PATH, json=requester)
    assert (both.status_code, one.json()["permitted"], none.status_code) == (400, True, 400)


# -- purposes -------------------------------------------------------------------------------


async def test_a_purpose_finds_the_narrowest_agreement_that_covers_all(house) -> None:
    mother = await house.individual()
    wide, _ = await signed(house, mother, purpose="Care")
    narrow = await house.agreement(
        purpose="Care of a child", purposeCode="Care", dataAttributes=NAMES[:2]
    )
    await house.sign(mother, narrow["id"])
    ended, _ = await signed(house, mother, purpose="Care", active=True)
    await house.client.delete(f"/config/data-agreement/{ended['id']}/")
    await signed(house, mother, purpose="Research")

    async def found(**more):
        asked = question(wide, purpose="Care", **more)
        asked.pop("dataAgreementId")
        answer = (await house.client.post(PATH, json=asked)).json()
        return answer["reason"], answer.get("dataAgreementId")

    assert await found(attributes=["firstName"]) == ("permitted", narrow["id"])
    assert await found(attributes=["income"]) == ("permitted", wide["id"])
    assert await found(attributes=["income", "firstName"], partial=True) == (
        "permitted",
        wide["id"],
    )
    assert (await found(attributes=["shoeSize"]))[0] == "attribute-not-covered"
    assert await found(individual={"externalId": "EE2"}) == ("no-record", None)
    both = await house.client.post(PATH, json=question(wide, purpose="Care"))
    assert both.status_code == 400


async def test_a_purpose_finds_nothing_of_others(house, house_for) -> None:
    agreement, _ = await signed(house)
    stranger = house_for(client="TEST/GOV/9/app", scopes={"verification:read"})
    asked = question(agreement, purpose="Register a child")
    asked.pop("dataAgreementId")
    answer = (await stranger.client.post(PATH, json=asked)).json()
    assert (answer["reason"], answer.get("dataAgreementId")) == ("no-record", None)


# -- earlier moments ------------------------------------------------------------------------


async def test_a_decision_as_of_an_earlier_moment(house, client) -> None:
    mother = await house.individual()
    moments = {"before": datetime.now(UTC)}
    agreement, record = await signed(house, mother, terms=ONCE, maxAgeSeconds=60)
    moments["signed"] = datetime.now(UTC)
    await house.opt(mother, record, opt_in=False)
    moments["withdrawn"] = datetime.now(UTC)
    path = f"/service/individual/record/consent-record/{record}/"
    again = {"consentRecord": {"optIn": True}}
    await client.put(path, json=again, headers=house.whose(mother))
    moments["unsigned"] = datetime.now(UTC)
    narrower = house.agreement_body(dataAttributes=NAMES[:1])
    await client.put(f"/config/data-agreement/{agreement['id']}/", json={"dataAgreement": narrower})
    moments["narrowed"] = datetime.now(UTC)
    await client.delete(f"/config/data-agreement/{agreement['id']}/")
    moments["ended"] = datetime.now(UTC)

    reasons = {}
    for name, at in moments.items():
        answer = await house.decide(agreement["id"], attributes=["income"], at=at.isoformat())
        assert datetime.fromisoformat(answer["asOf"]) == at
        assert (answer["maxAgeSeconds"], "fetchesLeft" in answer) == (0, False)
        reasons[name] = answer["reason"]

    assert reasons == {
        "before": "agreement-unknown",
        "signed": "permitted",
        "withdrawn": "opted-out",
        "unsigned": "not-signed",
        "narrowed": "attribute-not-covered",
        "ended": "agreement-inactive",
    }


async def test_an_earlier_moment_counts_nothing_and_is_in_the_ledger(house, app) -> None:
    agreement, record = await signed(house, terms=ONCE)
    at = datetime.now(UTC).isoformat()
    for _ in range(2):
        assert (await house.decide(agreement["id"], at=at))["permitted"]
    (entry, _) = await app.state.ledger.search(Search(kinds=["decision"]))
    assert (entry.facts["asOf"], entry.facts["record"]) == (at, record)
    assert (await house.decide(agreement["id"]))["permitted"]
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    later = await house.client.post(PATH, json=question(agreement, at=tomorrow))
    assert later.status_code == 400


async def test_an_auditor_asks_about_earlier_moments_only(house, house_for) -> None:
    agreement, _ = await signed(house)
    at = datetime.now(UTC).isoformat()
    auditor = house_for(scopes={"audit:read"})
    other = house_for(scopes={"audit:read"}, client="TEST/GOV/9/auditor")
    everywhere = house_for(scopes={"audit:all"}, client="TEST/GOV/9/auditor")

    assert (await auditor.client.post(PATH, json=question(agreement))).status_code == 403
    assert (await auditor.decide(agreement["id"], at=at))["permitted"]
    assert (await other.decide(agreement["id"], at=at))["reason"] == "agreement-unknown"
    assert (await everywhere.decide(agreement["id"], at=at))["permitted"]


# -- the same question again ----------------------------------------------------------------


def with_key(key):
    return {"Idempotency-Key": key}


async def test_the_same_question_again_gets_the_same_answer_and_counts_once(house, app) -> None:
    agreement, _ = await signed(house, terms=DAILY)
    asked = question(agreement, attributes=["firstName"])

    answers = [
        (await house.client.post(PATH, json=asked, headers=with_key(key))).json()
        for key in ("one", "one", "two", "two", "three", "one")
    ]

    one, two, three = answers[0], answers[2], answers[4]
    assert answers == [one, one, two, two, three, one]
    assert (one["fetchesLeft"], two["fetchesLeft"], three["reason"]) == (1, 0, "too-soon")
    async with app.state.database.connection() as connection:
        kept = await connection.fetch("SELECT * FROM decision_answer")
    assert len(kept) == 3
    assert "EE4900" not in str(kept)


async def test_without_a_key_nothing_is_kept(house, app) -> None:
    agreement, _ = await signed(house, terms=DAILY)
    await house.decide(agreement["id"])
    async with app.state.database.connection() as connection:
        assert await connection.fetch("SELECT * FROM decision_answer") == []


async def test_a_key_belongs_to_one_client_and_one_question(house, house_for) -> None:
    agreement, _ = await signed(house, dataSources=["TEST/GOV/2"])
    asked = question(agreement, dataSource="TEST/GOV/2")

    async def ask(who, **more):
        return await who.client.post(PATH, json=asked | more, headers=with_key("k"))

    first = await ask(house)
    other = await ask(house, attributes=["firstName"])
    elsewhere = await ask(house_for(client="TEST/GOV/2/registry"), attributes=["firstName"])

    assert other.status_code == 400
    assert "key" in other.json()["detail"]
    assert elsewhere.json()["permitted"]
    assert (await ask(house)).json() == first.json()
    empty = await house.client.post(PATH, json=asked, headers=with_key(""))
    long = await house.client.post(PATH, json=asked, headers=with_key("k" * 256))
    assert (empty.status_code, long.status_code) == (400, 400)


async def test_a_withdrawal_is_stronger_than_a_key(house) -> None:
    mother = await house.individual()
    agreement, record = await signed(house, mother, terms=ONCE)
    asked = question(agreement)

    async def ask():
        return (await house.client.post(PATH, json=asked, headers=with_key("k"))).json()

    first = await ask()
    assert await ask() == first
    await house.opt(mother, record, opt_in=False)
    after = await ask()
    assert (after["reason"], after["decisionId"] != first["decisionId"]) == ("opted-out", True)


async def test_a_repeated_answer_is_reusable_for_what_is_left_of_its_time(house, app) -> None:
    agreement, _ = await signed(house, maxAgeSeconds=60)

    async def ask():
        answer = await house.client.post(PATH, json=question(agreement), headers=with_key("k"))
        return answer.json()

    first = await ask()
    assert first["maxAgeSeconds"] == 60
    again = await ask()
    assert again == first | {"maxAgeSeconds": again["maxAgeSeconds"]}
    assert 50 < again["maxAgeSeconds"] < 60
    async with app.state.database.connection() as connection:
        await connection.fetch("UPDATE decision_answer SET at = at - interval '24 hours'")
    assert (await ask())["decisionId"] != first["decisionId"], "after a day the key is new"


async def test_the_same_key_at_once_counts_once(committed, house_type) -> None:
    house = house_type(clients_of(committed, "consent")(scopes={"*"}))
    agreement, record = await signed(house, terms=DAILY)
    asked = question(agreement)

    answers = await asyncio.gather(
        *(house.client.post(PATH, json=asked, headers=with_key("k")) for _ in range(8))
    )

    assert len({answer.json()["decisionId"] for answer in answers}) == 1
    async with committed.state.database.connection() as connection:
        row = await connection.fetchrow("SELECT fetches FROM consent_record WHERE id = $1", record)
    assert row["fetches"] == 1


async def test_no_fetch_is_counted_and_no_answer_kept_without_its_entry(
    committed, house_type
) -> None:
    house = house_type(clients_of(committed, "consent")(scopes={"*"}))
    agreement, record = await signed(house, terms=ONCE)

    async def ask():
        return await house.client.post(PATH, json=question(agreement), headers=with_key("k"))

    owner = await asyncpg.connect(committed.state.urls.owner)
    await owner.execute(
        "CREATE FUNCTION gone() RETURNS trigger LANGUAGE plpgsql AS "
        "$$BEGIN RAISE 'gone' USING ERRCODE = 'admin_shutdown'; END$$; "
        "CREATE TRIGGER gone BEFORE INSERT ON evidence_entry EXECUTE FUNCTION gone()"
    )
    assert (await ask()).status_code == 503
    kept = await owner.fetch("SELECT FROM decision_answer")
    fetches = await owner.fetchval("SELECT fetches FROM consent_record WHERE id = $1", record)
    await owner.execute("DROP TRIGGER gone ON evidence_entry")
    await owner.close()

    assert (kept, fetches) == ([], 0)
    assert (await ask()).json()["permitted"]
    assert len(await committed.state.ledger.search(Search(kinds=["decision"]))) == 1
