from typing import Annotated
from uuid import uuid4

import pytest
from pydantic import Field, TypeAdapter, ValidationError

from kit.identifiers import is_uuid
from kit.web import Moment, Text
from kit.web.problems import field_errors

SCOPES = {"things:read", "things:write"}
JSON = {"content-type": "application/json"}


async def test_what_is_written_can_be_read(client_for):
    client = client_for(scopes=SCOPES)
    made = await client.post("/things", json={"name": "x"})
    assert made.status_code == 200, made.text
    assert (await client.get(f"/things/{made.json()}")).json() == "x"


async def test_a_problem_rolls_back_everything(client_for, database):
    response = await client_for(scopes=SCOPES).post("/things", json={"name": "taken"})
    assert response.status_code == 409
    async with database.connection() as connection:
        raw = connection.driver
        assert await raw.fetchval("SELECT count(*) FROM thing") == 0
        assert await raw.fetchval("SELECT count(*) FROM evidence_entry") == 0


async def test_without_an_assertion_nothing_is_told(client_for):
    response = await client_for().get(f"/things/{uuid4()}")
    assert response.status_code == 401
    assert response.headers["content-type"] == "application/problem+json"
    assert "www-authenticate" in response.headers


async def test_a_right_that_does_not_cover_it_is_refused(client_for):
    response = await client_for(scopes={"things:read"}).post("/things", json={"name": "x"})
    assert response.status_code == 403
    assert "things:write" in response.json()["detail"]


async def test_an_unknown_thing_is_a_problem(client_for):
    response = await client_for(scopes=SCOPES).get(f"/things/{uuid4()}")
    assert response.status_code == 404
    assert response.json()["type"] == "/problems/thing-not-found"
    assert response.json()["requestId"] == response.headers["x-request-id"]


async def test_an_unforeseen_error_says_nothing_but_its_request(client_for):
    response = await client_for(scopes=SCOPES).get(
        "/broken", headers={"x-request-id": "0192D3A0-7A3B-7c00-8000-0123456789ab"}
    )
    assert response.status_code == 500
    assert response.json()["requestId"] == "0192D3A0-7A3B-7c00-8000-0123456789ab"
    assert "secret" not in response.text


@pytest.mark.parametrize("given", ["my-request", "EE38001010000", "38001010000", "a b", ""])
async def test_a_request_id_that_is_no_uuid_is_replaced(client_for, given):
    response = await client_for(scopes=SCOPES).get("/broken", headers={"x-request-id": given})
    assert is_uuid(response.headers["x-request-id"])


async def test_a_bad_body_points_at_the_field(client_for):
    client = client_for(scopes=SCOPES)
    for body in ('{"name": 1}', '{"name": "a\\u0000b"}', '{"name": "\\ud800"}'):
        response = await client.post("/things", content=body, headers=JSON)
        assert response.status_code == 400, body
        assert response.json()["errors"][0]["pointer"] == "#/name"


@pytest.mark.parametrize(("text", "said"), [("abcd", "at most 3"), ("", "at least 1")])
def test_a_text_is_measured_in_characters(text, said):
    short = TypeAdapter(Annotated[Text, Field(min_length=1, max_length=3)])
    with pytest.raises(ValidationError) as refused:
        short.validate_python(text)
    [error] = field_errors(refused.value.errors())
    assert error.reason == f"String should have {said} characters"


@pytest.mark.parametrize(
    "body",
    [b'{"name": "x", "more": {"a": ["\\u0000"]}}', b'{"name": "x", "more": {"a": NaN}}'],
)
async def test_json_that_cannot_be_kept_is_refused(client_for, body):
    response = await client_for(scopes=SCOPES).post("/things", content=body, headers=JSON)
    assert response.status_code == 400
    assert response.json()["errors"][0]["pointer"] == "#/more"


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b"", b"[" * 100_000, b"1" * 5000])
async def test_what_is_not_json_is_refused(client_for, body):
    response = await client_for(scopes=SCOPES).post("/things", content=body, headers=JSON)
    assert response.status_code == 400, response.text


async def test_a_large_body_is_refused_unread(client_for):
    client = client_for(scopes=SCOPES)
    response = await client.post("/things", content=b" " * (10 * 1024 * 1024 + 1), headers=JSON)
    assert response.status_code == 413

    async def chunks():
        for _ in range(11):
            yield b" " * 1024 * 1024

    response = await client.post("/things", content=chunks(), headers=JSON)
    assert response.status_code == 413


async def test_a_path_that_is_not_text_is_refused(client_for):
    client = client_for(scopes=SCOPES)
    for path in ("/things/%00", "/things/%ff", "/things/x?q=%ff"):
        assert (await client.get(path)).status_code == 400


async def test_a_wrong_verb_names_the_right_ones(client_for):
    response = await client_for(scopes=SCOPES).delete("/things")
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"


async def test_health_tells_of_the_database(client_for):
    for path in ("/health", "/healthcheck"):
        response = await client_for().get(path)
        assert response.status_code == 200
        assert response.json() == {"status": "ok", "block": "kit", "database": True}


async def test_the_contract_declares_what_is_answered(client_for):
    document = (await client_for().get("/openapi.json")).json()
    responses = document["paths"]["/things/{thing_id}"]["get"]["responses"]
    assert set(responses) == {"200", "400", "401", "403", "404", "413", "503"}
    assert "422" not in str(document)


async def test_a_body_of_another_kind_is_told_so(client_for):
    response = await client_for(scopes=SCOPES).post("/things", content=b"<x/>")
    assert response.status_code == 400
    assert response.json()["type"] == "/problems/not-json"


async def test_what_is_not_json_is_told_where(client_for):
    client = client_for(scopes=SCOPES)
    response = await client.post("/things", content=b'{"name":', headers=JSON)
    assert response.json()["errors"][0]["pointer"] == "#"
    assert "character 8" in response.json()["detail"]
    response = await client.post("/things", content=b"\xff", headers=JSON)
    assert response.json()["detail"] == "the body is not JSON in UTF-8"
    response = await client.post("/things", json={"name": "a\x00"})
    assert response.json()["errors"][0]["reason"].startswith("a NUL character")


@pytest.mark.parametrize(
    "given",
    [-5e-324, 0, "1700000000", True, "2026-01-31", "2026-01-31T00:00:00", "0001-01-01T00:00Z"],
)
def test_a_time_is_written_with_its_offset_and_is_no_number(given):
    with pytest.raises(ValidationError):
        TypeAdapter(Moment).validate_python(given)


def test_a_time_is_read():
    for given in ("2026-01-31T00:00:00Z", "2026-01-31 02:00:00+02:00"):
        assert TypeAdapter(Moment).validate_python(given).timestamp() == 1769817600
