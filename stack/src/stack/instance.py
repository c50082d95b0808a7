"""The instance file: members, applications, rights, registers, agreements … in one YAML file.

It is declarative: loading it makes the instance look like the file, loading it twice changes
nothing. Whatever has an id may be given one, and in development secrets may be written out; in
production they are named by environment variable (``{env: NAME}``).
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

_UNION_MEMBERS = {"str", "FromEnvironment"}  # Pydantic's, not the file's
_ADDRESS = r"^[A-Za-z0-9._-]+/[A-Za-z0-9._-]+/[A-Za-z0-9._-]+$"


class InstanceError(Exception):
    """The file cannot be loaded; the message names the file, the line and the reason."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FromEnvironment(_Part):
    """A secret that is not in the file."""

    env: str = Field(description="The environment variable that holds the secret")


Secret = Annotated[
    str | FromEnvironment, Field(description="A literal (development) or {env: NAME}")
]
Application = Annotated[
    str, Field(pattern=_ADDRESS, description="CLASS/MEMBER/APPLICATION of the one it belongs to")
]


class Right(_Part):
    """Who may use a service; `anonymous` is whoever brings no credentials."""

    client: str = Field(description="CLASS/MEMBER/APPLICATION, or anonymous")
    scopes: list[str] | None = Field(
        default=None, description="What the right covers; everything the service offers by default"
    )


class Service(_Part):
    """A service that an application offers to others."""

    id: str
    serviceUrl: str = Field(description="http(s)://… or block:registry for a block of this stack")
    specUrl: str | None = Field(default=None, description="Where its OpenAPI document is")
    tenancy: Literal["provider", "client"] = Field(
        default="provider",
        description="Whose data a call reaches: the offering member's, or the caller's own",
    )
    shortForm: str | None = Field(default=None, description="A short path at the gateway")
    scopes: list[str] | None = None
    rights: list[Right] = []


class Key(_Part):
    """An API key, given so that loading twice keeps it."""

    id: str
    key: Secret


class Certificate(_Part):
    """A certificate an application is known by: that very one, or any of a subject and issuer."""

    sha256: str | None = Field(default=None, description="SHA-256 of the certificate (DER) in hex")
    subject: str | None = Field(default=None, description="As in RFC 4514: CN=clinic,O=Ministry")
    issuer: str | None = Field(default=None, description="As in RFC 4514: who issued it")


class InstanceApplication(_Part):
    """An application of a member: how it proves itself, what it offers."""

    id: str
    connection: Literal["none", "oauth2", "apiKey", "mtls"] = "none"
    secret: Secret | None = None
    keys: list[Key] = []
    certificates: list[Certificate] | None = Field(default=None, description="With mtls")
    scopes: list[str] = Field(default=[], description="Scopes at the gateway's own API")
    services: list[Service] = []


class Member(_Part):
    """An organisation."""

    name: str
    memberClass: str = Field(alias="class")
    code: str
    applications: list[InstanceApplication] = []


class Register(_Part):
    """A database of the registry block, published, with its records."""

    owner: Application
    code: str
    name: str | None = None
    description: str | None = None
    institution: str | None = None
    metadata: dict[str, Any] | None = None
    access: dict[str, Any] | None = None
    fieldsUniques: list[list[str]] | None = None
    definition: dict[str, Any] = Field(alias="schema")
    key: str = Field(default="id", description="The field that finds a record again")
    records: list[dict[str, Any]] = []


class _Owned(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)

    owner: Application

    def content(self) -> dict[str, Any]:
        """Return the object as its block's API takes it."""
        return {name: value for name, value in self.model_dump().items() if name != "owner"}


class Policy(_Owned):
    """A policy of the consent block."""

    id: str
    name: str
    version: str
    url: str


class Agreement(_Owned):
    """A data agreement of the consent block."""

    id: str
    purpose: str
    lawfulBasis: str


class Individual(_Owned):
    """A person whom the consent block knows."""

    externalId: str
    externalIdType: str


class EventType(_Part):
    """A kind of event in a room."""

    room: Application
    eventType: str
    definition: dict[str, Any] = Field(alias="schema")


class Subscription(_Part):
    """An application that hears of a kind of event."""

    room: Application
    subscriber: Application
    eventType: str


class Catalogue(_Part):
    """Entries of the catalogue and who reuses what; fields as the catalogue's API has them."""

    owner: Application | None = None
    entries: list[dict[str, Any]] = []
    reuses: list[dict[str, Any]] = []


