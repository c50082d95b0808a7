"""Looking at records over HTTP."""

import pytest

BASE = "/data/MCTS/1.0"
CHILD = {"id": "EE5", "firstName": "Usha", "birthdate": "2026-01-30"}


async def _create(client, content, base=BASE):
    made = await client.post(f"{base}/create", json={"write": {"content": content}})
    assert made.status_code == 200, made.text
    return made.json()["content"]


async def _read(client, base=BASE, **query):
    return await client.post(f"{base}/read", json={"query": {"content": query}})


async def test_a_record_that_is_not_there_is_answered_as_govstack_fixes_it(owner, mcts):
    missing = await _read(owner, ID="MCTS9")
    assert missing.status_code == 404
    assert missing.headers["content-type"] == "application/json"
    assert missing.json() == {"detail": "no record found"}
    assert (await owner.get(f"{BASE}/MCTS9/readValue/ID.json")).json() == missing.json()
    body = {"query": {"content": {"ID": "MCTS9"}}, "write": {"content": {"village": "x"}}}
    assert (await owner.put(f"{BASE}/update", json=body)).json() == missing.json()


async def test_a_query_must_say_something_this_version_has(owner, mcts):
    assert (await _read(owner)).status_code == 400
    refused = await _read(owner, child={"shoe": 5})
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["pointer"] == "#/query/content/child/shoe"


async def test_exists_always_says_why(owner, mcts):
    await _create(owner, {"village": "A"})
    for body in ({"query": {"content": {"ID": "MCTS1"}}}, {"ID": "MCTS1", "village": "A"}):
        answer = (await owner.post(f"{BASE}/exists", json=body)).json()["answer"]
        assert answer == {"status": True, "message": "Object found from database"}
    answer = (await owner.post(f"{BASE}/exists", json={"ID": "MCTS2"})).json()["answer"]
    assert answer == {"status": False, "message": "no record found"}
    assert (await owner.post(f"{BASE}/exists")).status_code == 400
    assert (await owner.post(f"{BASE}/exists", json={})).status_code == 400
    assert (await owner.post(f"{BASE}/exists", json=[1])).status_code == 400
    assert (await owner.post(f"{BASE}/exists", json={"ID": "\x00"})).status_code == 400


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("ID", "MCTS1"),
        ("weight", 3.5),
        ("child", CHILD),
        ("child.firstName", "Usha"),
        ("village", None),
    ],
)
async def test_one_value_is_bare_json(owner, mcts, field, value):
    await _create(owner, {"child": CHILD, "weight": 3.5})
    answer = await owner.get(f"{BASE}/MCTS1/readValue/{field}.json")
    assert (answer.status_code, answer.json()) == (200, value)


async def test_a_value_is_found_by_record_id_and_given_as_json_only(owner, mcts, entries):
    await _create(owner, {})
    [entry] = await entries("record.created")
    record = entry.object.split(":")[-1]
    assert (await owner.get(f"{BASE}/{record}/readValue/ID.json")).json() == "MCTS1"
    assert (await owner.get(f"{BASE}/{record}/readValue/ID.xml")).status_code == 400
    assert (await owner.get(f"{BASE}/{record}/readValue/shoe.json")).status_code == 400


async def test_each_read_of_personal_data_leaves_one_entry(owner, mcts, entries):
    await _create(owner, {"child": CHILD})
    await _read(owner, ID="MCTS1")
    await owner.get(BASE)
    await owner.get(f"{BASE}/MCTS1/readValue/child.birthdate.json")
    await owner.get(f"{BASE}/MCTS1/readValue/village.json")
    found = await entries("record.read", subject="EE5")
    personal = ["child.id", "child.firstName", "child.birthdate"]
    assert [(e.facts["operation"], e.facts["fields"]) for e in found] == [
        ("read", personal),
        ("list", personal),
        ("readValue", ["child.birthdate"]),
    ]
    assert found[0].facts["recordNumber"] == 1
    assert found[0].detail["readerId"] == "EE1"
    assert len(await entries("record.read")) == 3
    assert "EE5" not in str([(e.object, e.facts) for e in found])


async def test_a_record_about_two_people_is_noted_for_both(owner, publish, entries):
    schema = {
        "properties": {
            "child": {"type": "string", "x-personalDataId": True},
            "mother": {"type": "string", "x-personalDataId": True},
        }
    }
    await publish(owner, "TWO", schema)
    await _create(owner, {"child": "C", "mother": "M"}, "/data/TWO/1.0")
    await _read(owner, "/data/TWO/1.0", child="C")
    for person in ("C", "M"):
        assert len(await entries("record.read", subject=person)) == 1


