"""The guide to consent: each of its commands, typed in its order, does what it says."""

import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

_BLOCK = re.compile(r"^```\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def typed(house, stack, folder) -> str:
    """Return the guide's commands, for this stack and a folder of their own."""
    text = (house / "docs/guides/consent.md").read_text()
    script = "\n".join(_BLOCK.findall(text))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
    for said, here in {
        "/tmp/": f"{folder}/",  # noqa: S108  as the guide has it, and first: a checkout may lie there
        "127.0.0.1:8080": f"127.0.0.1:{stack.port}",
        "9009": str(free),
        ".venv/bin/govblocks": str(Path(sys.executable).with_name("govblocks")),
    }.items():
        assert said in script, said
        script = script.replace(said, here)
    return script


def test_the_guide_to_consent_does_what_it_says(stack, pytestconfig, tmp_path) -> None:
    script = typed(pytestconfig.rootpath, stack, tmp_path)
    shell = subprocess.Popen(
        ["bash", "-c", script],
        env=stack.environment | {"GOVBLOCKS_URL": stack.gateway},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        said, _ = shell.communicate(timeout=90)
    finally:
        with suppress(ProcessLookupError):  # nothing is left of it, as it should be
            os.killpg(shell.pid, signal.SIGKILL)
    at = 0
    for each in (
        '"id":"maternity-care"',
        "(no-record)",
        "Loaded",
        "consent.expired",
        "webhook-test",
        '"content"',
        '"effectiveAttributes":["firstName"]',
        "signed\n",
        "permitted\npermitted\n",
        "already-fetched",
        '"valid":true,"reasons":[],"isCurrent":true',
        '"transmissions":[{',
        '"transmissions":[{',
        "proof.json is verified.",
        "(opted-out)",
        "delivered",
        "deleted",
    ):
        found = said.find(each, at)
        assert found >= 0, f"{each} is missing in: {said[at:]}"
        at = found + len(each)
    for kind in ("consent.given", "consent.withdrawn"):
        assert f'"type":"global.govstack.consent.{kind}"' in said
    assert "Consent receipt" in (tmp_path / "receipt.html").read_text()