class Instance(_Part):
    """A whole instance."""

    instance: str = Field(pattern=r"^[A-Za-z0-9._-]+$")
    domain: str
    include: list[str] = Field(
        default=[], description="Files beside this one, with more of the same"
    )
    members: list[Member] = []
    registries: list[Register] = []
    policies: list[Policy] = []
    agreements: list[Agreement] = []
    individuals: list[Individual] = []
    eventTypes: list[EventType] = []
    subscriptions: list[Subscription] = []
    catalogue: Catalogue = Catalogue()


@dataclass(slots=True)
class _Written:
    """Where each part of a document stands: the files it was put together from."""

    file: Path
    node: yaml.Node
    included: list[tuple[str, int, Path, yaml.Node]] = field(
        default_factory=list[tuple[str, int, Path, yaml.Node]]
    )
    """Section, index of its first included item, file and root node."""

    def place(self, *path: str | int) -> str:
        """Return ``file, line N`` of the part that ``path`` leads to."""
        file, node, inside = self.file, self.node, list(path)
        for section, first, other, root in self.included:
            if not path or path[0] != section:
                continue
            position = path[1] if len(path) > 1 else None
            if not isinstance(position, int):
                file, node = (file, node) if _line(node, path)[1] == len(path) else (other, root)
            elif position >= first:
                file, node, inside = other, root, [section, position - first, *path[2:]]
        return f"{file}, line {_line(node, inside)[0]}"


@dataclass(frozen=True, slots=True)
class Source:
    """An instance as written: what it says and on which line it says it."""

    instance: Instance
    written: _Written

    def place(self, *path: str | int) -> str:
        """Return ``file, line N`` of the part that ``path`` leads to."""
        return self.written.place(*path)


def read(file: Path) -> Source:
    """Read an instance file and what it includes; raise InstanceError."""
    node, document = _parse(file)
    written = _Written(file, node)
    for name in cast("Sequence[object]", document.get("include") or ()):
        _include(written, document, file.parent / str(name))
    try:
        instance = Instance.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        path = tuple(part for part in first["loc"] if part not in _UNION_MEMBERS)
        where = ".".join(str(part) for part in path)
        raise InstanceError(f"{written.place(*path)}: {where}: {first['msg']}.") from error
    return Source(instance, written)


def json_schema() -> dict[str, Any]:
    """Return the instance file's JSON Schema, as published in docs/guides."""
    schema = Instance.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _parse(file: Path) -> tuple[yaml.Node, dict[str, Any]]:
    try:
        text = file.read_text(encoding="utf-8")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        document = yaml.safe_load(text)
    except OSError as error:
        raise InstanceError(f"{file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise InstanceError(f"{file} is not UTF-8 text.") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise InstanceError(f"{file}, line {line}: {error.problem or 'not YAML'}.") from error
    if node is None or not isinstance(document, dict):
        raise InstanceError(f"{file}, line 1: an instance is a mapping of names to values.")
    return node, document


def _include(written: _Written, document: dict[str, Any], file: Path) -> None:
    node, more = _parse(file)
    for section, content in more.items():
        present = document.setdefault(section, type(content)())
        if isinstance(present, list) and isinstance(content, list):
            written.included.append((section, len(present), file, node))
            document[section] = present + content
        elif isinstance(present, dict) and isinstance(content, dict):
            written.included.append((section, 0, file, node))
            document[section] = content | present
        else:
            raise InstanceError(f"{written.place(section)}: {section} cannot be included.")


def _line(node: yaml.Node, path: Sequence[str | int]) -> tuple[int, int]:
    """Return the line (from 1) of the deepest part of ``path`` that is there, and its depth."""
    line = node.start_mark.line + 1
    for depth, part in enumerate(path):
        found = _child(node, part)
        if found is None:
            return line, depth
        line, node = found
    return line, len(path)


def _child(node: yaml.Node, part: str | int) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        item = cast("yaml.Node", node.value[part])
        return item.start_mark.line + 1, item
    if isinstance(node, yaml.MappingNode):
        pairs = cast("Sequence[tuple[yaml.Node, yaml.Node]]", node.value)
        for key, value in pairs:
            if key.value == part:
                return key.start_mark.line + 1, value
    return None


def secret(value: str | FromEnvironment | None, environment: Mapping[str, str]) -> str | None:
    """Return a secret as given or as the environment has it; raise InstanceError."""
    if not isinstance(value, FromEnvironment):
        return value
    found = environment.get(value.env)
    if not found:
        raise InstanceError(f"The environment variable {value.env} is not set.")
    return found


if __name__ == "__main__":
    sys.stdout.write(json.dumps(json_schema(), indent=2) + "\n")
