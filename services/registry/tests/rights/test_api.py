"""Who may do what with records, over HTTP (DRS-6)."""

from datetime import UTC, datetime, timedelta

import pytest

BASE = "/data/PEOPLE/1.0"
SCHEMA = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "primaryKey": True, "x-personalDataId": True},
        "name": {"type": "string", "x-personalData": True},
        "village": {"type": "string"},
        "income": {"type": "integer", "x-personalData": True},
        "phone": {"type": "string", "x-mask": {"keepLast": 4}},
        "status": {"type": "string", "enum": ["PENDING", "APPROVED"]},
    },
}
USHA = {
    "id": "EE1",
    "name": "Usha",
    "village": "Sild",
    "income": 900,
    "phone": "+37255501234",
    "status": "APPROVED",
}
KASK = {
    "id": "EE2",
    "name": "Kask",
    "village": "Narva",
    "income": 2500,
    "phone": "+37255509876",
    "status": "PENDING",
}
CLINIC = {"members": ["TEST/GOV/2002"]}


def _policy(actions=("read", "list"), subject=CLINIC, **more):
    return {"name": "p", "subject": subject, "actions": list(actions), **more}


@pytest.fixture
async def people(owner, publish):
    """Return the id of a registry with two people."""
    number = await publish(owner, "PEOPLE", SCHEMA)
    for content in (USHA, KASK):
        made = await owner.post(f"{BASE}/create", json={"write": {"content": content}})
        assert made.status_code == 200, made.text
    return number


@pytest.fixture
def decide(owner, people):
    """Return what sets the registry's policies."""

    async def put(*policies, **more):
        body = {"policies": list(policies), **more}
        answer = await owner.put(f"/database/{people}/rights", json=body)
        assert answer.status_code == 200, answer.text
        return answer

    return put


async def _read(client, base=BASE, **query):
    return await client.post(f"{base}/read", json={"query": {"content": query}})


async def test_what_no_policy_allows_is_denied_to_other_members(owner, other, decide):
    assert (await _read(other, id="EE1")).status_code == 200
    await decide()
    refused = await _read(other, id="EE1")
    assert refused.status_code == 403
    assert refused.json()["detail"] == "no policy allows you to read"
    assert (await other.get(BASE)).status_code == 403
    assert (await _read(owner, id="EE1")).json()["content"] == USHA


async def test_a_policy_opens_one_action_and_no_other(other, decide):
    await decide(_policy(actions=["read"]))
    assert (await _read(other, id="EE1")).status_code == 200
    assert (await other.get(BASE)).status_code == 403
    new = {"write": {"content": {"id": "EE3"}}}
    assert (await other.post(f"{BASE}/create", json=new)).status_code == 403
    assert (await other.delete(f"{BASE}/EE1/delete")).status_code == 403
    assert (await other.post(f"{BASE}/updateOrCreate", json=new)).status_code == 403


async def test_only_the_least_fields_are_returned(other, decide, entries):
    await decide(_policy(fields=["id", "village"]))
    assert (await _read(other, id="EE1")).json() == {"content": {"id": "EE1", "village": "Sild"}}
    listed = (await other.get(BASE)).json()["results"]
    assert [sorted(each) for each in listed] == [["id", "village"], ["id", "village"]]
    value = await other.get(f"{BASE}/EE1/readValue/name.json")
    assert value.json() is None
    assert all(e.facts["fields"] == ["id"] for e in await entries("record.read"))


async def test_a_field_that_does_not_show_cannot_be_guessed_by_asking_for_it(other, decide):
    await decide(_policy(actions=["read", "exists", "list"], fields=["id", "village"]))
    assert (await _read(other, income=900)).status_code == 403
    body = {"query": {"content": {"income": 900}}}
    assert (await other.post(f"{BASE}/exists", json=body)).status_code == 403
    assert (await _read(other, village="Sild")).status_code == 200


async def test_a_field_may_be_asked_for_by_and_not_shown(other, decide):
    await decide(_policy(fields=["village"], lookups=["id"]))
    assert (await _read(other, id="EE1")).json() == {"content": {"village": "Sild"}}


