"""A report is a question that is kept, and answered with the rights of who asks."""

import pytest

SCHEMA = {
    "properties": {
        "village": {"type": "string"},
        "weight": {"type": "number"},
        "secret": {"type": "string", "x-secret": True},
    }
}
REPORT = {
    "name": "Weight by village",
    "description": "For the yearbook",
    "question": {"metric": "sum", "field": "weight", "groupBy": ["village"], "from": "2020-01-01"},
}


@pytest.fixture
async def made(owner, publish):
    number = await publish(owner, "CHILD", SCHEMA)
    for village, weight in (("Sild", 3), ("Sild", 4), ("Narva", 5)):
        content = {"village": village, "weight": weight}
        await owner.post("/data/CHILD/1.0/create", json={"write": {"content": content}})
    return number


@pytest.fixture
async def report(owner, made):
    answer = await owner.post(f"/database/{made}/reports", json=REPORT)
    assert answer.status_code == 200, answer.text
    return f"/database/{made}/reports/{answer.json()['id']}"


async def test_a_report_is_kept_and_answered_from_the_records_as_they_are(owner, made, report):
    kept = (await owner.get(report)).json()
    assert kept["name"] == REPORT["name"]
    assert kept["question"]["from"] == "2020-01-01"
    assert kept["changedBy"] == "TEST/GOV/1001/registrar"
    assert [each["id"] for each in (await owner.get(f"/database/{made}/reports")).json()] == [
        kept["id"]
    ]
    told = (await owner.get(f"{report}/run")).json()
    assert [(g["values"]["village"], g["value"]) for g in told["groups"]] == [
        ("Sild", 7),
        ("Narva", 5),
    ]
    content = {"village": "Narva", "weight": 6}
    await owner.post("/data/CHILD/1.0/create", json={"write": {"content": content}})
    told = (await owner.get(f"{report}/run")).json()
    assert {g["values"]["village"]: g["value"] for g in told["groups"]} == {"Sild": 7, "Narva": 11}


async def test_another_member_runs_it_with_their_own_rights(owner, other, report):
    told = (await other.get(f"{report}/run")).json()
    assert (told["groups"], told["suppressedGroups"]) == ([], 2)


async def test_the_same_again_is_the_same_report_and_leaves_no_entry(owner, made, report, entries):
    again = await owner.post(f"/database/{made}/reports", json=REPORT)
    assert report.endswith(again.json()["id"])
    assert (await owner.put(report, json=REPORT)).status_code == 200
    assert len(await entries("report.created", "report.changed")) == 1
    other = {**REPORT, "description": "For nobody"}
    assert (await owner.post(f"/database/{made}/reports", json=other)).status_code == 409


async def test_a_report_is_changed_and_taken_away(owner, made, report, entries):
    changed = {"name": "Count", "question": {"query": {"village": "Sild"}}}
    assert (await owner.put(report, json=changed)).json()["question"]["metric"] == "count"
    [group] = (await owner.get(f"{report}/run")).json()["groups"]
    assert group["value"] == 2
    second = await owner.post(f"/database/{made}/reports", json=REPORT)
    assert (await owner.put(report, json=REPORT)).status_code == 409
    assert second.status_code == 200
    for _ in range(3):
        assert (await owner.delete(report)).status_code == 204
    for path in (report, f"{report}/run"):
        assert (await owner.get(path)).status_code == 404
    assert (await owner.put(report, json=REPORT)).status_code == 404
    kinds = [e.kind for e in await entries("report.created", "report.changed", "report.deleted")]
    assert kinds == ["report.created", "report.changed", "report.created", "report.deleted"]


@pytest.mark.parametrize(
    ("question", "status"),
    [
        ({"metric": "median"}, 400),
        ({"metric": "sum"}, 400),
        ({"groupBy": ["colour"]}, 400),
        ({"groupBy": ["secret"]}, 403),
        ({"dateField": "village", "interval": "day"}, 400),
        ({"query": {"weight": "heavy"}}, 400),
        ({"from": "yesterday"}, 400),
        ({"groupBy": ["village\x00"]}, 400),
    ],
)
async def test_a_question_that_cannot_be_answered_is_not_kept(owner, made, question, status):
    asked = {"name": "x", "question": question}
    answer = await owner.post(f"/database/{made}/reports", json=asked)
    assert answer.status_code == status
    assert (await owner.get(f"/database/{made}/reports")).json() == []


async def test_reports_of_another_members_database_are_not_there(client_for, made, report):
    scopes = {"databases:read", "databases:write", "records:read"}
    async with client_for(scopes=scopes, client="TEST/GOV/7/x") as client:
        assert (await client.get(report)).status_code == 404
        assert (await client.get(f"{report}/run")).status_code == 404
        assert (await client.get(f"/database/{made}/reports")).status_code == 404
        answer = await client.post(f"/database/{made}/reports", json=REPORT)
        assert answer.status_code == 404
        assert (await client.delete(report)).status_code == 404
