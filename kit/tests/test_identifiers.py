"""Ids tell when they were made, and stand in that order."""

from datetime import UTC, datetime, timedelta

from kit.identifiers import first_id, is_uuid, new_id


def test_the_first_id_of_a_moment_stands_between_those_before_and_after():
    now = datetime.now(UTC)
    made = new_id()
    assert first_id(now) <= made < first_id(now + timedelta(seconds=10))
    assert made.version == 7
    assert is_uuid(str(made))
