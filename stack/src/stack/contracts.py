"""The shared contracts: one OpenAPI 3.1 document per block, generated from its code.

``python -m stack.contracts`` writes them; ``python -m stack.contracts --check`` writes nothing and
names those that differ. No database is touched: the applications are put together, never started.
"""

import argparse
import base64
import json
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml
from fastapi import FastAPI
from joserfc.jwk import OKPKey
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from kit.evidence import new_signing_keys

BLOCKS: Mapping[str, str] = {
    "registry": "/registry",
    "registry-1.0": "/registry/1.0",
    "consent": "/consent",
    "messaging": "/messaging",
    "catalogue": "/catalogue",
    "gateway": "/",
}
"""Each contract and where the gateway answers for it: a block's, or an older release of one."""

FOLDER = Path(__file__).parents[3] / "contracts"
"""Where the committed contracts are, in a checkout."""

_WIDE = 10_000  # characters; no line is folded, so that a change is one line of a diff


def generate() -> dict[str, str]:
    """Return the YAML text of every contract by its file name."""
    return {f"{block}.yaml": text(contract(block)) for block in BLOCKS}


def contract(block: str) -> dict[str, Any]:
    """Return a block's OpenAPI document as it serves it, with where the gateway answers for it."""
    document = dict(application(block).openapi())
    paths, components = document.pop("paths"), document.pop("components")
    servers = [{"url": BLOCKS[block], "description": "Through the gateway"}]
    return {**document, "servers": servers, "paths": paths, "components": components}


def text(document: Mapping[str, Any]) -> str:
    """Return a document as YAML: its own order, one line a scalar unless the text has several."""
    return yaml.dump(
        document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDE, indent=2
    )


def application(block: str) -> FastAPI:
    """Put what keeps a contract together with settings that lead nowhere."""
    name, _, release = block.partition("-")
    app: FastAPI = import_module(f"{name}.main").create_app(throwaway_settings(name))
    return app.state.releases[release] if release else app


def throwaway_settings(block: str) -> BaseSettings:
    """Return a block's settings with nothing from the environment and nothing secret."""
    kind: type[BaseSettings] = import_module(f"{block}.settings").Settings

    class Throwaway(kind):  # type: ignore[misc, valid-type]
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],  # noqa: ARG003  the signature is Pydantic's
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,  # noqa: ARG003  as above
            dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  as above
            file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  as above
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return (init_settings,)

    key = OKPKey.generate_key("Ed25519", parameters={"kid": "throwaway"})
    given = {
        "database_url": "postgresql://nobody@127.0.0.1:1/nothing",
        "sealing_key": base64.b64encode(bytes(32)).decode(),
        "evidence_keys": new_signing_keys(),
        "signing_key": json.dumps(key.as_dict(private=True)),
    }
    return Throwaway(**given)


def differing(folder: Path) -> list[str]:
    """Return the names of the contracts that are not in ``folder`` as the code makes them."""
    return [
        name
        for name, wanted in generate().items()
        if not (folder / name).is_file() or (folder / name).read_text(encoding="utf-8") != wanted
    ]


class _Dumper(yaml.SafeDumper):
    """YAML without anchors, and with texts of several lines as they are read."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  the signature is PyYAML's
        return True

    def lines(self, data: str) -> yaml.ScalarNode:
        """Return a text as a node: a block when it has several lines."""
        style = "|" if "\n" in data else None
        return self.represent_scalar("tag:yaml.org,2002:str", data, style)


_Dumper.add_representer(str, _Dumper.lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the contracts, or check those that are there; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m stack.contracts", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, name what differs")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the contracts are")
    given = parser.parse_args(arguments)
    if given.check:
        stale = differing(given.folder)
        for name in stale:
            sys.stderr.write(f"{given.folder / name} differs from the code: run `make contracts`\n")
        return 1 if stale else 0
    given.folder.mkdir(parents=True, exist_ok=True)
    for name, content in generate().items():
        (given.folder / name).write_text(content, encoding="utf-8")
        sys.stdout.write(f"{given.folder / name}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
