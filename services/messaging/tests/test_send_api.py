"""Requests to send, as their callers see them."""

import base64
import json
import re

import pytest

SCOPES = {"messages:send", "messages:read"}
SINGLE, BATCH, STATUS = "/send/email/single", "/send/email/batch", "/status/email"


def email(address="mother@example.org", **more):
    return {
        "senderInfo": {"organisationName": "Clinic", "replyTo": "desk@example.org"},
        "recipientInfo": {"email": address, "name": "Ana"},
        "emailContent": {"encoding": "UTF-8", "title": "Hello", "content": "A text"},
        **more,
    }


def in_base64(*addresses):
    items = [{"recipientInfo": {"email": address}} for address in addresses]
    return base64.b64encode(json.dumps(items).encode()).decode()


def batch(*addresses, **more):
    return email(recipientInfo={"batchEmailAsBase64": in_base64(*addresses)}, **more)


@pytest.fixture
def client(client_for):
    return client_for(scopes=SCOPES)


async def test_an_accepted_email_answers_with_its_id_in_both_spellings(client):
    response = await client.post(SINGLE, json=email())
    assert response.status_code == 200
    uid = response.json()["requestUid"]
    assert re.fullmatch(r"[A-Za-z0-9]{4}(-[A-Za-z0-9]{4}){5}", uid)
    assert response.json()["requestUID"] == uid
    assert "accepted" in response.json()["response"]


@pytest.mark.parametrize("path", [SINGLE, BATCH])
@pytest.mark.parametrize("body", [email(), batch("a@example.org", "b@example.org")])
async def test_either_shape_may_arrive_at_either_endpoint(client, path, body):
    assert (await client.post(path, json=body)).status_code == 200


async def test_release_spellings_of_the_callback_are_taken(client):
    for name in ("callback", "callbackURI"):
        body = email(**{name: {"URI": "https://example.com/replies"}})
        assert (await client.post(SINGLE, json=body)).status_code == 200
        body = email(**{name: {"URI": "file:///etc/passwd"}})
        assert (await client.post(SINGLE, json=body)).status_code == 405