async def test_a_read_that_names_nobody_is_noted_without_a_person(owner, mcts, entries):
    await _create(owner, {"child": {"firstName": "Usha"}})
    await _read(owner, ID="MCTS1")
    [entry] = await entries("record.read")
    assert entry.detail is None


async def test_nothing_is_noted_of_a_registry_without_personal_data(owner, publish, entries):
    await publish(owner, "P", {"properties": {"name": {"type": "string"}}})
    await _create(owner, {"name": "Ann"}, "/data/P/1.0")
    await owner.get("/data/P/1.0")
    await _read(owner, "/data/P/1.0", name="Ann")
    assert await entries("record.read") == []


async def test_exists_is_noted_when_it_matched_personal_data(owner, mcts, entries):
    await _create(owner, {"child": CHILD})
    for body in ({"child": {"id": "EE5"}}, {"child": {"id": "EE6"}}, {"ID": "MCTS1"}):
        await owner.post(f"{BASE}/exists", json=body)
    [entry] = await entries("record.checked")
    assert entry.facts["fields"] == ["child.id"]
    named = {"child": {"firstName": CHILD["firstName"], "birthdate": CHILD["birthdate"]}}
    await owner.post(f"{BASE}/exists", json={"query": {"content": named}})
    entry = (await entries("record.checked"))[-1]
    assert set(entry.facts["fields"]) == {"child.firstName", "child.birthdate"}


async def test_a_field_marked_personal_later_is_noted_in_older_versions_too(
    owner, publish, entries
):
    await publish(owner, "P", {"properties": {"name": {"type": "string"}}})
    await _create(owner, {"name": "Ann"}, "/data/P/1.0")
    marked = {"properties": {"name": {"type": "string", "x-personalData": True}}}
    await publish(owner, "P", marked)
    await _read(owner, "/data/P/1.0", name="Ann")
    [entry] = await entries("record.read")
    assert entry.facts["fields"] == ["name"]


# -- consent -------------------------------------------------------------------------------


@pytest.fixture
async def guarded(owner, publish, mcts_schema, consent_rule, consents):
    await publish(owner, "MCTS", mcts_schema, access=consent_rule)
    await _create(owner, {"child": CHILD, "village": "Longroad"})
    return consents


async def test_another_member_reads_with_the_persons_consent(other, guarded, entries):
    headers = {"x-legal-basis": "Health Act 5"}
    body = {"query": {"content": {"ID": "MCTS1"}}}
    read = await other.post(f"{BASE}/read", json=body, headers=headers)
    assert read.status_code == 200
    assert guarded.asked == [
        {
            "dataAgreementId": "agreement-1",
            "individual": {"externalId": "EE5", "externalIdType": "national-id"},
            "client": "TEST/GOV/2002/clinic",
            "dataSource": "TEST/GOV/1001",
            "attributes": ["child.id", "child.firstName", "child.birthdate"],
        }
    ]
    [entry] = await entries("record.read")
    assert entry.facts["consentRecordId"] == "c-1"
    assert entry.detail["legalBasis"] == "Health Act 5"
    assert "Health Act" not in str(entry.facts)
    assert entry.tenant == "TEST/GOV/1001"
    assert entry.detail["readerId"] == "EE-DOCTOR"
    assert entry.detail["institutionName"] == "Health Ministry"


async def test_every_read_asks_again(other, guarded):
    for permitted, status in ((True, 200), (False, 403), (True, 200)):
        guarded.permitted = permitted
        assert (await _read(other, ID="MCTS1")).status_code == status
    value = await other.get(f"{BASE}/MCTS1/readValue/child.firstName.json")
    assert value.json() == "Usha"
    assert guarded.asked[-1]["attributes"] == ["child.firstName"]
    assert len(guarded.asked) == 4


async def test_a_refused_read_shows_nothing_and_is_noted(other, guarded, entries):
    guarded.permitted = False
    for answer in (
        await _read(other, ID="MCTS1"),
        await other.get(f"{BASE}/MCTS1/readValue/child.firstName.json"),
    ):
        assert answer.status_code == 403
        assert answer.json()["title"] == "Consent is required"
        assert answer.json()["detail"].endswith("(opted-out)")
        assert "Usha" not in answer.text
    assert await entries("record.read") == []
    found = await entries("record.refused", subject="EE5")
    assert [entry.facts["reason"] for entry in found] == ["opted-out"] * 2


