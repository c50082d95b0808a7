"""What a path is counted as: words of the contract, and never what a caller wrote."""

import timeit

import pytest

from registry.counters import service
from registry.counters.models import GroupBy, GroupingUnknown, grouping, service_of
from registry.services.models import GENERIC


@pytest.mark.parametrize(
    ("method", "path", "said"),
    [
        ("GET", "", "data-list"),
        ("POST", "read", "data-read"),
        ("GET", "MCTS31/readValue/child.json", "data-read-value"),
        ("GET", "MCTS31/read-value/child.json", "data-read-value"),
        ("DELETE", "EE48905120013/delete", "data-delete"),
        ("GET", "EE48905120013", "data-get"),
        ("PUT", "updateOrCreate", "data-update-or-create"),
        ("GET", "EE48905120013/history", "history"),
        ("GET", "views/open", "views/open"),
        ("GET", "services/short", "services/short"),
        ("GET", "EE1/EE2/EE3", "other"),
        ("POST", "EE48905120013", "other"),
    ],
)
def test_a_path_is_counted_by_its_service_and_holds_no_key(method, path, said):
    assert service_of(method, tuple(path.split("/"))) == said


def test_every_generated_service_is_counted_by_its_own_name():
    for generic in GENERIC:
        path = generic.path.replace("{", "").replace("}", "").removeprefix("/")
        assert service_of(generic.method, tuple(path.split("/"))) == generic.name


def test_counts_are_grouped_by_what_is_known_of_them():
    assert grouping("day,service,day") == [GroupBy.DAY, GroupBy.SERVICE]
    for said in ("", "person", "service,", "value"):
        with pytest.raises(GroupingUnknown):
            grouping(said)


def test_counting_takes_no_time_that_a_call_would_notice():
    took = timeit.timeit(lambda: service_of("POST", ("read",)), number=20_000) / 20_000
    assert took < 20e-6  # about 1 microsecond where nothing else runs
    assert service.MOST
