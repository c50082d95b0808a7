"""Which answers the tests have seen, held against the contracts: a pytest plugin.

Every answer that an application gives while tests run is written down as block, operation and
status: in the test process, in its workers, and in a process that was started as
``python -m kit.recording PROGRAM …``. At the end of the run the process that leads it fails the
run when an operation answered with a status that its contract does not declare, and, when the
whole suite ran, when no test saw a status that is declared. ``tests/contracts/unseen.yaml`` lists
what no test can see, each with its reason; what is listed and seen all the same fails too.
"""

import json
import os
import runpy
import sys
import tempfile
import weakref
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import yaml

if TYPE_CHECKING:  # a run of tests without an application does not wait for FastAPI
    import re

    from fastapi import FastAPI
    from starlette.types import Message, Receive, Scope, Send

FILE = "GOVBLOCKS_TEST_ANSWERS"
"""The environment variable that names the file in which all processes of a run write."""

UNSEEN = Path("tests/contracts/unseen.yaml")
CONTRACTS = Path("contracts")


class Answer(NamedTuple):
    """One kind of answer: an operation, by its operationId, and a status.

    ``block`` is the name of a contract: a block's, or the block's and an older release's.
    """

    block: str
    operation: str
    status: str


@dataclass(slots=True)
class Judgement:
    """What was found when the answers seen were held against the contracts."""

    declared: int = 0
    seen: int = 0
    faults: list[str] = field(default_factory=list[str])


# -- writing down --------------------------------------------------------------------------------


class _Operations:
    """The operations of one application, found by method and path as its router finds them."""

    def __init__(self, app: "FastAPI") -> None:
        from fastapi.routing import APIRoute  # noqa: PLC0415  the application is there already

        from kit.web import routes_of  # noqa: PLC0415  as above

        self._routes: list[tuple[re.Pattern[str], set[str], str]] = [
            (route.path_regex, route.methods or set(), route.operation_id or route.name)
            for route in routes_of(app.routes)
            if isinstance(route, APIRoute)
        ]

    def find(self, method: str, path: str) -> str | None:
        """Return the name of the operation that a request reaches, None when it reaches none."""
        for pattern, methods, name in self._routes:
            if method in methods and pattern.match(path):
                return name
        return None


