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


def test_plain_http_beyond_this_machine_is_refused_unless_it_is_asked_for(other):
    said = refused(other, "--host", "::")
    assert "does not speak plain HTTP on ::" in said
    assert "--plain" in said
    assert "both a certificate and its key" in refused(other, "--tls-key", "/nowhere")


def test_a_stack_speaks_tls_and_its_journey_goes_as_promised(other):
    other.arguments = ("--tls",)
    other.start()
    other.wait_for("Ctrl-C stops all of it")
    assert "all as promised" in other.output.read_text()
    assert httpx.get(f"{other.gateway}/health", verify=other.trusted).is_success
    for wrong in (f"{other.gateway}/health", f"http://localhost:{other.port}/health"):
        with pytest.raises(httpx.HTTPError):
            httpx.get(wrong)
    assert other.stop() == 0


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


def wait_until(holds):
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def lives(process):
    """Tell whether a process is there and not merely waiting to be reaped."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def children_of(process):
    out = subprocess.run(
        ["ps", "-ww", "--ppid", str(process), "-o", "pid=,args="],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return {int(line.split()[0]): line for line in out.splitlines()}


@pytest.mark.parametrize("what", ["govblocks", "postgres"])
def test_a_killed_process_is_started_again(other, what):
    other.start()
    other.wait_for("Ctrl-C stops all of it")
    assert other.process is not None
    killed = [child for child, line in children_of(other.process.pid).items() if what in line]
    assert killed
    for child in killed:
        os.kill(child, signal.SIGKILL)
    time.sleep(0.5)
    wait_until(other.is_ready)
    told = other.run("demo")
    assert told.returncode == 0, told.stdout
    assert other.stop() == 0


def test_nothing_is_left_when_the_supervisor_is_killed(other):
    other.start()
    assert other.process is not None
    children = set(children_of(other.process.pid))
    other.process.kill()
    other.process.wait()
    wait_until(lambda: sum(lives(child) for child in children) <= 1)  # PostgreSQL itself
    wait_until(lambda: is_free(other.port))
    other.start()  # and the PostgreSQL it left is taken over
    assert other.stop() == 0