@pytest.mark.parametrize(
    ("status", "body"),
    [(503, None), (500, None), (403, None), (401, None), (200, "no"), (200, "[]"), (200, "{}")],
)
async def test_without_a_clear_decision_nothing_is_shown(other, guarded, entries, status, body):
    guarded.status, guarded.body = status, body
    answer = await _read(other, ID="MCTS1")
    assert answer.status_code == 503
    assert "Usha" not in answer.text
    assert await entries("record.read") == []


async def test_nobody_is_asked_about_a_record_that_is_not_there(other, guarded):
    assert (await _read(other, ID="MCTS9")).status_code == 404
    assert guarded.asked == []


async def test_a_record_that_names_nobody_is_not_shown_to_others(owner, other, guarded):
    await _create(owner, {"village": "Nowhere"})
    answer = await _read(other, village="Nowhere")
    assert answer.status_code == 403
    assert answer.json()["detail"].endswith("(no-record)")
    assert guarded.asked == []


async def test_nobody_consents_to_a_client_that_is_no_application(client_for, guarded, entries):
    async with client_for(scopes={"*"}, client="administrator", tenant="TEST/GOV/1001") as nobody:
        refused = await _read(nobody, ID="MCTS1")
    assert refused.status_code == 403
    assert refused.json()["detail"].endswith("(wrong-recipient)")
    assert guarded.asked == []
    assert len(await entries("record.refused")) == 1


async def test_a_database_nobody_opened_is_closed_to_who_has_no_credentials(client_for, mcts):
    async with client_for(scopes={"*"}, client="anonymous", tenant="TEST/GOV/1001") as nobody:
        refused = await _read(nobody, ID="MCTS1")
    assert refused.status_code == 401


async def test_the_owner_needs_no_consent(owner, guarded):
    guarded.permitted = False
    assert (await _read(owner, ID="MCTS1")).status_code == 200
    assert (await owner.get(BASE)).json()["count"] == 1
    assert guarded.asked == []


async def test_another_members_list_is_refused_where_consent_is_needed(owner, other, guarded):
    assert (await owner.get(BASE)).status_code == 200  # what is remembered of it opens nothing
    refused = await other.get(BASE)
    assert refused.status_code == 403
    assert "one record at a time" in refused.json()["detail"]
    assert (await other.post(f"{BASE}/exists", json={"ID": "MCTS1"})).status_code == 200


async def test_a_write_by_another_member_shows_only_what_it_wrote(other, guarded):
    body = {"query": {"content": {"ID": "MCTS1"}}, "write": {"content": {"village": "B"}}}
    done = await other.post(f"{BASE}/updateOrCreate", json=body)
    assert done.json() == {"content": {"village": "B"}}


async def test_the_consent_may_be_a_named_persons(owner, other, publish, consents):
    schema = {
        "properties": {
            "child": {"type": "string", "x-personalDataId": {"type": "national-id"}},
            "carer": {"type": "string", "x-personalDataId": {"type": "national-id"}},
            "passport": {"type": "string", "x-personalDataId": {"type": "passport"}},
        }
    }
    rule = {"dataAgreementId": "a", "externalIdType": "national-id", "personalDataIdField": "carer"}
    await publish(owner, "C", schema, access={"requiresConsent": rule})
    await _create(owner, {"child": "EE1", "carer": "EE2", "passport": "P3"}, "/data/C/1.0")
    await _read(other, "/data/C/1.0", child="EE1")
    rule = {"dataAgreementId": "a", "externalIdType": "passport"}
    await publish(owner, "C", schema, access={"requiresConsent": rule})
    await _read(other, "/data/C/1.0", child="EE1")
    assert [asked["individual"]["externalId"] for asked in consents.asked] == ["EE2", "P3"]


async def test_consent_asked_for_later_holds_for_older_versions(  # noqa: PLR0913, PLR0917  fixtures
    owner, other, publish, mcts_schema, consent_rule, consents
):
    await publish(owner, "MCTS", mcts_schema)
    await _create(owner, {"child": CHILD})
    assert (await _read(other, ID="MCTS1")).status_code == 200
    await publish(owner, "MCTS", mcts_schema, access=consent_rule)
    consents.permitted = False
    assert (await _read(other, ID="MCTS1")).status_code == 403