class _Watch:
    """What one process has seen; each kind of answer is written once, with where it was seen."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._seen: set[Answer] = set()
        self._apps: weakref.WeakKeyDictionary[FastAPI, _Operations] = weakref.WeakKeyDictionary()

    def note(self, app: "FastAPI", scope: "Scope", status: int) -> None:
        """Write down an answer of ``app``, unless it answers no operation or was seen before."""
        operations = self._apps.get(app)
        if operations is None:
            operations = self._apps[app] = _Operations(app)
        name = operations.find(scope["method"], scope["path"])
        if name is None:
            return
        contract: str = getattr(app, "contract", "") or app.state.block
        answer = Answer(contract, name, str(status))
        if answer not in self._seen:
            self._seen.add(answer)
            test = os.environ.get("PYTEST_CURRENT_TEST", "")  # noqa: TID251  pytest's own
            line = json.dumps([*answer, test.rpartition(" ")[0]])
            with self._file.open("a", encoding="utf-8") as out:  # one write: processes may share it
                out.write(line + "\n")


_watched: list[Path] = []


def watch() -> None:
    """Write down, from now on, every answer in this process and in those that it forks."""
    if _watched or FILE not in os.environ:  # noqa: TID251  set by the process that leads
        return
    from fastapi import FastAPI  # noqa: PLC0415  as above

    _watched.append(Path(os.environ[FILE]))  # noqa: TID251  as above
    seen = _Watch(_watched[0])
    serve: Callable[..., Any] = FastAPI.__call__

    async def watched(app: "FastAPI", scope: "Scope", receive: "Receive", send: "Send") -> None:
        if scope["type"] != "http" or not hasattr(app.state, "block"):
            await serve(app, scope, receive, send)
            return
        asked = {"method": scope["method"], "path": scope["path"]}

        async def sending(message: "Message") -> None:
            if message["type"] == "http.response.start":
                seen.note(app, asked, message["status"])
            await send(message)

        await serve(app, scope, receive, sending)

    FastAPI.__call__ = watched  # type: ignore[method-assign]


# -- judging -------------------------------------------------------------------------------------


def declared_in(folder: Path) -> set[Answer]:
    """Return every status of every operation that the contracts in a folder declare."""
    found: set[Answer] = set()
    for file in sorted(folder.glob("*.yaml")):
        document = yaml.load(file.read_text(encoding="utf-8"), yaml.CSafeLoader)
        for item in document["paths"].values():
            for operation in item.values():
                name = operation["operationId"]
                found |= {Answer(file.stem, name, status) for status in operation["responses"]}
    return found


def excused_in(file: Path) -> dict[Answer, str]:
    """Return what no test can see and the reason, from a list of rules; none without the file.

    A rule has ``block``, ``operations``, ``statuses`` and ``reason``.
    """
    rules: list[dict[str, Any]] = []
    if file.is_file():
        rules = yaml.load(file.read_text(encoding="utf-8"), yaml.CSafeLoader) or []
    return {
        Answer(rule["block"], name, str(status)): rule["reason"]
        for rule in rules
        for name in rule["operations"]
        for status in rule["statuses"]
    }


def judge(
    declared: set[Answer],
    seen: Mapping[Answer, str],
    excused: Iterable[Answer],
    *,
    whole: bool,
) -> Judgement:
    """Hold what was seen (each with the test that saw it) against what is declared."""
    operations = {(answer.block, answer.operation) for answer in declared}
    ours = {answer for answer in seen if (answer.block, answer.operation) in operations}
    listed = set(excused)
    judgement = Judgement(len(declared), len(declared & ours))
    judgement.faults += [
        f"{_name(answer)} is not declared; seen in {seen[answer] or 'a process of a test'}"
        for answer in sorted(ours - declared)
    ]
    judgement.faults += [
        f"{_name(answer)} is listed in {UNSEEN} and was seen in {seen[answer]}"
        for answer in sorted(listed & ours)
    ]
    if whole:
        judgement.faults += [
            f"{_name(answer)} is declared, and no test saw it"
            for answer in sorted(declared - ours - listed)
        ]
        judgement.faults += [
            f"{_name(answer)} is listed in {UNSEEN} and is not declared"
            for answer in sorted(listed - declared)
        ]
    return judgement


def _name(answer: Answer) -> str:
    return f"{answer.block} {answer.operation} {answer.status}"


def _seen_in(file: Path) -> dict[Answer, str]:
    seen: dict[Answer, str] = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        block, operation, status, test = json.loads(line)
        seen.setdefault(Answer(block, operation, status), test)
    return seen


# -- pytest's hooks ------------------------------------------------------------------------------

_JUDGEMENT = pytest.StashKey[Judgement]()
_WHOLE = pytest.StashKey[bool]()


def _leads(config: pytest.Config) -> bool:
    return not hasattr(config, "workerinput")


def pytest_configure(config: pytest.Config) -> None:
    """Make the file that the processes of this run share."""
    if _leads(config):
        handle, name = tempfile.mkstemp(prefix="govblocks-answers-")
        os.close(handle)
        os.environ[FILE] = name  # noqa: TID251  inherited by what this run starts


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the file."""
    if _leads(config):
        Path(os.environ.pop(FILE)).unlink(missing_ok=True)  # noqa: TID251  our own


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Begin to watch, as soon as there can be an application."""
    if "fastapi" in sys.modules:
        watch()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call() -> None:
    """Begin to watch at the latest now: the fixtures have made what there is."""
    if "fastapi" in sys.modules:
        watch()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Judge; a fault fails a run that would have passed."""
    config = session.config
    if not _leads(config) or config.option.collectonly:
        return
    whole = _is_whole(config) and exitstatus == pytest.ExitCode.OK
    judgement = judge(
        declared_in(config.rootpath / CONTRACTS),
        _seen_in(Path(os.environ[FILE])),  # noqa: TID251  our own
        excused_in(config.rootpath / UNSEEN),
        whole=whole,
    )
    config.stash[_JUDGEMENT], config.stash[_WHOLE] = judgement, whole
    if judgement.faults and exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _is_whole(config: pytest.Config) -> bool:
    """Tell whether everything was asked for: no path, no word, no mark, nothing left out."""
    narrowing = ("-k", "-m", "--deselect", "--lf", "--ignore", "--ignore-glob")
    return config.args_source is pytest.Config.ArgsSource.TESTPATHS and not any(
        config.getoption(name, None) for name in narrowing
    )


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Name each fault; after a whole run say how much was seen."""
    judgement = config.stash.get(_JUDGEMENT, None)
    if judgement is None:
        return
    if judgement.faults:
        terminalreporter.section("answers and contracts", red=True)
        for fault in judgement.faults:
            terminalreporter.line(fault)
    if config.stash[_WHOLE]:
        said = f"{judgement.seen} of {judgement.declared} declared answers were seen"
        terminalreporter.line(said)


if __name__ == "__main__":
    watch()
    sys.argv = sys.argv[1:]
    runpy.run_path(sys.argv[0], run_name="__main__")
