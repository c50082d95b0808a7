"""The shared contracts: one OpenAPI 3.1 document per block, generated from its code.

``python -m stack.contracts`` writes them; ``python -m stack.contracts --check`` writes nothing and
names those that differ. No database is touched: the applications are put together, never started.
"""

import argparse
import base64
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from joserfc.jwk import OKPKey
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from kit.access import Gate
from kit.web import routes_of

BLOCKS: Mapping[str, str] = {
    "registry": "/registry",
    "consent": "/consent",
    "messaging": "/messaging",
    "catalogue": "/catalogue",
    "gateway": "/",
}
"""Each block and where the gateway answers for it."""

FOLDER = Path(__file__).parents[3] / "contracts"
"""Where the committed contracts are, in a checkout."""

TOKENS_AT = "http://127.0.0.1:8080/oauth2/token"
"""Where tokens are, on a developer's machine; OpenAPI wants an absolute address here."""

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_WIDE = 10_000  # characters; no line is folded, so that a change is one line of a diff
_CLIENT = (
    "The calling application, INSTANCE/CLASS/MEMBER/APPLICATION. It is enough where the operator "
    "trusts the network; beside a token or key it must name their application."
)


def generate() -> dict[str, str]:
    """Return the YAML text of every contract by its file name."""
    return {f"{block}.yaml": text(contract(block)) for block in BLOCKS}


def contract(block: str) -> dict[str, Any]:
    """Return a block's OpenAPI document, with the way to call it through the gateway."""
    app = application(block)
    document = dict(app.openapi())
    components = document.pop("components", {})
    paths = document.pop("paths")
    gates = dict(_gates(app))
    for _method, _path, operation in operations(paths):
        operation["security"] = _security(gates[operation["operationId"]])
    document["servers"] = [{"url": BLOCKS[block], "description": "Through the gateway"}]
    document["paths"] = paths
    scopes = sorted({scope for gate in gates.values() for scope in scopes_of(gate)})
    components["securitySchemes"] = _schemes(scopes) | components.get("securitySchemes", {})
    document["components"] = components
    return document


def text(document: Mapping[str, Any]) -> str:
    """Return a document as YAML: its own order, one line a scalar unless the text has several."""
    return yaml.dump(
        document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDE, indent=2
    )


def application(block: str) -> FastAPI:
    """Put a block's application together with settings that lead nowhere."""
    return import_module(f"{block}.main").create_app(throwaway_settings(block))


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
        "signing_key": json.dumps(key.as_dict(private=True)),
    }
    return Throwaway(**given)


def operations(
    paths: Mapping[str, Mapping[str, Any]],
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Return a document's operations: method, path and what is said of it."""
    for path, item in paths.items():
        yield from ((method, path, item[method]) for method in _METHODS if method in item)


def gate_of(route: APIRoute) -> Gate | None:
    """Return the gate a route's signature names, directly or through what it depends on."""
    waiting: list[Dependant] = [route.dependant]
    while waiting:
        dependant = waiting.pop()
        if isinstance(dependant.call, Gate):
            return dependant.call
        waiting += dependant.dependencies
    return None


def scopes_of(gate: Gate) -> Sequence[str]:
    """Return the scopes of which one opens a gate; none when it stands open.

    A gate that several open names them all in ``scopes``.
    """
    return getattr(gate, "scopes", (gate.scope,) if gate.scope else ())


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


def _gates(app: FastAPI) -> Iterator[tuple[str, Gate]]:
    for route in routes_of(app.routes):
        if not isinstance(route, APIRoute) or not route.include_in_schema:
            continue
        gate = gate_of(route)
        if gate is None:
            raise LookupError(f"{route.path} names no caller")
        yield route.operation_id or route.name, gate


def _security(gate: Gate) -> list[dict[str, list[str]]]:
    """Say with which credentials an operation is called; none when it is open to anyone."""
    if gate.scope is None:
        return []
    tokens = [{"oauth2": [scope]} for scope in scopes_of(gate)]
    return [*tokens, {"apiKey": []}, {"apiKey": [], "person": []}, {"client": []}]


def _schemes(scopes: Sequence[str]) -> dict[str, Any]:
    """Describe the credentials that the gateway takes."""
    return {
        "oauth2": {
            "type": "oauth2",
            "description": "A bearer token of the calling application (RFC 6749 section 4.4). "
            "The scope is the one that the application's right to the service must cover.",
            "flows": {
                "clientCredentials": {
                    "tokenUrl": TOKENS_AT,
                    "scopes": {scope: f"The right covers {scope}" for scope in scopes},
                }
            },
        },
        "apiKey": _header("apiKey", "A key, which alone identifies the calling application."),
        "person": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "A signed-in person's token, from the issuer the operator trusts.",
        },
        "client": _header("X-GovStack-Client", _CLIENT),
        "mediatorClient": _header("Information-Mediator-Client", f"{_CLIENT} Another spelling."),
    }


def _header(name: str, description: str) -> dict[str, str]:
    return {"type": "apiKey", "in": "header", "name": name, "description": description}


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
