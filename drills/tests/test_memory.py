"""What the mixed drill says of memory: a leak is named, a sample out of line changes nothing."""

import os

import pytest
from drills import memory
from drills.house import House
from drills.memory import JOBS, WEB, Sample

MIB = 1 << 20
SECONDS = 600.0


def samples(size) -> list[Sample]:
    return [Sample(at, {WEB: int(size(at))}) for at in range(0, int(SECONDS), 5)]


def verdict(size) -> memory.Verdict:
    [found] = memory.judge(samples(size), SECONDS)
    return found


def test_what_stays_is_flat():
    assert verdict(lambda _at: 100 * MIB).said == "flat"


def test_a_leak_grows():
    assert verdict(lambda at: 100 * MIB + at * 0.02 * MIB).said == "GROWS"


def test_warming_up_is_not_growth():
    assert verdict(lambda at: (100 if at < 0.3 * SECONDS else 200) * MIB).is_flat


def test_samples_out_of_line_change_nothing():
    assert verdict(lambda at: (400 if at % 50 == 0 else 100) * MIB).is_flat
    leaking = verdict(lambda at: (10 if at % 50 == 0 else 100 + at * 0.02) * MIB)
    assert not leaking.is_flat


def test_a_short_load_is_not_judged():
    [found] = memory.judge([each for each in samples(lambda _at: MIB) if each.at < 120], 120)
    assert found.said.startswith("too short to say")


def test_a_group_that_was_hardly_seen_has_no_verdict():
    seen = [Sample(at, {JOBS: MIB}) for at in (590.0, 595.0)]
    assert memory.judge(seen, SECONDS) == []


@pytest.mark.parametrize("points", [[], [(1.0, 5.0)]])
def test_nothing_has_no_slope(points):
    assert memory.slope(points) == 0.0


def test_a_process_is_charged_with_what_it_takes(tmp_path):
    watch = memory.Watch(House(tmp_path))
    watch.kinds[os.getpid()] = "web"
    held = bytearray(os.urandom(1)) * (30 * MIB)
    watch.sample()
    del held
    watch.sample()
    with_it, without = (each.taken[WEB] for each in watch.samples)
    assert with_it - without > 20 * MIB


def test_a_process_that_serves_later_was_a_web_worker_all_the_time(tmp_path):
    watch = memory.Watch(House(tmp_path))
    watch.kinds[os.getpid()] = "jobs"
    watch.sample()
    watch.kinds[os.getpid()] = "web"
    assert [set(each.taken) for each in watch.samples] == [{WEB}]
