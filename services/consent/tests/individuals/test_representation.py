"""A representative acts for whom they represent, and the log and the chain say who it was."""

from kit.evidence import Search

CHILD, GUARDIAN = "EE62601010002", "EE49001010003"
PORTAL = "TEST/GOV/2002/portal"
RECORDS = "/service/individual/record/consent-record/"


async def test_a_guardian_consents_for_a_child_and_the_revision_says_so(
    house, house_for, app
) -> None:
    child, agreement = await house.individual(CHILD), await house.agreement()
    guardian = house_for(client=PORTAL, person=GUARDIAN, person_name="Mari", represents=CHILD)

    signed = await guardian.sign(child, agreement["id"])
    record = signed["consentRecord"]["id"]
    await guardian.opt(child, record, opt_in=False)
    own = house_for(client=PORTAL, person=CHILD)
    assert [each["id"] for each in await own.records(child)] == [record]
    await own.opt(child, record, opt_in=True)

    revisions = await house.audit_revisions(record)
    by = [revision.get("authorizedByOther", "") for revision in revisions]
    assert by[0] == by[1] != ""
    assert by[0].startswith("representative:")
    assert by[2] == ""
    individuals = [revision.get("authorizedByIndividual") for revision in revisions]
    assert individuals == [None, None, {"id": child}]
    assert GUARDIAN not in str(revisions)

    found = await app.state.ledger.search(Search(subject=CHILD, kinds=["consent.withdrawn"]))
    assert [entry.detail["reader"] for entry in found] == [GUARDIAN]


async def test_a_representative_sees_what_is_the_represented_person_s_and_nothing_else(
    house, house_for
) -> None:
    child, own = await house.individual(CHILD), await house.individual(GUARDIAN)
    guardian = house_for(client=PORTAL, person=GUARDIAN, represents=CHILD)
    read = guardian.client
    assert (await read.get(f"/service/individual/{child}/")).status_code == 200
    assert (await read.get(f"/service/individual/{own}/")).status_code == 403
    listed = (await read.get("/service/individuals/")).json()["individuals"]
    assert [each["id"] for each in listed] == [child]
    other = house_for(client=PORTAL, person=GUARDIAN).client
    assert (await other.get(f"/service/individual/{child}/")).status_code == 403
    assert (await other.get(RECORDS, headers=house.whose(child))).status_code == 403


async def test_a_draft_of_a_guardian_is_not_signed_by_somebody_else(house, house_for) -> None:
    child, agreement = await house.individual(CHILD), await house.agreement()
    guardian = house_for(client=PORTAL, person=GUARDIAN, represents=CHILD)
    other = house_for(client=PORTAL, person="EE40001010004", represents=CHILD)
    draft = house.on_paper(await guardian.draft(child, agreement["id"]))
    answer = await other.client.post(RECORDS, json=draft, headers=house.whose(child))
    assert answer.status_code == 400
    await guardian.submit(child, draft)
