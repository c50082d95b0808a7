"""Which services a database offers, by its settings alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.services.models import (
    FIRST_OWN,
    GENERIC,
    MOST_OWN,
    Own,
    ServiceHidden,
    ServiceNotFound,
    ServiceRefused,
    Services,
    ServiceTaken,
    asked_for,
    checked,
)

ALL = Services.parse({})
SHORT = Own(0, "short", "copy", "data-read", ("name",))


def kept(services: Services) -> Services:
    """Return services as they are after they were kept and read again."""
    return Services.parse({"services": services.document})


def test_without_settings_everything_generated_is_offered():
    assert [each.number for each in ALL.generic] == list(range(1, len(GENERIC) + 1))
    for each in GENERIC:
        ALL.check(each)
    ALL.check(None)


@pytest.mark.parametrize("generic", GENERIC, ids=lambda each: each.name)
def test_a_service_is_known_by_its_address(generic):
    path = generic.path.format(ID="MCTS31", uuid=UUID, field="name", ext="json")
    parts = path.split("/")[1:]
    assert asked_for(generic.method, parts) == generic
    assert asked_for("PATCH", parts) is None


UUID = "0190f6a0-0000-7000-8000-000000000001"


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("GET", "/P-1/read-value/name.json", "data-read-value"),
        ("POST", "/update-or-create", "data-update-or-create"),
        ("PUT", "/update-entries", "data-update-entries"),
        ("POST", "/CREATE", "data-create"),
        ("DELETE", "/create/delete", "data-delete"),
        ("GET", "/views/open", None),
        ("POST", f"/{UUID}/files/photo", None),
        ("POST", "/services/short", None),
    ],
)
def test_release_1_0_writes_some_addresses_otherwise(method, path, name):
    found = asked_for(method, path.split("/")[1:])
    assert (found and found.name) == name


@pytest.mark.parametrize("generic", GENERIC, ids=lambda each: each.name)
def test_a_hidden_or_deleted_service_is_refused_and_no_other(generic):
    hidden = kept(ALL.shown(generic.number, is_visible=False))
    deleted = kept(ALL.without(generic.number))
    for services in (hidden, deleted):
        with pytest.raises(ServiceHidden):
            services.check(generic)
        for other in GENERIC:
            if other != generic:
                services.check(other)
    assert generic in hidden.generic
    assert generic not in deleted.generic
    assert hidden.shown(generic.number, is_visible=True).offers(generic)
    with pytest.raises(ServiceNotFound):
        deleted.shown(generic.number, is_visible=True)


def test_a_copy_answers_under_its_name_and_method_until_it_is_hidden():
    services, made = ALL.added(SHORT)
    assert made.number == FIRST_OWN
    assert kept(services).copy_of("short", "POST") == made
    for name, method in (("short", "GET"), ("other", "POST")):
        with pytest.raises(ServiceHidden):
            services.copy_of(name, method)
    with pytest.raises(ServiceHidden):
        services.shown(made.number, is_visible=False).copy_of("short", "POST")


def test_the_same_copy_again_is_the_one_there_is_and_another_of_its_name_is_refused():
    services, made = ALL.added(SHORT)
    assert services.added(SHORT) == (services, made)
    with pytest.raises(ServiceTaken):
        services.added(Own(0, "short", "copy", "data-exists"))


def test_a_number_is_never_given_twice():
    services, made = ALL.added(SHORT)
    after, again = kept(services.without(made.number)).added(SHORT)
    assert again.number == made.number + 1
    assert after.without(made.number) == after


def test_what_is_gone_or_never_was_is_not_found():
    with pytest.raises(ServiceNotFound):
        ALL.find(999)
    assert ALL.without(999) == ALL


@pytest.mark.parametrize("name", ["", "1a", "a/b", "a.b", "a b", "é", "a" * 65, "{a}"])
def test_a_name_that_is_no_part_of_an_address_is_refused(name):
    with pytest.raises(ServiceRefused) as caught:
        checked(Own(0, name, "copy", "data-read"), None, "write")
    assert caught.value.errors[0].pointer == "#/write/name"


@pytest.mark.parametrize(
    ("own", "place"),
    [
        (Own(0, "a", "copy", "data-delete"), "#/of"),
        (Own(0, "a", "copy", "nothing"), "#/of"),
        (Own(0, "a", "copy", "data-read", ()), "#/fields"),
        (Own(0, "a", "copy", "data-read", ("name", "other")), "#/fields"),
    ],
)
def test_what_cannot_be_copied_is_refused(own, place):
    with pytest.raises(ServiceRefused) as caught:
        checked(own, ["name"])
    assert caught.value.errors[0].pointer == place


def test_there_are_not_more_services_than_anybody_could_read():
    services = ALL
    for number in range(MOST_OWN):
        services, _ = services.added(Own(0, f"s{number}", "copy", "data-read"))
    with pytest.raises(ServiceRefused):
        services.added(SHORT)


@pytest.mark.parametrize(
    "said",
    [
        {"hidden": "data-read"},
        {"hidden": ["nothing"]},
        {"hidden": [["data-read"]]},
        {"next": "x"},
        {"next": 1 << 40},
        {"own": [{"type": ["copy"], "number": 1001, "name": "a", "of": "data-read"}]},
        {"own": [{"type": "copy", "number": 1001, "name": "a", "of": "data-read", "fields": "b"}]},
        {"own": [{"type": "copy", "number": 1001, "name": "a", "of": "data-read", "fields": [1]}]},
        {"deleted": [1]},
        {"own": {}},
        {"own": [1]},
        {"own": [{}]},
        {"own": [{"type": "copy", "number": 5, "name": "a", "of": "data-read"}]},
        {"own": [{"type": "copy", "number": 1001, "name": 1, "of": "data-read"}]},
        {"own": [{"type": "copy", "number": 1001, "name": "a", "of": "no"}]},
        {"own": [{"type": "copy", "number": n, "name": "a", "of": "data-read"} for n in (1001, 2)]},
        {
            "own": [
                {"type": "copy", "number": n, "name": "a", "of": "data-read"} for n in (1001, 1002)
            ]
        },
    ],
)
def test_a_document_that_says_something_else_is_refused(said):
    with pytest.raises(ServiceRefused):
        Services.read(said)


NUMBERS = st.integers(1, len(GENERIC) + 2) | st.integers(FIRST_OWN, FIRST_OWN + 3)


@given(st.lists(st.tuples(st.sampled_from(["hide", "show", "delete", "add"]), NUMBERS)))
def test_whatever_is_done_what_is_kept_is_what_is_read(steps):
    services = ALL
    for what, number in steps:
        try:
            if what == "delete":
                services = services.without(number)
            elif what == "add":
                own = Own(0, f"s{number}", "copy", "data-list", ("a", "b"), "Text")
                services, _ = services.added(own)
            else:
                services = services.shown(number, is_visible=what == "show")
        except ServiceNotFound:
            continue
        assert kept(services) == services
