"""What a subscription asks for, without a database."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from kit.deliveries import Target
from registry.subscriptions.models import Happened, Kind, Subscription
from registry.subscriptions.schemas import ChangedSubscription

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ALL = frozenset({Kind.RECORD_CREATED, Kind.RECORD_UPDATED, Kind.RECORD_DELETED})


def subscription(**more):
    said = {
        "events": ALL,
        "condition": None,
        "fields": frozenset(),
        "with_content": False,
        "is_active": True,
        **more,
    }
    member = "A/B/1"
    who = (UUID(int=1), 1, member, f"{member}/c", frozenset({"records:read"}), None, 1)
    return Subscription(*who, **said, endpoint_id=UUID(int=2), created_at=NOW, changed_at=NOW)


def happened(kind=Kind.RECORD_UPDATED, **more):
    return Happened(kind, uuid4(), 1, 1, **{"after": {"status": "APPROVED"}, **more})


def test_it_wants_the_events_it_names():
    wanted = subscription(events=frozenset({Kind.RECORD_CREATED}))
    assert wanted.wants(happened(Kind.RECORD_CREATED))
    assert not wanted.wants(happened(Kind.RECORD_UPDATED))


def test_it_wants_nothing_while_it_is_not_active():
    assert not subscription(is_active=False).wants(happened())


def test_of_changes_it_wants_those_of_its_fields():
    wanted = subscription(fields=frozenset({"status", "place"}))
    assert wanted.wants(happened(fields=["name", "status"]))
    assert not wanted.wants(happened(fields=["name"]))
    assert wanted.wants(happened(Kind.RECORD_CREATED, fields=["name"]))


def test_it_wants_records_that_fulfil_its_condition_or_did_before_they_went():
    wanted = subscription(condition={"field": "status", "is": "APPROVED"})
    assert wanted.wants(happened())
    assert not wanted.wants(happened(after={"status": "PENDING"}, before={"status": "APPROVED"}))
    gone = {"after": {}, "before": {"status": "APPROVED"}}
    assert wanted.wants(happened(Kind.RECORD_DELETED, **gone))


def test_what_happens_to_the_database_has_no_condition():
    wanted = subscription(
        events=frozenset({Kind.DATABASE_PUBLISHED}), condition={"field": "status", "is": "x"}
    )
    assert wanted.wants(Happened(Kind.DATABASE_PUBLISHED))


@pytest.mark.parametrize("kind", list(Kind))
def test_types_of_events_are_named_after_a_domain(kind):
    assert kind.type == f"global.govstack.registry.{kind.value}"


def test_a_change_holds_what_was_given_and_null_takes_a_condition_away():
    given = ChangedSubscription.model_validate({"condition": None, "isActive": False})
    assert given.changes() == {"condition": None, "is_active": False}
    assert ChangedSubscription().changes() == {}
    assert Target().dump() == Target.load(Target().dump()).dump()
