"""Entries, through the front door."""

import asyncio
import json

import pytest
from httpx import AsyncClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kit.evidence import Search
from kit.testing import clients_of

WRITER = {"scopes": {"entries:read", "entries:write"}, "client": "DEV/GOV/90001/govblocks"}


async def _kinds(app) -> list[str]:
    return [entry.kind for entry in await app.state.ledger.search(Search())][::-1]


async def test_an_entry_is_put_read_replaced_and_deleted(publisher, reader, notify, app):
    made = await publisher.put("/entries/govuk-notify", json=notify)
    changed = await publisher.put("/entries/govuk-notify", json=notify | {"licence": "EUPL-1.2"})
    read = (await reader.get("/entries/govuk-notify")).json()
    gone = [(await publisher.delete("/entries/govuk-notify")).status_code for _ in range(2)]

    assert made.status_code == 201
    assert made.json()["publisher"] == "DEV/GOV/90001"
    assert made.json()["createdAt"].endswith("Z")
    assert changed.status_code == 200
    assert read == changed.json()
    assert (read["licence"], read["createdAt"]) == ("EUPL-1.2", made.json()["createdAt"])
    assert read["updatedAt"] > made.json()["updatedAt"]
    assert gone == [204, 204]
    assert (await reader.get("/entries/govuk-notify")).status_code == 404
    assert (await reader.get("/entries")).json() == {"count": 0, "entries": []}
    assert await _kinds(app) == ["entry.created", "entry.updated", "entry.deleted"]


async def test_an_entry_replaced_twice_with_the_same_leaves_one_trace(publisher, notify, app):
    await publisher.put("/entries/govuk-notify", json=notify)
    changed = notify | {"remarks": "Open source since 2016."}
    answers = [await publisher.put("/entries/govuk-notify", json=changed) for _ in range(2)]

    assert answers[0].json() == answers[1].json()
    assert await _kinds(app) == ["entry.created", "entry.updated"]


async def test_the_ledger_holds_the_digest_and_the_application(publisher, notify, app):
    await publisher.put("/entries/govuk-notify", json=notify)
    written = (await app.state.ledger.search(Search()))[0]

    assert (written.actor, written.object) == ("DEV/GOV/90001/govblocks", "entries/govuk-notify")
    assert written.facts["id"] == "govuk-notify"
    assert written.facts["kind"] == "service"
    assert len(written.facts["digest"]) == 64


async def test_a_deleted_entry_comes_back_by_put(publisher, reader, notify, app):
    await publisher.put("/entries/govuk-notify", json=notify)
    await publisher.delete("/entries/govuk-notify")
    back = await publisher.put("/entries/govuk-notify", json=notify)

    assert back.status_code == 201
    assert (await reader.get("/entries/govuk-notify")).json() == back.json()
    assert await _kinds(app) == ["entry.created", "entry.deleted", "entry.created"]


async def test_another_member_may_read_but_not_change(publisher, stranger, notify):
    await publisher.put("/entries/govuk-notify", json=notify)
    put = await stranger.put("/entries/govuk-notify", json=notify | {"name": "Mine"})
    delete = await stranger.delete("/entries/govuk-notify")
    read = await stranger.get("/entries/govuk-notify")
    await publisher.delete("/entries/govuk-notify")
    taken = await stranger.put("/entries/govuk-notify", json=notify)

    assert (put.status_code, delete.status_code, taken.status_code) == (403, 403, 403)
    assert put.json()["type"] == "/problems/entry-of-another"
    assert read.json()["name"] == "GOV.UK Notify"


async def test_reading_and_writing_need_their_scopes(client_for, publisher, notify):
    async with (
        client_for(scopes={"entries:read"}) as reader,
        client_for(scopes={"entries:write"}) as writer,
        client_for() as nobody,
    ):
        answers = [
            await reader.put("/entries/a", json=notify),
            await reader.post("/entries", json=notify),
            await reader.delete("/entries/a"),
            await writer.get("/entries"),
            await writer.get("/entries/a"),
            await nobody.get("/entries"),
        ]
    assert [answer.status_code for answer in answers] == [403, 403, 403, 403, 403, 401]


