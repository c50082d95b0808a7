import asyncpg
import httpx

from stack.journey import Journey
from stack.main import DEMO, demo_secrets


async def test_a_mother_registers_her_child(stack):
    steps = []
    journey = Journey(stack.gateway, stack.mailbox, demo_secrets(), steps.append)
    await journey.run()
    assert len(steps) >= 39
    verified, forged, _exported, sent = steps[-4:]
    assert verified.chapter == sent.chapter == "She holds the proof in her own hands"
    assert verified.answer == sent.answer == "verified"
    assert forged.answer.startswith("NOT verified")


async def test_the_story_can_be_told_again_on_a_stack_that_has_heard_it(stack):
    for _ in range(2):
        told = stack.run("demo")
        assert told.returncode == 0, told.stdout + told.stderr
        assert "all as promised" in told.stdout


def test_health_names_every_block(stack):
    for path in ("/health", "/healthcheck"):
        answer = httpx.get(f"{stack.gateway}{path}")
        assert answer.status_code == 200
        blocks = answer.json()["blocks"]
        assert set(blocks) >= {"registry", "consent", "messaging", "catalogue"}


async def test_loading_twice_changes_nothing(stack):
    before = await changes(stack)
    told = stack.run("load", str(DEMO))
    assert told.returncode == 0, told.stdout + told.stderr
    assert await changes(stack) == before


async def changes(stack):
    """Return how many changes the blocks have recorded, exchanges and reads aside."""
    total = 0
    for part in ("registry", "consent", "messaging", "catalogue"):
        connection = await asyncpg.connect(stack.owner_url(part))
        total += await connection.fetchval(
            "SELECT count(*) FROM evidence_entry WHERE kind !~ '(read|viewed|checked|searched)$'"
        )
        await connection.close()
    return total


def test_a_wrong_file_is_told_with_its_line(stack, tmp_path):
    file = tmp_path / "wrong.yaml"
    file.write_text("instance: DEV\ndomain: d\npolicies:\n  - owner: GOV/1/x\n    id: p\n")
    told = stack.run("load", str(file))
    assert told.returncode == 1
    assert "wrong.yaml, line 4" in told.stdout.replace("\n", "")
    assert "Traceback" not in told.stdout + told.stderr


def test_what_a_block_refuses_is_told_with_its_line(stack, tmp_path):
    file = tmp_path / "refused.yaml"
    file.write_text(
        "instance: DEV\ndomain: dev.govblocks.example\nregistries:\n"
        "  - owner: GOV/10002/population\n    code: bad\n"
        "    schema: {properties: {a: {type: nonsense}}}\n"
    )
    told = stack.run("load", str(file))
    assert told.returncode == 1
    assert "refused.yaml, line 4: refused with 400" in told.stdout.replace("\n", "")


def test_a_token_for_a_person_is_printed(stack):
    told = stack.run("token", "--person", "DEV48905120013")
    assert told.returncode == 0
    assert told.stdout.count(".") == 2