async def test_a_rule_on_records_hides_the_others(other, decide):
    await decide(
        _policy(
            actions=["read", "list", "update", "delete"],
            records={"field": "village", "is": "Sild"},
        )
    )
    assert (await _read(other, id="EE1")).status_code == 200
    assert (await _read(other, id="EE2")).status_code == 404
    change = {"query": {"content": {"id": "EE2"}}, "write": {"content": {"name": "X"}}}
    assert (await other.put(f"{BASE}/update", json=change)).status_code == 404
    assert (await other.delete(f"{BASE}/EE2/delete")).status_code == 204
    assert (await other.get(f"{BASE}/EE2/readValue/name.json")).status_code == 404


async def test_what_is_hidden_was_not_deleted_either(owner, other, decide):
    await decide(_policy(actions=["delete"], records={"field": "village", "is": "Sild"}))
    await other.delete(f"{BASE}/EE2/delete")
    assert (await _read(owner, id="EE2")).status_code == 200


async def test_a_field_shows_once_the_record_says_so(owner, other, decide):
    await decide(
        _policy(fields=["id", "status"]),
        {**_policy(records={"field": "status", "is": "APPROVED"}), "name": "q"},
    )
    assert (await _read(other, id="EE1")).json()["content"]["income"] == 900
    assert (await _read(other, id="EE2")).json()["content"] == {"id": "EE2", "status": "PENDING"}
    change = {"query": {"content": {"id": "EE2"}}, "write": {"content": {"status": "APPROVED"}}}
    assert (await owner.put(f"{BASE}/update", json=change)).status_code == 200
    assert (await _read(other, id="EE2")).json()["content"]["income"] == 2500


async def test_two_roles_see_the_same_record_differently(client_for, decide):
    await decide(
        _policy(subject={"roles": ["clerk"]}),
        {**_policy(subject={"roles": ["doctor"]}, unmasked=["phone"]), "name": "q"},
    )
    seen = {}
    for role in ("clerk", "doctor"):
        async with client_for(
            scopes={"records:read"}, client="TEST/GOV/2002/c", tenant="TEST/GOV/1001", roles={role}
        ) as client:
            seen[role] = (await _read(client, id="EE1")).json()["content"]["phone"]
    assert seen == {"clerk": "****1234", "doctor": "+37255501234"}


async def test_a_denial_wins_over_what_is_allowed(other, decide):
    deny = {**_policy(fields=["income"]), "effect": "deny", "name": "no income"}
    await decide(_policy(), deny)
    shown = (await _read(other, id="EE1")).json()["content"]
    assert "income" not in shown
    assert shown["name"] == "Usha"
    del deny["fields"]
    await decide(_policy(), deny)
    refused = await _read(other, id="EE1")
    assert refused.json()["detail"] == "the policy no income denies you to read"


async def test_an_attribute_of_the_caller_decides_and_counts_at_once(owner, other, decide):
    await decide(_policy(records={"field": "village", "is": {"caller": "district"}}))
    assert (await _read(other, id="EE1")).status_code == 404
    holder = {"kind": "client", "party": "TEST/GOV/2002/clinic", "attributes": {"district": "Sild"}}
    kept = (await owner.post("/role-holders", json=holder)).json()
    assert (await _read(other, id="EE1")).status_code == 200
    assert (await _read(other, id="EE2")).status_code == 404
    await owner.post("/role-holders", json={**holder, "attributes": {"district": "Narva"}})
    assert (await _read(other, id="EE1")).status_code == 404
    assert (await _read(other, id="EE2")).status_code == 200
    assert (await owner.delete(f"/role-holders/{kept['id']}")).status_code == 204
    assert (await _read(other, id="EE2")).status_code == 404


async def test_who_leaves_a_group_loses_what_it_gave(owner, other, decide):
    await decide()
    reads = {"name": "reads", "actions": ["read"]}
    await owner.put("/roles/clinician", json={"policies": [reads]})
    await owner.put("/groups/night-shift", json={"roles": ["clinician"]})
    holder = {"kind": "client", "party": "TEST/GOV/2002/clinic", "groups": ["night-shift"]}
    await owner.post("/role-holders", json=holder)
    assert (await _read(other, id="EE1")).status_code == 200
    await owner.post("/role-holders", json={**holder, "groups": []})
    assert (await _read(other, id="EE1")).status_code == 403
    await owner.post("/role-holders", json=holder)
    await owner.delete("/groups/night-shift")
    assert (await _read(other, id="EE1")).status_code == 403


