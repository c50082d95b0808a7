"""The recorder: a run fails on an answer that is not declared, and on a declared one not seen."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kit.recording import Answer, judge

CONTRACT = """
openapi: 3.1.0
paths:
  /things:
    get:
      operationId: list
      responses: {"200": {}, "404": {}}
"""
APPLICATION = """
from fastapi import FastAPI
from starlette.responses import Response


def make():
    app = FastAPI()
    app.state.block = "toy"

    @app.get("/things", operation_id="list")
    async def things(status: int) -> Response:
        return Response(status_code=status)

    return app
"""
TESTS = """
from application import make
import asyncio, httpx


async def answers():
    transport = httpx.ASGITransport(make())
    async with httpx.AsyncClient(transport=transport, base_url="http://toy") as client:
        for status in {statuses}:
            answer = await client.get("/things", params={{"status": status}})
            assert answer.status_code == status
        assert (await client.post("/things")).status_code == 405
        assert (await client.get("/nothing")).status_code == 404


def test_answers():
    asyncio.run(answers())
"""
STARTED = """
import subprocess, sys


def test_another_process():
    code = "import sys; sys.path.insert(0, '.'); import test_one; test_one.test_answers()"
    with open("program.py", "w") as out:
        out.write(code)
    subprocess.run([sys.executable, "-m", "kit.recording", "program.py"], check=True)
"""
RULE = '[{{"block": "toy", "operations": ["list"], "statuses": [{status}], "reason": "a reason"}}]'


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "contracts").mkdir()
    (tmp_path / "contracts/toy.yaml").write_text(CONTRACT)
    (tmp_path / "application.py").write_text(APPLICATION)
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["kit.recording"]\n')
    (tmp_path / "pytest.ini").write_text("[pytest]\ntestpaths = .\npythonpath = .\n")
    return tmp_path


def run(project: Path, *arguments: str) -> tuple[int, str]:
    """Run pytest with no plugin but its own and xdist; return its code and what it says."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "xdist", *arguments]
    env = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(
        command, cwd=project, env=env, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def unseen(project: Path, status: int) -> None:
    (project / "tests/contracts").mkdir(parents=True)
    (project / "tests/contracts/unseen.yaml").write_text(RULE.format(status=status))


def test_two_workers_see_together_what_is_declared(project: Path) -> None:
    (project / "test_one.py").write_text(TESTS.format(statuses=(200,)))
    (project / "test_two.py").write_text(TESTS.format(statuses=(404,)))
    code, said = run(project, "-n", "2", "--dist", "loadfile")
    assert code == 0, said
    assert "2 of 2 declared answers were seen" in said


def test_what_a_process_of_a_test_answers_counts(project: Path) -> None:
    (project / "test_one.py").write_text(TESTS.format(statuses=(200, 404, 418)))
    (project / "test_two.py").write_text(STARTED)
    code, said = run(project, "test_two.py")
    assert code == 1
    assert "toy list 418 is not declared; seen in test_two.py::test_another_process" in said


def test_a_declared_status_nobody_saw_fails_a_whole_run_and_no_other(project: Path) -> None:
    (project / "test_one.py").write_text(TESTS.format(statuses=(200,)))
    code, said = run(project)
    assert code == 1
    assert "toy list 404 is declared, and no test saw it" in said
    assert run(project, "-k", "answers")[0] == 0
    unseen(project, 404)
    assert run(project)[0] == 0


def test_an_undeclared_status_fails_any_run_and_is_named_with_its_test(project: Path) -> None:
    (project / "test_one.py").write_text(TESTS.format(statuses=(200, 404, 418)))
    code, said = run(project, "test_one.py")
    assert code == 1
    assert "toy list 418 is not declared; seen in test_one.py::test_answers" in said


def test_an_excuse_that_is_not_needed_fails() -> None:
    ok, gone = Answer("toy", "list", "200"), Answer("toy", "list", "404")
    assert not judge({ok, gone}, {ok: ""}, {gone}, whole=True).faults
    assert judge({ok}, {ok: ""}, {ok}, whole=False).faults
    assert judge({ok}, {ok: ""}, {gone}, whole=True).faults
