import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import httpx
import pytest


def refused(other, *arguments):
    told = other.run("up", *arguments)
    assert told.returncode == 1, told.stdout
    assert "Traceback" not in told.stdout + told.stderr
    return told.stdout.replace("\n", " ")


def test_a_port_in_use_is_told_in_a_sentence(stack, other):
    said = refused(other, "--port", str(stack.port))
    assert f"Port {stack.port}" in said
    assert "GOVBLOCKS_PORT" in said


def test_a_home_that_is_a_file_is_told_in_a_sentence(other, tmp_path):
    other.home.write_text("a file")
    assert "cannot be used" in refused(other)


def test_a_database_that_does_not_answer_is_told_in_a_sentence(other, monkeypatch):
    monkeypatch.setenv("GOVBLOCKS_DATABASE_URL", "postgresql://nobody:secret@127.0.0.1:1/x")
    said = refused(other)
    assert "127.0.0.1" in said
    assert "secret" not in said


def test_a_setting_that_cannot_be_is_told_in_a_sentence(other, monkeypatch):
    monkeypatch.setenv("GOVBLOCKS_WORKERS", "many")
    said = refused(other)
    assert "GOVBLOCKS_WORKERS" in said


def test_a_stack_stops_cleanly_and_finds_its_data_again(other):
    other.arguments = ("--no-journey", "--workers", "2")
    other.start()
    other.wait_for("Ctrl-C stops all of it")
    first = httpx.get(f"{other.gateway}/catalogue/entries", params={"q": "mconnect"}).json()
    assert first["count"] >= 1
    assert other.stop() == 0
    assert "Stopped" in other.output.read_text()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{other.gateway}/health")
    other.start()
    again = httpx.get(f"{other.gateway}/catalogue/entries", params={"q": "mconnect"}).json()
    assert again == first
    assert other.stop() == 0


def children_of(process):
    out = subprocess.run(
        ["ps", "--ppid", str(process), "-o", "pid=,args="],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return {int(line.split()[0]): line for line in out.splitlines()}


def test_a_killed_process_is_started_again(other):
    other.start()
    other.wait_for("Ctrl-C stops all of it")
    assert other.process is not None
    for child, what in children_of(other.process.pid).items():
        if "postgres" not in what:
            os.kill(child, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while not other.is_ready():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    told = other.run("demo")
    assert told.returncode == 0, told.stdout
    assert other.stop() == 0


def test_nothing_is_left_when_the_supervisor_is_killed(other):
    other.start()
    assert other.process is not None
    children = [c for c, what in children_of(other.process.pid).items() if "postgres" not in what]
    other.process.kill()
    other.process.wait()
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{child}").exists() for child in children):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", other.port))
    other.start()  # and the PostgreSQL it left is taken over
    assert other.stop() == 0