async def test_what_somebody_holds_ends_by_its_date(owner, other, decide):
    await decide(_policy(subject={"roles": ["guest"]}))
    ended = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    holder = {"kind": "client", "party": "TEST/GOV/2002/clinic", "roles": ["guest"]}
    await owner.post("/role-holders", json=holder)
    assert (await _read(other, id="EE1")).status_code == 200
    await owner.post("/role-holders", json={**holder, "validUntil": ended})
    assert (await _read(other, id="EE1")).status_code == 403


async def test_a_template_decides_alike_in_two_registries(owner, other, publish, people):
    second = await publish(owner, "SECOND", SCHEMA)
    await owner.post("/data/SECOND/1.0/create", json={"write": {"content": USHA}})
    policies = [_policy(fields=["id", "name"])]
    await owner.put("/access-templates/names", json={"policies": policies})
    for number in (people, second):
        await owner.put(f"/database/{number}/rights", json={"templates": ["names"]})
    answers = [await _read(other, base, id="EE1") for base in (BASE, "/data/SECOND/1.0")]
    assert [a.json() for a in answers] == [{"content": {"id": "EE1", "name": "Usha"}}] * 2
    assert (await owner.delete("/access-templates/names")).status_code == 409
    await owner.put("/access-templates/names", json={"policies": []})
    assert (await _read(other, id="EE1")).status_code == 403


async def test_an_open_registry_is_read_without_credentials(client_for, decide):
    open_to_all = {"roles": ["anonymous"]}
    await decide(_policy(subject=open_to_all, fields=["village"]))
    tenant = "TEST/GOV/1001"
    async with client_for(scopes={"*"}, client="anonymous", tenant=tenant) as nobody:
        listed = await nobody.get(BASE)
        assert [sorted(each) for each in listed.json()["results"]] == [["village"]] * 2
        assert (await nobody.post(f"{BASE}/create", json={})).status_code in {400, 401}
        await decide(_policy(subject={"roles": ["authenticated"]}))
        assert (await nobody.get(BASE)).status_code == 401


async def test_a_guardian_reads_within_the_dates_only(owner, client_for, decide):
    own = {"field": "id", "in": {"caller": "people"}}
    await decide(_policy(subject={"roles": ["authenticated"]}, records=own))
    asked = {"principal": "EE1", "delegate": "EE-MOTHER", "databases": ["PEOPLE"]}
    made = await owner.post("/delegations", json=asked)
    assert made.status_code == 201
    portal = {"client": "TEST/GOV/3/portal", "tenant": "TEST/GOV/1001", "scopes": {"records:read"}}
    async with client_for(**portal, person="EE-MOTHER") as mother:
        assert (await _read(mother, id="EE1")).status_code == 200
        seen = await owner.post(
            "/data/personalDataUsage", json={"userId": "EE1", "databaseId": "PEOPLE"}
        )
        assert seen.json()[0]["readerId"] == "EE-MOTHER"
        assert seen.json()[0]["onBehalfOf"] == "EE1"
        assert (await _read(mother, id="EE2")).status_code == 404
        await owner.delete(f"/delegations/{made.json()['id']}")
        assert (await _read(mother, id="EE1")).status_code == 404
        later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        await owner.post("/delegations", json={**asked, "validFrom": later})
        assert (await _read(mother, id="EE1")).status_code == 404
    async with client_for(**portal, person="EE1") as usha:
        assert (await _read(usha, id="EE1")).status_code == 200


async def test_a_person_lets_others_speak_for_themselves_only(client_for):
    async with client_for(
        scopes={"delegations"}, client="TEST/GOV/1001/portal", tenant="TEST/GOV/1001", person="EE1"
    ) as usha:
        asked = {"principal": "EE1", "delegate": "EE5"}
        made = await usha.post("/delegations", json=asked)
        assert made.status_code == 201
        refused = await usha.post("/delegations", json={"principal": "EE2", "delegate": "EE5"})
        assert refused.status_code == 403
        itself = await usha.post("/delegations", json={"principal": "EE1", "delegate": "EE1"})
        assert itself.status_code == 400
        assert len((await usha.get("/delegations")).json()) == 1
    async with client_for(
        scopes={"delegations"}, client="TEST/GOV/1001/portal", tenant="TEST/GOV/1001", person="EE9"
    ) as stranger:
        assert (await stranger.get("/delegations")).json() == []
        number = made.json()["id"]
        assert (await stranger.get(f"/delegations/{number}")).status_code == 404
        assert (await stranger.delete(f"/delegations/{number}")).status_code == 204
    async with client_for(
        scopes={"delegations"}, client="TEST/GOV/1001/portal", tenant="TEST/GOV/1001", person="EE1"
    ) as usha:
        assert (await usha.get(f"/delegations/{number}")).json().get("revokedAt") is None


