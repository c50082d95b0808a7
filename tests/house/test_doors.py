"""Every route says in its signature who may call it."""

import inspect
from collections.abc import Callable

import pytest
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from kit.web import gate_of, routes_of
from stack import contracts

PLAIN: dict[tuple[str, str], str] = {
    **{(block, "/openapi.json"): "the contract is for everybody" for block in contracts.BLOCKS},
}
"""Routes that are no FastAPI routes, by block and path, with the reason they name no caller."""

BLOCKS = sorted(contracts.BLOCKS)


def path_of(route: BaseRoute) -> str:
    return getattr(route, "path", repr(route))


@pytest.mark.parametrize("block", BLOCKS)
def test_every_route_names_its_caller(block: str) -> None:
    nameless: list[str] = []
    for route in routes_of(contracts.application(block).routes):
        gate = gate_of(route) if isinstance(route, APIRoute) else None
        if gate is None and (block, path_of(route)) not in PLAIN:
            nameless.append(path_of(route))
    assert not nameless, "\n".join(nameless)


@pytest.mark.parametrize("block", BLOCKS)
def test_the_list_of_plain_routes_holds_nothing_else(block: str) -> None:
    routes = routes_of(contracts.application(block).routes)
    plain = {path_of(route) for route in routes if not isinstance(route, APIRoute)}
    assert plain == {path for listed, path in PLAIN if listed == block}


@pytest.mark.parametrize("block", BLOCKS)
def test_nothing_of_a_request_runs_in_a_thread(block: str) -> None:
    slow: list[str] = []
    for route in routes_of(contracts.application(block).routes):
        waiting = [route.dependant] if isinstance(route, APIRoute) else []
        while waiting:
            dependant = waiting.pop()
            waiting += dependant.dependencies
            call = dependant.call
            if call is not None and not in_the_loop(call):
                slow.append(f"{path_of(route)}: {call!r}")
    assert not slow, "FastAPI would call these in a thread: " + "\n".join(slow)


def in_the_loop(call: Callable[..., object]) -> bool:
    if inspect.isclass(call):
        return False
    for candidate in (call, getattr(call, "__call__", None)):  # noqa: B004
        if inspect.iscoroutinefunction(candidate) or inspect.isasyncgenfunction(candidate):
            return True
    return False
