"""Policies as administrators keep them."""

import pytest

from kit.evidence import Search


async def test_a_policy_is_created_read_changed_and_deleted(house, client, app) -> None:
    made = await house.policy(name="One", jurisdiction="EE")
    path = f"/config/policy/{made['id']}/"
    changed = {"name": "Two", "version": "2", "url": "https://example.org/p/2"}

    updated = (await client.put(path, json={"policy": changed})).json()
    again = (await client.put(path, json={"policy": changed})).json()
    revisions = (await client.get(f"{path}revisions/")).json()

    assert updated == again, "equal content makes no new revision"
    assert updated["policy"] == {**changed, "id": made["id"]}
    first, second = revisions["revisions"]
    assert second["predecessorHash"] == first["serializedHash"]
    assert first["successor"]["id"] == second["id"]
    old = (await client.get(path, params={"revisionId": first["id"]})).json()
    assert old["policy"]["jurisdiction"] == "EE"
    shown = (await client.get("/service" + path.removeprefix("/config"))).json()
    assert shown["policy"]["name"] == "Two"
    then = (await client.get("/config/policies/", params={"revisionId": first["id"]})).json()
    assert [each["name"] for each in then["policies"]] == ["One"]

    deleted = await client.delete(path)
    assert (await client.delete(path)).json() == deleted.json()
    assert (await client.get(path)).status_code == 400
    assert (await client.put(path, json={"policy": changed})).status_code == 400
    assert (await client.get("/config/policies/")).json() == {"policies": []}
    kinds = [e.kind for e in await app.state.ledger.search(Search())]
    assert kinds == ["policy.deleted", "policy.updated", "policy.created"]


async def test_a_policy_under_an_active_agreement_stays(house, client) -> None:
    policy = await house.policy()
    agreement = await house.agreement(policy={"id": policy["id"]})

    assert (await client.delete(f"/config/policy/{policy['id']}/")).status_code == 400
    await client.delete(f"/config/data-agreement/{agreement['id']}/")
    assert (await client.delete(f"/config/policy/{policy['id']}/")).status_code == 200


async def test_an_administrator_loads_the_same_policy_twice(house_for) -> None:
    loader = house_for(roles={"administrator"})
    neighbour = house_for(roles={"administrator"}, client="TEST/GOV/2002/hospital")
    body = {"policy": {"id": "1", "name": "P", "version": "1", "url": "https://example.org"}}

    first = await loader.client.post("/config/policy/", json=body)
    second = await loader.client.post("/config/policy/", json=body)
    other = await loader.client.post(
        "/config/policy/", json={"policy": body["policy"] | {"name": "Q"}}
    )
    elsewhere = await neighbour.client.post("/config/policy/", json=body)

    assert first.json() == second.json()
    assert first.json()["policy"]["id"] == "1"
    assert (other.status_code, elsewhere.status_code) == (400, 400)
    assert len(await loader.audit_revisions("1")) == 1


async def test_an_id_from_anybody_else_is_not_taken(house) -> None:
    assert (await house.policy(id="1"))["id"] != "1"


@pytest.mark.parametrize("path", ["/config/policy/unknown/", "/service/policy/%20/"])
async def test_an_unknown_policy_is_400(client, path) -> None:
    assert (await client.get(path)).status_code == 400


async def test_a_revision_of_another_object_is_400(house, client) -> None:
    one, two = await house.policy(), await house.policy(name="Two")
    revision = (await house.audit_revisions(two["id"]))[0]["id"]

    for asked in (revision, "unknown"):
        answer = await client.get(f"/config/policy/{one['id']}/", params={"revisionId": asked})
        assert answer.status_code == 400


async def test_another_member_sees_nothing_of_it(house, house_for) -> None:
    policy = await house.policy()
    other = house_for(client="TEST/GOV/2002/hospital").client

    assert (await other.get("/config/policies/")).json() == {"policies": []}
    for verb in ("GET", "DELETE"):
        answer = await other.request(verb, f"/config/policy/{policy['id']}/")
        assert answer.status_code == 400


async def test_both_spellings_of_a_path_are_answered(house, client) -> None:
    await house.policy()

    assert (await client.get("/config/policies")).json() == (
        await client.get("/config/policies/")
    ).json()
