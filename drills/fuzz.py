"""The long form of the contract tests: what a generator makes of each contract, over HTTP.

``python -m drills fuzz --minutes 5`` starts a stack, gives an application of its own every right,
and sends it right, wrong and linked requests until the time is over. Each answer must be declared:
its status, its media type, its headers, its body; none may be a 5xx.
"""

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count, product
from pathlib import Path
from typing import Any

import requests
import schemathesis
import yaml
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Flaky, FlakyStrategyDefinition, Unsatisfiable
from rich.console import Console
from rich.table import Table
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.schemas import APIOperation, BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from drills.house import House, StackError, started

CONTRACTS = Path(__file__).parents[1] / "contracts"
BLOCKS = ("registry", "consent", "messaging", "catalogue", "gateway")
TRIED = ("registry", "registry-1.0", *BLOCKS[1:])
"""The contracts: the blocks', and those of older releases."""
CLIENT = "DEV/GOV/90001/fuzz"
SECRET = "a secret that only this drill uses"  # noqa: S105  a stack that nobody else reaches
LEFT_OUT = {"replaceIMconf": "it would delete the rights that everything else needs"}
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
_HEAD_TOO_LARGE = 431
_EACH = 5  # examples of an operation before the next one's turn
console = Console(highlight=False, width=150)


@dataclass(slots=True)
class Found:
    """What was tried and what was found."""

    answers: Counter[tuple[str, int]] = field(default_factory=Counter[tuple[str, int]])
    operations: set[str] = field(default_factory=set[str])
    failures: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])


class Fuzz:
    """Requests of one application, checked against one block's contract."""

    def __init__(self, house: House, block: str, found: Found) -> None:
        document = yaml.safe_load((CONTRACTS / f"{block}.yaml").read_text(encoding="utf-8"))
        self.block, self._found = block, found
        self._base = house.gateway + document.pop("servers")[0]["url"].rstrip("/")
        whole: BaseSchema = schemathesis.openapi.from_dict(document)
        self._schema = whole.exclude(operation_id=list(LEFT_OUT))
        self._schema.config.generation.allow_x00 = False  # the gateway refuses it in its own name
        self._session = requests.Session()
        self._authorize(house)

    def _authorize(self, house: House) -> None:
        who = ("administrator", _administrator(house)) if self.block == "gateway" else None
        self._session.headers["Authorization"] = (
            f"Bearer {_token(house, *(who or (CLIENT, SECRET)))}"
        )
        if who:
            self._session.headers["X-GovStack-Client"] = CLIENT

    def operations(self) -> Iterator[APIOperation]:
        """Return what is tried."""
        return (result.ok() for result in self._schema.get_all_operations())

    def examples(self, operation: APIOperation, mode: GenerationMode, number: int) -> None:
        """Send a few requests of one operation, right or wrong ones."""

        @seed(number)
        @settings(_settings(), max_examples=_EACH)
        @given(operation.as_strategy(generation_mode=mode))
        def tried(case: Case) -> None:
            self.send(case)

        with suppress(Unsatisfiable):  # nothing can be wrong with a request that says nothing
            tried()

    def follow(self, number: int) -> None:
        """Follow the links of the contract: what one operation makes another takes."""
        fuzz = self

        class Machine(self._schema.as_state_machine()):  # type: ignore[misc]  made at run time
            def call(self, case: Case, **_more: Any) -> Any:
                return fuzz.send(case)

            def validate_response(self, *_given: Any, **_more: Any) -> None:
                """Leave it to ``send``, which goes on after a failure."""

        seed(number)(Machine)
        steps = settings(_settings(), max_examples=_EACH, stateful_step_count=8)
        with suppress(Flaky, FlakyStrategyDefinition):  # a stack is not the same stack twice
            Machine.run(settings=steps)

    def send(self, case: Case) -> Any:
        """Send one request and keep what is wrong with its answer."""
        name = case.operation.definition.raw["operationId"]
        case.headers = {
            n: v for n, v in (case.headers or {}).items() if n.lower() not in _CREDENTIALS
        }
        answer = case.call(
            base_url=self._base, session=self._session, timeout=30, allow_redirects=False
        )
        self._found.operations.add(f"{self.block} {name}")
        self._found.answers[self.block, answer.status_code] += 1
        if answer.status_code == _HEAD_TOO_LARGE:  # the server's word, before any operation
            return answer
        try:
            case.validate_response(answer, checks=CHECKS)
        except FailureGroup as group:
            said = case.as_curl_command(base_url=self._base, headers={"Authorization": "$TOKEN"})
            for failure in group.exceptions:
                what = f"{failure.title}: {answer.status_code} {answer.text[:200]}"
                self._found.failures.setdefault(
                    (f"{self.block} {name}", failure.title), f"{what}\n  {said}"
                )
        return answer


