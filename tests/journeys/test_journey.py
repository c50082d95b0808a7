import asyncio
import json

import asyncpg
import httpx

from stack.journey import Journey
from stack.main import DEMO, demo_secrets
from stack.postgres import Server


async def test_a_mother_registers_her_child(stack):
    steps = []
    journey = Journey(stack.gateway, stack.mailbox, demo_secrets(), steps.append)
    await journey.run()
    assert len(steps) >= 30
    assert [step.chapter for step in steps][-1] == "What is refused"


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


def test_loading_twice_changes_nothing(stack, tmp_path):
    before = evidence_count(stack)
    told = stack.run("load", str(DEMO))
    assert told.returncode == 0, told.stdout + told.stderr
    assert evidence_count(stack) == before


def evidence_count(stack):
    """Return how many changes the blocks have recorded, exchanges and reads aside."""
    secrets = json.loads((stack.home / "secrets.json").read_text())
    server = Server(stack.home / "postgres")

    async def count():
        total = 0
        for part in ("registry", "consent", "messaging", "catalogue"):
            password = secrets["owner_passwords"][part]
            url = server.admin_url.replace("/postgres?", f"/govblocks_{part}?")
            url = url.replace(url.split("@")[0], f"postgresql://govblocks_{part}_owner:{password}")
            connection = await asyncpg.connect(url)
            kinds = await connection.fetch(
                "SELECT kind, count(*) FROM evidence_entry GROUP BY kind ORDER BY kind"
            )
            await connection.close()
            total += sum(
                row["count"]
                for row in kinds
                if row["kind"].rsplit(".", 1)[-1] not in {"read", "viewed", "checked"}
            )
        return total

    return asyncio.run(count())


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
