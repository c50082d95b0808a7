"""The quick drill, whole: it takes about a minute, so ``make test`` leaves it out."""

from drills import kills, requests
from drills.__main__ import main
from drills.kills import Kill
from drills.load import Attempt


def attempt(kind, due, done, status):
    return Attempt(kind, "key", 1, due, due, done, status, "", "", None)


def test_a_stack_serves_again_when_every_kind_has_had_a_success():
    kill = Kill("web", 1, 5.0, 6.0)
    load = [attempt(requests.READ, 5.1, 5.3, 500), attempt(requests.READ, 5.2, 6.0, 200)]
    assert kills.served_again(kill, 10.0, load) == 1.0
    assert kills.served_again(kill, 10.0, [*load, attempt(requests.EVENT, 6, 7, 0)]) is None


def test_kills_are_spread_over_the_load():
    assert [what for _, what in kills.moments(75, kills.ALL)] == list(kills.ALL)


def test_a_quick_drill_breaks_no_promise():
    assert main(["--quick", "--rate", "20"]) == 0