REFUSED = {
    "no body": None,
    "no recipient": {"emailContent": {"title": "t", "content": "c"}},
    "an empty address": email(""),
    "no domain": email("mother"),
    "two addresses": email("a@example.org, b@example.org"),
    "a line end in the address": email("a@example.org\r\nBcc: x@example.org"),
    "a line end in the title": email(emailContent={"title": "t\nBcc: x@y.org", "content": "c"}),
    "a line end in a name": email(senderInfo={"name": "x\r\nBcc: y@example.org"}),
    "a separator of lines in the title": email(emailContent={"title": "a\u2028b", "content": "c"}),
    "a line end in the copy": email(recipientInfo={"email": "a@b.org", "emailCC": "c@d.org\n"}),
    "no title": email(emailContent={"title": " ", "content": "c"}),
    "no content": email(emailContent={"title": "t", "content": ""}),
    "another encoding": email(emailContent={"encoding": "KOI8-R", "title": "t", "content": "c"}),
    "a title too long": email(emailContent={"title": "t" * 501, "content": "c"}),
    "a batch that is no base64": email(recipientInfo={"batchEmailAsBase64": "%%%"}),
    "a batch that is no list": email(recipientInfo={"batchEmailAsBase64": "e30="}),
    "a batch without any address": batch("nobody", "nowhere"),
    "a batch of nobody": batch(),
    "an unknown type": email(messageType="whatever"),
    "a priority out of range": email(priority=10),
    "NUL": email(emailContent={"title": "t", "content": "a\u0000b"}),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_what_cannot_be_sent_is_refused_as_the_contract_says(client, case):
    response = await client.post(SINGLE, json=REFUSED[case])
    assert response.status_code == 405, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["detail"], response.text


async def test_an_answer_to_bad_input_names_the_field_and_not_the_address(client):
    response = await client.post(SINGLE, json=email("anna karenina@example.org"))
    assert response.json()["errors"][0]["pointer"] == "#/recipientInfo/email"
    assert "karenina" not in response.text


async def test_a_wrong_verb_is_told_which_is_right(client):
    response = await client.get(SINGLE)
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"


async def test_sending_takes_the_right_to_send(client_for):
    response = await client_for(scopes={"messages:read"}).post(SINGLE, json=email())
    assert response.status_code == 403


async def test_too_much_is_refused(client, app):
    settings = app.state.settings
    content = {"title": "t", "content": "ä" * (settings.longest_content // 2 + 1)}
    assert (await client.post(SINGLE, json=email(emailContent=content))).status_code == 413
    many = [f"{n}@example.org" for n in range(settings.most_recipients + 1)]
    assert (await client.post(BATCH, json=batch(*many))).status_code == 413


@pytest.mark.parametrize("number", ["1001", "GOV1001", "TEST/GOV/1001", ""])
async def test_a_sender_may_name_itself(client, number):
    body = email(senderInfo={"organisationRegNr": number})
    assert (await client.post(SINGLE, json=body)).status_code == 200


async def test_a_sender_may_not_name_another_organisation(client):
    response = await client.post(SINGLE, json=email(senderInfo={"organisationRegNr": "GOV1002"}))
    assert response.status_code == 403
    assert response.json()["type"] == "/problems/sender-not-caller"


async def test_the_same_transaction_with_the_same_body_is_one_request(client, database):
    first = await client.post(SINGLE, json=email(transactionId="t-1"))
    again = await client.post(SINGLE, json=email(transactionId="t-1"))
    assert again.json() == first.json()
    async with database.connection() as connection:
        raw = connection.driver
        assert await raw.fetchval("SELECT count(*) FROM pgqueuer") == 1
        assert await raw.fetchval("SELECT count(*) FROM evidence_entry") == 1


async def test_the_same_transaction_with_another_body_is_a_conflict(client):
    await client.post(SINGLE, json=email(transactionId="t-1"))
    response = await client.post(SINGLE, json=email("other@example.org", transactionId="t-1"))
    assert response.status_code == 405
    assert response.json()["type"] == "/problems/transaction-taken"


async def test_a_transaction_is_its_members_own(client, client_for):
    first = await client.post(SINGLE, json=email(transactionId="t-1"))
    other = client_for(scopes=SCOPES, client="TEST/GOV/1002/clinic")
    second = await other.post(SINGLE, json=email(transactionId="t-1"))
    assert second.status_code == 200
    assert second.json()["requestUid"] != first.json()["requestUid"]


async def test_without_a_transaction_the_same_text_may_be_sent_twice(client):
    first, second = [(await client.post(SINGLE, json=email())).json() for _ in range(2)]
    assert first["requestUid"] != second["requestUid"]


async def sent(client, body=None):
    return (await client.post(SINGLE, json=body or email())).json()["requestUid"]


async def test_only_the_words_asked_are_answered_as_they_were_asked(client):
    uid = await sent(client)
    for words, answer in [
        (["scheduled"], {"scheduled": 1}),
        (["notSent", "delivered"], {"notSent": 0, "delivered": 0}),
        (["not_sent"], {"not_sent": 0}),
        (["not sent", "scheduled"], {"not sent": 0, "scheduled": 1}),
    ]:
        for name in ("status", "status[]"):
            response = await client.get(STATUS, headers={"requestUID": uid}, params={name: words})
            assert response.json() == answer
    response = await client.get(
        f"{STATUS}?status=scheduled?status=scheduled", headers={"requestUid": uid}
    )
    assert response.json() == {"scheduled": 1}


async def test_an_address_that_is_none_fails_alone(client):
    broken = base64.b64encode(b'[{"recipientInfo": {"email": "a@b.org"}}, 5, {"email": ["x"]}]')
    uid = await sent(client, email(recipientInfo={"batchEmailAsBase64": broken.decode()}))
    response = await client.get(
        STATUS, headers={"requestUid": uid}, params={"status": ["scheduled", "notSent"]}
    )
    assert response.json() == {"scheduled": 1, "notSent": 2}


async def test_a_status_takes_an_id_and_a_word_it_knows(client):
    uid = await sent(client)
    for headers, params in [
        ({"requestUid": uid}, {}),
        ({}, {"status": "delivered"}),
        ({"requestUid": uid}, {"status": "lost"}),
        ({"requestUid": "AAAA-AAAA-AAAA-AAAA-AAAA-AAAA"}, {"status": "delivered"}),
    ]:
        response = await client.get(STATUS, headers=headers, params=params)
        assert response.status_code == 405
        assert response.headers["content-type"] == "application/problem+json"


async def test_another_member_cannot_tell_a_request_from_one_that_never_was(client, client_for):
    uid = await sent(client)
    other = client_for(scopes=SCOPES, client="TEST/GOV/1002/clinic")
    answers = [
        await other.get(STATUS, headers={"requestUid": each}, params={"status": "scheduled"})
        for each in (uid, uid[::-1])
    ]
    said = [{**answer.json(), "requestId": ""} for answer in answers]
    assert said[0] == said[1]
    assert answers[0].status_code == 405


async def test_the_contract_names_what_govstack_published(client):
    document = (await client.get("/openapi.json")).json()
    for path, verb, name in [
        (SINGLE, "post", "sendSingleEmail"),
        (BATCH, "post", "sendBatchEmail"),
        (STATUS, "get", "getEmailStatus"),
    ]:
        operation = document["paths"][path][verb]
        assert operation["operationId"] == name
        assert "405" in operation["responses"]
        assert "apiKey" in [each["name"] for each in operation["parameters"]]