async def test_a_new_entry_takes_the_id_given_or_gets_one(publisher, notify):
    named = await publisher.post("/entries", json=notify | {"id": "govuk-notify"})
    again = await publisher.post("/entries", json=notify | {"id": "govuk-notify"})
    unnamed = await publisher.post("/entries", json=notify)

    assert (named.status_code, named.json()["id"]) == (201, "govuk-notify")
    assert again.status_code == 409
    assert unnamed.status_code == 201
    read = await publisher.get(f"/entries/{unnamed.json()['id']}")
    assert read.json() == unnamed.json()
    assert read.headers["ETag"] == unnamed.headers["ETag"]


async def test_an_unchanged_entry_is_not_sent_again(publisher, reader, notify):
    tag = (await publisher.put("/entries/govuk-notify", json=notify)).headers["ETag"]
    path = "/entries/govuk-notify"
    for header in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        unchanged = await reader.get(path, headers={"If-None-Match": header})
        assert (unchanged.status_code, unchanged.content) == (304, b"")
        assert unchanged.headers["ETag"] == tag
        assert unchanged.headers["Cache-Control"] == "private, no-cache"

    await publisher.put(path, json=notify | {"obsolete": True})
    changed = await reader.get(path, headers={"If-None-Match": tag})
    assert (changed.status_code, changed.json()["obsolete"]) == (200, True)
    assert changed.headers["ETag"] != tag


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"kind": "gadget"}, "#/kind"),
        ({"name": " "}, "#/name"),
        ({"name": "x" * 301}, "#/name"),
        ({"name": "a\u0000b"}, "#/name"),
        ({"description": "x" * 10_001}, "#/description"),
        ({"sdgs": [18]}, "#/sdgs/0"),
        ({"repositoryUrl": "ftp://example.org/x"}, "#/repositoryUrl"),
        ({"repositoryUrl": "//example.org/x"}, "#/repositoryUrl"),
        ({"repositoryUrl": "https:///x"}, "#/repositoryUrl"),
        ({"repositoryUrl": "https://user:secret@example.org/"}, "#/repositoryUrl"),
        ({"repositoryUrl": "javascript:alert(1)"}, "#/repositoryUrl"),
        ({"repositoryUrl": "https://example.org/a b"}, "#/repositoryUrl"),
        ({"sources": []}, "#/sources"),
        ({"sources": [{"url": "nowhere"}]}, "#/sources/0/url"),
        ({"sources": [{"note": "seen"}, {}]}, "#/sources/1"),
        ({"sources": [{"note": "  "}]}, "#/sources/0"),
        ({"countries": [""]}, "#/countries/0"),
    ],
)
async def test_what_cannot_be_kept_is_refused_by_field(publisher, notify, change, pointer):
    answer = await publisher.put("/entries/govuk-notify", json=notify | change)

    assert answer.status_code == 400
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


async def test_an_entry_without_sources_is_refused(publisher, notify):
    del notify["sources"]
    answer = await publisher.post("/entries", json=notify)

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "#/sources"


async def test_unknown_fields_are_ignored_and_repetitions_count_once(publisher, notify):
    change = {"colour": "blue", "countries": ["Ukraine", "Ukraine"], "sdgs": [9, 1, 9]}
    made = (await publisher.put("/entries/x", json=notify | change)).json()

    assert "colour" not in made
    assert (made["countries"], made["sdgs"]) == (["Ukraine"], [9, 1])


@pytest.mark.parametrize("entry_id", ["UPPER", "a_b", "-a", "a-", "a%20b", "a" * 129, "%00"])
async def test_an_id_is_a_lower_case_slug(publisher, notify, entry_id):
    assert (await publisher.put(f"/entries/{entry_id}", json=notify)).status_code == 400


async def test_what_was_never_there_is_not_found(publisher):
    assert (await publisher.get("/entries/nothing")).status_code == 404
    assert (await publisher.delete("/entries/nothing")).status_code == 404


@pytest.mark.parametrize(
    "filters", [{"kind": "gadget"}, {"reuseStatus": "great"}, {"sdg": 18}, {"limit": 0}]
)
async def test_an_unknown_filter_value_is_refused(reader, filters):
    answer = await reader.get("/entries", params=filters)

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == f"#/{next(iter(filters))}"


