"""The withdrawal drill: its verdict, and a short one, whole."""

from drills import withdrawal
from drills.__main__ import main
from drills.withdrawal import Round


def test_one_withdrawal_that_takes_more_than_a_second_breaks_the_promise():
    assert withdrawal.tell([Round(0.1, 10, 2)] * 29 + [Round(1.0, 10, 2)])
    assert not withdrawal.tell([Round(0.1, 10, 2)] * 29 + [Round(1.001, 10, 2)])


def test_a_short_drill_refuses_in_time():
    assert main(["withdrawal", "--rounds", "2"]) == 0
