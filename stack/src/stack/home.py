"""The stack's home folder: its secrets, made on first start and kept (mode 0600)."""

import json
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from joserfc.jwk import ECKey, OKPKey

from kit.evidence import new_signing_keys
from kit.sealing import new_sealing_key

BLOCKS = ("registry", "consent", "messaging", "catalogue")
PARTS = ("gateway", *BLOCKS)


class HomeError(Exception):
    """The home cannot be used; the message is one sentence for the terminal."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """Everything the development stack keeps secret."""

    administrator: str
    gateway_key: dict[str, Any]
    issuer_key: dict[str, Any]
    sealing_keys: dict[str, str]
    evidence_keys: dict[str, str]
    owner_passwords: dict[str, str]
    runtime_passwords: dict[str, str]
    block_clients: dict[str, str]


def open_home(path: Path) -> Secrets:
    """Make the home if it is not there and return its secrets; raise HomeError."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        file = path / "secrets.json"
        kept = json.loads(file.read_text()) if file.exists() else {}
        made = _complete(kept)
        if made != kept:
            _write_private(file, json.dumps(made, indent=2))
    except json.JSONDecodeError as error:
        raise HomeError(f"{path / 'secrets.json'} is not JSON; it was changed by hand.") from error
    except OSError as error:
        reason = error.strerror or "unknown reason"
        raise HomeError(f"The home {path} cannot be used: {reason}.") from error
    return Secrets(**made)


def read_home(path: Path) -> Secrets:
    """Return the secrets of a home that a running stack uses; raise HomeError."""
    if not (path / "secrets.json").exists():
        raise HomeError(
            f"No stack has been started from the home {path}; "
            "start one there or name its home with GOVBLOCKS_HOME."
        )
    return open_home(path)


def _complete(kept: dict[str, Any]) -> dict[str, Any]:
    def each(make: Callable[[], str]) -> dict[str, str]:
        return {part: make() for part in PARTS}

    made: dict[str, Any] = {
        "administrator": secrets.token_urlsafe(32),
        "gateway_key": _private(OKPKey.generate_key("Ed25519")),
        "issuer_key": _private(ECKey.generate_key("P-256")),
        "sealing_keys": each(new_sealing_key),
        "evidence_keys": each(new_signing_keys),
        "owner_passwords": each(lambda: secrets.token_urlsafe(24)),
        "runtime_passwords": each(lambda: secrets.token_urlsafe(24)),
        "block_clients": each(lambda: secrets.token_urlsafe(32)),
    }
    return made | kept


def _private(key: OKPKey | ECKey) -> dict[str, Any]:
    key.ensure_kid()
    return cast("dict[str, Any]", key.as_dict(private=True))


def _write_private(file: Path, text: str) -> None:
    """Replace a file so that it is whole or not there, readable by its owner only."""
    fresh = file.with_suffix(".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    fresh.replace(file)
