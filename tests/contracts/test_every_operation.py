"""What every operation of every block answers alike: good requests, strangers, a lost database."""

import pytest
from httpx import Response
from stage import CONTRACTS, Stage, operations_of, staged, steps, stranded

OPERATIONS = [(block, name) for block in CONTRACTS for name in operations_of(block)]
CLOSED = [(b, name) for b, name in OPERATIONS if not operations_of(b)[name].is_open]
NEVER_REFUSES = {"jwks": 200, "configWebhookEventList": 200}
"""Operations that need no database."""
TOO_LARGE = {"content-length": "99999999999"}


def refusal(block: str) -> int:
    """Return the status with which a block answers what cannot be read."""
    return 405 if block == "messaging" else 400


def problem(answer: Response, status: int) -> None:
    """See that an answer is a problem document (RFC 9457)."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    said = answer.json()
    assert said["status"] == status
    assert said["title"]
    assert said["requestId"] == answer.headers["x-request-id"]


@pytest.mark.parametrize("block", CONTRACTS)
async def test_a_good_request_of_every_operation_is_answered(block: str) -> None:
    async with staged(block) as stage, await stage.full_client() as client:
        assert await stage.walk("last", client) == ""
    walked = {step["do"] for part in steps(block).values() for step in part}
    assert not set(operations_of(block)) - walked, "good_input.yaml has a request of each operation"


@pytest.mark.parametrize("block", CONTRACTS)
async def test_without_credentials_every_closed_operation_is_refused(stages, block: str) -> None:
    stage: Stage = await stages(block)
    async with stage.client(None) as client:
        for name in [name for b, name in CLOSED if b == block]:
            problem(await stage.good(name).send(client, headers={}), 401)


@pytest.mark.parametrize("block", [block for block in CONTRACTS if block != "gateway"])
async def test_an_assertion_nobody_signed_is_refused_everywhere(stages, block: str) -> None:
    stage: Stage = await stages(block)
    async with stage.client(None, **{"x-govblocks-assertion": "forged"}) as client:
        for name in operations_of(block):
            problem(await stage.good(name).send(client), 401)


@pytest.mark.parametrize("block", [block for block in CONTRACTS if block != "gateway"])
async def test_a_right_that_does_not_cover_it_is_refused(stages, block: str) -> None:
    stage: Stage = await stages(block)
    async with await stage.poor_client() as client:
        for name in [name for b, name in CLOSED if b == block]:
            problem(await stage.good(name).send(client), 403)


async def test_a_client_the_gateway_does_not_know_is_refused(stages) -> None:
    stage: Stage = await stages("gateway")
    async with await stage.full_client() as client:
        unknown = {"X-GovStack-Client": "DEV/GOV/10001/nobody"}
        for name in [name for b, name in CLOSED if b == "gateway"]:
            problem(await stage.good(name).send(client, headers=unknown), 403)


async def test_a_room_that_is_not_there_is_not_found(stages) -> None:
    stage: Stage = await stages("gateway")
    async with await stage.full_client() as client:
        for name, operation in operations_of("gateway").items():
            if "{applicationCode}" in operation.path and 404 in operation.statuses:
                request = stage.good(name)
                request.path["applicationCode"] = "nobody"
                problem(await request.send(client), 404)


@pytest.mark.parametrize("block", CONTRACTS)
async def test_a_body_over_the_limit_is_refused_unread(stages, block: str) -> None:
    stage: Stage = await stages(block)
    async with await stage.full_client() as client:
        for name in operations_of(block):
            problem(await stage.good(name).send(client, headers=TOO_LARGE, content=b""), 413)


@pytest.mark.parametrize("block", CONTRACTS)
async def test_an_address_that_is_not_text_is_refused(stages, block: str) -> None:
    stage: Stage = await stages(block)
    async with await stage.full_client() as client:
        for name in operations_of(block):
            request = stage.good(name)
            url = f"{request.operation.url(request.path)}?x=%ff"
            answer = await client.request(request.operation.method, url)
            problem(answer, refusal(block))


@pytest.mark.parametrize("block", CONTRACTS)
async def test_without_its_database_every_operation_says_so(stages, block: str) -> None:
    kept = (await stages(block)).kept
    async with stranded(block, kept) as stage, stage.client() as client:
        for name in operations_of(block):
            answer = await stage.good(name).send(client)
            if name == "health":
                assert answer.status_code == 503
                assert answer.json()["database"] is False
            elif name in NEVER_REFUSES:
                assert answer.status_code == NEVER_REFUSES[name]
            else:
                problem(answer, 503)