async def test_a_policy_can_ask_for_consent_and_for_a_law(other, decide, consents):
    consent = {"dataAgreementId": "agreement-1", "externalIdType": "national-id"}
    await decide(
        _policy(fields=["id", "village"]),
        {**_policy(requiresConsent=consent), "name": "with consent"},
    )
    assert "income" in (await _read(other, id="EE1")).json()["content"]
    consents.permitted = False
    shown = (await _read(other, id="EE1")).json()["content"]
    assert shown == {"id": "EE1", "village": "Sild"}
    await decide(_policy(requiresLegalBasis=True))
    refused = await _read(other, id="EE1")
    assert refused.status_code == 400
    assert "X-Legal-Basis" in refused.json()["detail"]
    other.headers["X-Legal-Basis"] = "Health Act 5"
    assert (await _read(other, id="EE1")).status_code == 200


async def test_only_fields_that_are_granted_are_written(owner, other, decide):
    await decide(_policy(actions=["read", "update", "create"], fields=["id", "village"]))
    change = {"query": {"content": {"id": "EE1"}}, "write": {"content": {"income": 1}}}
    refused = await other.put(f"{BASE}/update", json=change)
    assert refused.status_code == 403
    assert refused.json()["errors"][0]["pointer"] == "#/write/content/income"
    change["write"]["content"] = {"village": "Tartu"}
    assert (await other.put(f"{BASE}/update", json=change)).status_code == 200
    assert (await _read(owner, id="EE1")).json()["content"] == {**USHA, "village": "Tartu"}


async def test_an_owner_bound_by_policies_needs_one_too(owner, decide):
    await decide(bindsOwner=True)
    assert (await _read(owner, id="EE1")).status_code == 403
    await decide(_policy(subject={"members": ["TEST/GOV/1001"]}), bindsOwner=True)
    assert (await _read(owner, id="EE1")).status_code == 200


async def test_why_something_is_refused_can_be_asked(owner, people, decide):
    await decide(
        _policy(subject={"roles": ["doctor"]}, fields=["id"]),
        {**_policy(actions=["list"]), "name": "q"},
    )
    asked = {"client": "TEST/GOV/2002/clinic", "action": "read"}
    answer = (await owner.post(f"/database/{people}/rights/why", json=asked)).json()
    assert answer["allowed"] is False
    assert [each.get("mismatch") for each in answer["policies"]] == ["subject.roles", "actions"]
    asked["roles"] = ["doctor"]
    answer = (await owner.post(f"/database/{people}/rights/why", json=asked)).json()
    assert (answer["allowed"], answer["fields"]) == (True, ["id"])


@pytest.mark.parametrize(
    ("policy", "pointer"),
    [
        ({"name": "p", "actions": ["read"]}, "#/policies/0/subject"),
        (_policy(actions=["fly"]), "#/policies/0/actions/0"),
        (_policy(fields=["nothing"]), "#/policies/0/fields/0"),
        (_policy(records={"field": "nothing", "is": 1}), "#/policies/0/records/field"),
        (_policy(mask={"name": {"keep": 1}}), "#/policies/0/mask/name/keep"),
        (_policy(validUntil="tomorrow"), "#/policies/0/validUntil"),
        (_policy(effect="perhaps"), "#/policies/0/effect"),
        (_policy(colour="red"), "#/policies/0/colour"),
    ],
)
async def test_a_policy_that_means_nothing_is_refused_naming_the_place(
    owner, people, policy, pointer
):
    refused = await owner.put(f"/database/{people}/rights", json={"policies": [policy]})
    assert refused.status_code == 400, refused.text
    assert refused.json()["errors"][0]["pointer"] == pointer


async def test_the_same_rights_again_leave_no_entry(owner, people, decide, entries):
    for _ in range(3):
        await decide(_policy())
    assert len(await entries("database.rights-changed")) == 1
    assert (await owner.get(f"/database/{people}/rights")).json()["policies"] == [_policy()]
    for _ in range(2):
        assert (await owner.delete(f"/database/{people}/rights")).status_code == 204
    assert len(await entries("database.rights-changed")) == 2