@pytest.mark.parametrize(
    ("words", "status", "count"),
    [
        ("", 200, 1),
        ("   ", 200, 1),
        ("'", 200, 0),
        ("' OR 1=1 --", 200, 0),
        ("%", 200, 0),
        ("_", 200, 0),
        ("\\", 200, 0),
        ("e-mail", 200, 1),
        ("messag", 200, 1),
        ("sending message", 200, 1),  # by their stems
        ("etters odies", 200, 1),  # by parts of words
        ("letters parcels", 200, 0),
        (":* & | ! <-> (", 200, 0),
        ("\x00", 400, 0),
        ("x" * 10_000, 400, 0),
    ],
)
async def test_odd_words_are_only_words(publisher, notify, words, status, count):
    await publisher.put("/entries/notify", json=notify)
    answer = await publisher.get("/entries", params={"q": words})

    assert answer.status_code == status
    if status == 200:
        assert answer.json()["count"] == count


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(words=st.text(st.characters(exclude_categories=["Cs"]), max_size=220))
async def test_whatever_is_asked_the_search_answers(reader: AsyncClient, words: str):
    for field in ("q", "country", "owner", "reusedIn"):
        answer = await reader.get("/entries", params={field: words})
        assert answer.status_code in {200, 400}


@pytest.mark.parametrize("body", ["[]", "null", "{}", "{", '"x"', "[[[[", '{"kind": {}}'])
async def test_a_body_that_is_no_entry_is_refused(publisher, body):
    headers = {"Content-Type": "application/json"}
    answer = await publisher.put("/entries/a", content=body, headers=headers)

    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"


async def test_many_at_once_make_one_entry_and_one_trace(committed, notify):
    async with clients_of(committed, "catalogue")(**WRITER) as client:
        answers = await asyncio.gather(
            *(client.put("/entries/govuk-notify", json=notify) for _ in range(12))
        )
        bodies = {json.dumps(answer.json()) for answer in answers}

    assert sorted(answer.status_code for answer in answers) == [200] * 11 + [201]
    assert len(bodies) == 1
    assert await _kinds(committed) == ["entry.created"]


async def test_many_at_once_change_an_entry_once(committed, notify):
    async with clients_of(committed, "catalogue")(**WRITER) as client:
        await client.put("/entries/govuk-notify", json=notify)
        await asyncio.gather(*(client.get("/entries/govuk-notify") for _ in range(12)))  # connect
        changed = notify | {"remarks": "Open source since 2016."}
        await asyncio.gather(
            *(client.put("/entries/govuk-notify", json=changed) for _ in range(12))
        )

    assert await _kinds(committed) == ["entry.created", "entry.updated"]


async def test_a_page_holds_each_entry_as_it_is_sent_alone(publisher, reader, notify):
    plain = {name: notify[name] for name in ("kind", "name", "description", "owner", "sources")}
    full = notify | {"remarks": "Read.", "obsolete": True, "sources": [{"note": "Seen."}]}
    for name, body in (("a", plain), ("b", full)):
        await publisher.put(f"/entries/{name}", json=body)
    page = await reader.get("/entries")
    alone = [(await reader.get(f"/entries/{name}")).text for name in ("a", "b")]

    assert page.text == f'{{"count":2,"entries":[{",".join(alone)}]}}'
    assert page.headers["Content-Type"] == "application/json"
    assert page.headers["Cache-Control"] == "private, no-cache"


async def test_the_closest_come_first(publisher, notify):
    entries = {
        "exact": ("Payments", "x"),
        "begins": ("Payments gateway", "x"),
        "in-its-name": ("A hub for payments", "x"),
        "stemmed-often": ("Z", "A payment is a payment, and a payment is paid."),
        "stemmed": ("B", "It takes a payment once, and does much else for many others."),
        "part": ("Aa", "Of micropayments only."),
        "other": ("Payroll", "x"),
    }
    for name, (title, text) in entries.items():
        await publisher.put(f"/entries/{name}", json=notify | {"name": title, "description": text})
    found = (await publisher.get("/entries", params={"q": "PAYMENTS"})).json()

    assert [entry["id"] for entry in found["entries"]] == list(entries)[:-1]
    assert found["count"] == len(entries) - 1