_CREDENTIALS = {
    "authorization",
    "apikey",
    "x-govstack-client",
    "information-mediator-client",
    "x-road-client",
}


def _settings() -> settings:
    return settings(
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


def _administrator(house: House) -> str:
    secrets: dict[str, Any] = json.loads((house.home / "secrets.json").read_text())
    return str(secrets["administrator"])


def _token(house: House, client: str, secret: str) -> str:
    answer = requests.post(
        house.gateway + "/oauth2/token",
        data={"grant_type": "client_credentials"},
        auth=(client, secret),
        timeout=30,
    )
    answer.raise_for_status()
    return str(answer.json()["access_token"])


def _prepare(house: House) -> None:
    """Make the drill's application, with a right to each block at its short form."""
    session = requests.Session()
    session.headers["Authorization"] = (
        f"Bearer {_token(house, 'administrator', _administrator(house))}"
    )
    grantee = {"memberClass": "GOV", "memberCode": "90001", "applicationId": "fuzz"}
    application = {"id": "fuzz", "connection": "oauth2", "secret": SECRET}
    document = session.get(house.gateway + "/api/v1/config", timeout=30).json()
    [member] = [each for each in document["members"] if each["code"] == "90001"]
    wanted = {
        "domain": document["domain"],
        "instance": document["instance"],
        "members": [
            {**{n: member[n] for n in ("name", "class", "code")}, "applications": [application]}
        ],
    }
    session.patch(house.gateway + "/api/v1/config", json=wanted, timeout=30).raise_for_status()
    rights = [
        {**grantee, "applicationId": "govblocks", "serviceId": block, "rights": [grantee]}
        for block in BLOCKS[:-1]
    ]
    session.patch(
        house.gateway + "/api/v1/rights/allow", json=rights, timeout=30
    ).raise_for_status()


def fuzz(house: House, seconds: float, first: int) -> Found:
    """Send requests to every block in turn until the time is over."""
    found, deadline = Found(), time.monotonic() + seconds
    _prepare(house)
    for number, block in ((number, block) for number in count(first) for block in TRIED):
        one = Fuzz(house, block, found)  # its token lives for minutes
        one.follow(number)
        for operation, mode in product(one.operations(), MODES):
            if time.monotonic() > deadline:
                return found
            one.examples(operation, mode, number)
    raise AssertionError


def tell(found: Found, first: int) -> None:
    """Print what was tried, what was answered and each failure with how to repeat it."""
    table = Table("block", "requests", "answers", title=f"{len(found.operations)} operations tried")
    for block in TRIED:
        statuses = {status: n for (at, status), n in sorted(found.answers.items()) if at == block}
        said = ", ".join(f"{status}: {n}" for status, n in statuses.items())
        table.add_row(block, str(sum(statuses.values())), said)
    console.print(table)
    for (operation, _), said in sorted(found.failures.items()):
        console.print(f"{operation}: {said}", markup=False, soft_wrap=True)
    outcome = f"{len(found.failures)} failures" if found.failures else "Nothing undeclared, no 5xx"
    console.print(f"{outcome} (--seed {first} repeats the requests).")


def main(arguments: list[str]) -> int:
    """Do what the command line says; return 1 when something was found."""
    parser = argparse.ArgumentParser(prog="python -m drills fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0, help="how long requests are sent")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="where examples begin")
    given_ = parser.parse_args(arguments)
    try:
        with started() as house:
            console.print(f"A stack serves at {house.gateway}; {given_.minutes:g} minutes begin.")
            found = fuzz(house, given_.minutes * 60, given_.seed)
    except StackError as error:
        console.print(str(error), markup=False)
        return 1
    tell(found, given_.seed)
    return 1 if found.failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
