"""compose.yaml and the Dockerfile keep to the code: every name in them is one the code reads."""

import importlib
import inspect
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from joserfc.jwk import OKPKey

from kit.evidence import Signer
from kit.settings import BlockSettings
from stack import home, serving
from stack.postgres import provisioning

BLOCKS = home.PARTS
DEVELOPMENT = ("issuer", "mailbox")
SERVICES = ("postgres", *BLOCKS, *DEVELOPMENT)
VARIABLE = re.compile(r"\$\{(\w+)(?:(:-|:\?)([^}]*))?\}")
SECRET = re.compile(r"PASSWORD|SECRET|KEYS?$")
COMPOSES = (["docker-compose"], ["docker", "compose"])


@pytest.fixture(scope="module")
def compose(house: Path) -> dict[str, Any]:
    return yaml.safe_load((house / "compose.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def services(compose: dict[str, Any]) -> dict[str, Any]:
    return compose["services"]


@pytest.fixture(scope="module")
def dockerfile(house: Path) -> str:
    return (house / "Dockerfile").read_text(encoding="utf-8")


def made(house: Path, folder: Path, kind: str) -> Path:
    """Run deploy/make-env on a copy; return the .env it wrote."""
    (folder / "deploy").mkdir(exist_ok=True)
    script = shutil.copy(house / "deploy" / "make-env", folder / "deploy")
    subprocess.run([sys.executable, script, kind], check=True, capture_output=True)
    return folder / ".env"


def variables(file: Path) -> dict[str, str]:
    lines = [line for line in file.read_text().splitlines() if line and line[0] != "#"]
    return {name: value.strip("'") for name, _, value in (line.partition("=") for line in lines)}


def filled(text: str, known: dict[str, str]) -> str:
    """Return a value as compose fills it in."""

    def fill(found: re.Match[str]) -> str:
        name, how, otherwise = found.groups()
        value = known.get(name, "")
        assert value or how != ":?", f"{name} is required"
        return value or (otherwise if how == ":-" else "")

    return VARIABLE.sub(fill, str(text))


def test_there_is_a_service_for_every_part(services: dict[str, Any]) -> None:
    assert sorted(services) == sorted(SERVICES)
    assert [name for name in services if "profiles" in services[name]] == ["mailbox", "issuer"]


@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_is_its_own_image_and_serves_itself(services: dict[str, Any], block: str) -> None:
    service = services[block]
    assert service["image"] == f"govblocks-{block}"
    assert service["build"] == {"context": ".", "args": {"BLOCK": block}}
    assert service["command"] == ["python", "-m", "kit.serve", block]
    assert importlib.util.find_spec("kit.serve.__main__")
    assert service["depends_on"]["postgres"] == {"condition": "service_healthy"}


@pytest.mark.parametrize("block", BLOCKS)
def test_a_blocks_variables_are_its_settings(
    house: Path,
    services: dict[str, Any],
    block: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    kind: type[BlockSettings] = importlib.import_module(f"{block}.settings").Settings
    prefix = kind.model_config["env_prefix"]
    known = variables(made(house, tmp_path, "demo"))
    given = services[block]["environment"]
    fields = {f"{prefix}{name}".upper(): field for name, field in kind.model_fields.items()}
    assert set(given) <= set(fields)
    assert {name for name, field in fields.items() if field.is_required()} <= set(given)
    for name, value in given.items():
        monkeypatch.setenv(name, filled(value, known))
    settings = kind()
    assert settings.listen_port == 8080
    runtime, owner = settings.database_url.get_secret_value(), settings.migration_url
    assert runtime.startswith(f"postgresql://govblocks_{block}_runtime:")
    assert owner.startswith(f"postgresql://govblocks_{block}_owner:")
    assert {url.rpartition("@")[2] for url in (runtime, owner)} == {f"postgres/govblocks_{block}"}
    grace = services[block]["stop_grace_period"]
    assert int(grace.removesuffix("s")) > settings.grace + 5


def test_a_block_is_a_client_with_a_secret_of_its_own(
    house: Path, services: dict[str, Any], tmp_path: Path
) -> None:
    known = variables(made(house, tmp_path, "demo"))
    secrets = set[str]()
    for block in BLOCKS:
        given, prefix = services[block]["environment"], block.upper()
        client = filled(given[f"{prefix}_CLIENT_ID"], known)
        assert client == f"{known['GOVBLOCKS_OPERATOR']}/{block}"
        secrets.add(filled(given[f"{prefix}_CLIENT_SECRET"], known))
    assert len(secrets) == len(BLOCKS)


def test_the_blocks_and_the_health_check_use_the_gateways_port_that_is_not_published(
    services: dict[str, Any],
) -> None:
    gateway = services["gateway"]
    inner = gateway["environment"]["GATEWAY_PLAIN_PORT"]
    assert [port.rpartition(":")[2] for port in gateway["ports"]] == ["8080"]
    assert inner != 8080
    assert f"'http://127.0.0.1:{inner}/health'" in gateway["healthcheck"]["test"][-1]
    for block in home.BLOCKS:
        url = services[block]["environment"][f"{block.upper()}_GATEWAY_URL"]
        assert url == f"http://gateway:{inner}"
    assert gateway["environment"]["GATEWAY_MEDIATOR_URL"] == f"http://127.0.0.1:{inner}"


def test_tls_is_a_certificate_and_its_key_in_a_folder(house: Path, tmp_path: Path) -> None:
    more = yaml.safe_load((house / "deploy" / "tls.yaml").read_text())["services"]
    assert set(more) == {"gateway"}
    given = more["gateway"]["environment"]
    fields = importlib.import_module("gateway.settings").Settings.model_fields
    assert set(given) == {"GATEWAY_TLS_CERT", "GATEWAY_TLS_KEY"}
    assert {name.removeprefix("GATEWAY_").lower() for name in given} <= set(fields)
    mounted = filled(more["gateway"]["volumes"][0], {"GOVBLOCKS_CERTIFICATES": "/etc/govblocks"})
    assert mounted == "/etc/govblocks:/run/tls:ro"
    assert {str(Path(path).parent) for path in given.values()} == {"/run/tls"}
    text = made(house, tmp_path, "production").read_text()
    assert "#COMPOSE_FILE=compose.yaml:deploy/tls.yaml\n#GOVBLOCKS_CERTIFICATES=\n" in text


def test_the_gateway_knows_every_block_and_trusts_no_network(
    house: Path, services: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    known = variables(made(house, tmp_path, "demo"))
    for name, value in services["gateway"]["environment"].items():
        monkeypatch.setenv(name, filled(value, known))
    settings = importlib.import_module("gateway.settings").Settings()
    assert settings.blocks == {name: f"http://{name}:8080" for name in home.BLOCKS}
    assert settings.trusted_networks == settings.proxy_networks == []
    assert settings.plain_http  # published on this machine's own address only
    (tmp_path / ".env").unlink()
    assert variables(made(house, tmp_path, "production"))["GATEWAY_PLAIN_HTTP"] == "false"
    assert settings.key.is_private
    assert set(services["gateway"]["depends_on"]) == {"postgres", *home.BLOCKS}


@pytest.mark.parametrize("block", ["registry", "consent"])
def test_a_blocks_links_lead_through_the_gateway_that_is_published(
    house: Path, services: dict[str, Any], tmp_path: Path, block: str
) -> None:
    known = variables(made(house, tmp_path, "demo"))
    url = filled(services[block]["environment"][f"{block.upper()}_PUBLIC_URL"], known)
    assert url == f"{known['GOVBLOCKS_PUBLIC_URL']}/{block}"


def test_the_issuer_is_the_one_the_gateway_believes(
    house: Path, services: dict[str, Any], tmp_path: Path
) -> None:
    given = services["issuer"]["environment"]
    fields = {f"ISSUER_{name}".upper() for name in serving.Settings.model_fields}
    known = variables(made(house, tmp_path, "demo"))
    assert set(given) <= fields
    assert services["issuer"]["command"] == ["python", "-m", serving.__name__]
    assert given["ISSUER_URL"] == known["GATEWAY_OIDC_ISSUER"] == known["GOVBLOCKS_ISSUER_URL"]


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_may_do_little(services: dict[str, Any], name: str) -> None:
    service = services[name]
    assert service["read_only"] is True
    assert "/tmp:size=64m,mode=1777" in service["tmpfs"]  # noqa: S108  in the container
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    user, _, group = service["user"].partition(":")
    assert int(user) > 0
    assert int(group) > 0
    assert service["healthcheck"]["test"][0] == "CMD"
    assert service["restart"] == "unless-stopped"
    assert {"mem_limit", "cpus", "pids_limit"} <= set(service)
    assert not {"privileged", "network_mode", "pid", "cap_add"} & set(service)


def test_only_the_gateway_is_published(compose: dict[str, Any], services: dict[str, Any]) -> None:
    published = {name for name, service in services.items() if "ports" in service}
    assert published == {"gateway", *DEVELOPMENT}
    for name in published:
        assert filled(services[name]["ports"][0], {}).startswith("127.0.0.1:")
    assert compose["networks"]["inside"] == {"internal": True}
    outside = {name for name, service in services.items() if "outside" in service["networks"]}
    assert outside == {"gateway", "messaging", "registry", "consent", *DEVELOPMENT}


def test_no_secret_stands_in_the_file(services: dict[str, Any]) -> None:
    for service in services.values():
        for name, value in service["environment"].items():
            if SECRET.search(name):
                assert VARIABLE.fullmatch(value), name
                assert ":?" in value, name
            if name.endswith("_URL") and "@" in str(value):
                assert re.search(r":\$\{\w+:\?[^}]+\}@", value), name


@pytest.mark.parametrize("kind", ["demo", "production"])
def test_the_script_names_every_variable_that_is_required(
    house: Path, compose: dict[str, Any], tmp_path: Path, kind: str
) -> None:
    file = made(house, tmp_path, kind)
    assert file.stat().st_mode & 0o777 == 0o600
    required = {f[0] for f in VARIABLE.findall(yaml.safe_dump(compose)) if f[1] == ":?"}
    known = variables(file)
    assert required <= set(known)
    assert ("COMPOSE_PROFILES" in known) == (kind == "demo")
    key = OKPKey.import_key(json.loads(known["GATEWAY_SIGNING_KEY"]))
    assert key.kid == key.thumbprint()
    signers = {Signer(known[f"{block}_EVIDENCE_KEYS".upper()]).kid for block in BLOCKS}
    assert len(signers | {key.kid}) == len(BLOCKS) + 1, "each ledger has a key of its own"
    again = [sys.executable, tmp_path / "deploy" / "make-env", kind]
    assert subprocess.run(again, check=False, capture_output=True).returncode == 1
    assert variables(file) == known


def test_the_secrets_file_is_in_no_commit_and_no_image(house: Path) -> None:
    assert "/.env" in (house / ".gitignore").read_text().splitlines()
    ignored = (house / ".dockerignore").read_text().splitlines()
    assert "*" in ignored
    assert "!.env" not in ignored


def test_the_databases_get_the_rights_that_the_stack_gives(house: Path) -> None:
    script = (house / "deploy/postgres/10-databases.sh").read_text()
    parts = re.search(r"for part in ([a-z ]+);", script)
    assert parts
    assert sorted(parts.group(1).split()) == sorted(BLOCKS)
    wanted = rights(inspect.getsource(provisioning)) - {"GRANT . TO CURRENT_USER"}
    assert len(wanted) >= 8
    assert rights(script) == wanted


def rights(text: str) -> set[str]:
    """Return the statements about rights in a text, without the names in them."""
    nameless = re.sub(r"%(?:\d\$)?I|:\"\w+\"", ".", text)
    found = re.findall(r"(?:ALTER DEFAULT PRIVILEGES|GRANT|REVOKE) [^;\"]+", nameless)
    return {" ".join(statement.split()) for statement in found}


def test_an_image_is_built_from_the_lock_as_nobody_special(house: Path, dockerfile: str) -> None:
    members = [*house.glob("*/pyproject.toml"), *house.glob("services/*/pyproject.toml")]
    for member in members:
        assert f"COPY {member.relative_to(house)} " in dockerfile
    assert dockerfile.count("uv sync --quiet --frozen --no-dev") == 2
    assert re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE) == ["python:3.13-slim"] * 2
    assert re.findall(r"^USER (.+)", dockerfile, re.MULTILINE) == ["10001:10001"]


def is_here(command: list[str]) -> bool:
    """Tell whether this machine has a compose."""
    version = [*command, "version"]
    known = shutil.which(command[0])
    return bool(known) and not subprocess.run(version, check=False, capture_output=True).returncode


@pytest.mark.parametrize("command", COMPOSES, ids=" ".join)
def test_compose_itself_reads_it(house: Path, tmp_path: Path, command: list[str]) -> None:
    if not is_here(command):
        return
    file = made(house, tmp_path, "demo")
    shutil.copy(house / "compose.yaml", tmp_path)
    done = subprocess.run(
        [*command, "config"], cwd=tmp_path, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert sorted(yaml.safe_load(done.stdout)["services"]) == sorted(SERVICES)
    file.write_text("")
    done = subprocess.run([*command, "config"], cwd=tmp_path, check=False, capture_output=True)
    assert done.returncode != 0, "it starts without secrets"
