"""What every decision keeps to, whatever is asked, agreed and chosen."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from consent.agreements.models import Agreement, Fetching, Terms, Unit, after
from consent.consents.models import Choice, Record
from consent.decisions.models import SAYINGS, Check, Decision, Question, decide

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
MEMBERS = ("TEST/GOV/1", "TEST/GOV/2", "TEST/GOV/3")
NAMES = ("firstName", "lastName", "income")
UNITS: tuple[Unit, ...] = ("hour", "day", "week", "month", "year")

names = st.lists(st.sampled_from(NAMES), unique=True)
members = st.lists(st.sampled_from(MEMBERS), unique=True)
fetching = st.one_of(
    st.just({}),
    st.just({"fetchType": "oneshot"}),
    st.builds(
        lambda unit, value: {
            "fetchType": "periodic",
            "frequency": {"unit": unit, "value": value},
        },
        st.sampled_from(UNITS),
        st.integers(1, 4),
    ),
)
terms = st.builds(
    lambda fetching, life: fetching | ({} if life is None else {"dataLife": life}),
    fetching,
    st.none() | st.fixed_dictionaries({"unit": st.sampled_from(UNITS), "value": st.integers(1, 9)}),
)


@st.composite
def contents(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "active": draw(st.integers(0, 5)) > 0,
        "recipients": draw(members),
        "dataSources": draw(members),
        "dataAttributes": [{"name": name} for name in draw(names)],
        "maxAgeSeconds": draw(st.integers(0, 100)),
        "terms": draw(terms),
    }


questions = st.builds(
    lambda member, source, attributes, partial: Question(
        "a", "EE1", None, f"{member}/app", source, attributes, partial=partial
    ),
    st.sampled_from(MEMBERS),
    st.none() | st.sampled_from(MEMBERS),
    names,
    st.booleans(),
)
agreements = st.builds(lambda said: Agreement("a", MEMBERS[0], said, None, "r", NOW), contents())


@st.composite
def givens(draw: st.DrawFn) -> tuple[Record, Terms]:
    ends = draw(st.none() | st.integers(-5, 50).map(lambda s: NOW + timedelta(seconds=s)))
    chosen = draw(st.none() | names.map(tuple))
    choice = Choice("a", "r", "hash", "i", draw(st.integers(0, 4)) > 0, ends, chosen)
    state = draw(st.sampled_from(["signed", "signed", "signed", "unsigned"]))
    record = Record("c", MEMBERS[0], choice, 1, state, "v", ever_signed=True, created_at=NOW)
    if draw(st.booleans()):
        fetched = NOW - timedelta(minutes=draw(st.integers(1, 600_000)))
        record = replace(record, fetches=draw(st.integers(1, 4)), fetched_at=fetched)
    return record, Terms(MEMBERS[0], draw(contents()))


def _chosen(record: Record) -> tuple[str, ...]:
    return NAMES if record.choice.attributes is None else record.choice.attributes


@given(questions, agreements, givens())
def test_never_more_than_was_asked_agreed_to_and_chosen(question, agreement, given) -> None:
    record, agreed = given
    decided = decide(question, agreement, given, NOW)
    had = set(decided.attributes)

    assert had <= set(question.attributes)
    assert had <= agreement.terms.attributes & agreed.attributes
    assert had <= set(_chosen(record))
    if not decided.permitted:
        assert (had, decided.fetch, decided.max_age) == (set(), None, 0)
        return
    assert agreement.active
    assert record.signed
    assert record.choice.opt_in
    assert not record.expired(NOW)
    assert question.partial or had == set(question.attributes)
    for said in (agreement.terms, agreed):
        assert said.admits(question.recipient)
        assert said.comes_from(question.data_source)


@given(questions, agreements, givens())
def test_the_last_check_decides_and_those_before_it_are_passed(question, agreement, given) -> None:
    decided = decide(question, agreement, given, NOW)

    *before, (last, passed) = decided.checks
    assert all(said for _, said in before)
    assert passed is decided.permitted
    assert passed or SAYINGS[last].reason is decided.reason
    assert SAYINGS.keys() == set(Check)


@given(questions, agreements, givens(), st.sampled_from(NAMES), st.sampled_from(MEMBERS))
def test_taking_away_never_gives(question, agreement, given, name, member) -> None:
    record, agreed = given
    before = decide(question, agreement, given, NOW)

    def without(said):
        return {
            **said,
            "dataAttributes": [one for one in said["dataAttributes"] if one["name"] != name],
            "recipients": [one for one in said["recipients"] if one != member],
        }

    kept = tuple(one for one in _chosen(record) if one != name)
    less = [
        decide(question, replace(agreement, content=without(agreement.content)), given, NOW),
        decide(question, agreement, (record, Terms(MEMBERS[0], without(agreed.content))), NOW),
        decide(question, replace(agreement, deleted_at=NOW), given, NOW),
        decide(question, agreement, None, NOW),
        *(
            decide(question, agreement, (replace(record, choice=choice), agreed), NOW)
            for choice in (
                replace(record.choice, attributes=kept),
                replace(record.choice, opt_in=False),
                replace(record.choice, expires_at=NOW),
            )
        ),
        decide(question, agreement, (replace(record, state="unsigned"), agreed), NOW),
    ]
    for one in less:
        assert before.permitted or not one.permitted
        assert set(one.attributes) <= set(before.attributes)
    assert not any(one.permitted for one in [*less[2:4], *less[5:]])


@given(questions, agreements, givens(), names)
def test_who_may_have_more_may_have_less(question, agreement, given, some) -> None:
    question = replace(question, partial=False)
    fewer = replace(question, attributes=[one for one in question.attributes if one in some])
    if decide(question, agreement, given, NOW).permitted:
        assert decide(fewer, agreement, given, NOW).permitted


@given(questions, agreements, givens())
def test_a_permit_lasts_no_longer_than_anybody_said(question, agreement, given) -> None:
    record, agreed = given
    decided = decide(question, agreement, given, NOW)

    assert 0 <= decided.max_age <= min(agreement.terms.max_age, agreed.max_age)
    if record.choice.expires_at and decided.permitted:
        assert NOW + timedelta(seconds=decided.max_age) <= record.choice.expires_at
    lives = [said.data_life for said in (agreement.terms, agreed) if said.data_life]
    if decided.permitted:
        shortest = min((life.length for life in lives), default=None)
        assert shortest == (decided.data_life and decided.data_life.length)


@given(questions, agreements, givens())
def test_counted_terms_are_never_kept_and_earlier_moments_never_counted(
    question, agreement, given
) -> None:
    counted = agreement.terms.fetching or given[1].fetching
    decided = decide(question, agreement, given, NOW)
    assert (decided.fetch is not None) is bool(decided.permitted and counted)
    assert not counted or decided.max_age == 0

    earlier = decide(replace(question, at=NOW), agreement, given, NOW)
    assert (earlier.fetch, earlier.max_age, earlier.as_of) == (None, 0, NOW)


@given(questions, agreements, givens())
def test_a_fetch_is_let_by_the_terms_of_now_and_by_those_agreed_to(
    question, agreement, given
) -> None:
    record, agreed = given
    if not decide(question, agreement, given, NOW).permitted:
        return
    for said in (agreement.content["terms"], agreed.content["terms"]):
        alone = replace(agreement, content=agreement.content | {"terms": said})
        terms = Terms(agreed.owner, {**agreed.content, "terms": said})
        assert decide(question, alone, (record, terms), NOW).permitted


def test_the_fewer_fetches_in_the_longer_time_are_let() -> None:
    def saying(value, unit):
        return {"fetchType": "periodic", "frequency": {"value": value, "unit": unit}}

    now, then = ({"active": True, "terms": saying(*one)} for one in ((4, "hour"), (2, "day")))
    agreement = Agreement("a", MEMBERS[0], now, None, "r", NOW)
    choice = Choice("a", "r", "hash", "i", opt_in=True)
    record = Record("c", MEMBERS[0], choice, 1, "signed", "v", ever_signed=True, created_at=NOW)
    record = replace(record, fetches=2, fetched_at=NOW - timedelta(hours=2))
    question = Question("a", "EE1", None, f"{MEMBERS[0]}/app")
    decided = decide(question, agreement, (record, Terms(MEMBERS[0], then)), NOW)
    assert decided.next_fetch_at == NOW + timedelta(hours=22)


@given(
    st.integers(1, 4),
    st.sampled_from(UNITS),
    st.lists(st.floats(0.001, 2), min_size=1, max_size=30),
)
def test_terms_are_kept_to_however_often_it_is_asked(most, unit, gaps) -> None:
    said = {"fetchType": "periodic", "frequency": {"unit": unit, "value": most}}
    content = {"active": True, "terms": said}
    agreement = Agreement("a", MEMBERS[0], content, None, "r", NOW)
    question = Question("a", "EE1", None, f"{MEMBERS[0]}/app")
    choice = Choice("a", "r", "hash", "i", opt_in=True)
    record = Record("c", MEMBERS[0], choice, 1, "signed", "v", ever_signed=True, created_at=NOW)
    long, now, windows = after(NOW, unit) - NOW, NOW, dict[datetime, list[datetime]]()
    for gap in gaps:
        now += long * gap
        decided = decide(question, agreement, (record, agreement.terms), now)
        if decided.permitted:
            assert decided.fetch is not None
            record = replace(record, fetches=decided.fetch.fetches, fetched_at=decided.fetch.since)
            windows.setdefault(decided.fetch.since, []).append(now)
        else:
            assert decided.next_fetch_at is not None
            assert decided.next_fetch_at > now
            there = decided.next_fetch_at
            assert decide(question, agreement, (record, agreement.terms), there).permitted
    begun = sorted(windows)
    assert all(after(one, unit) <= other for one, other in pairwise(begun))
    for since, fetches in windows.items():
        assert len(fetches) <= most
        assert fetches[-1] < after(since, unit)


limits = st.just(Fetching(1)) | st.builds(Fetching, st.integers(1, 9), st.sampled_from(UNITS))


@given(limits, limits)
def test_what_keeps_to_both_is_the_stricter_of_each(one, other) -> None:
    both = one.within(other)
    assert both == other.within(one)
    assert one.within(None) == one
    for each in (one, other):
        if each.unit is None:
            assert both == Fetching(both.most)
        elif both.unit is not None:
            assert both.most <= each.most
            assert UNITS.index(both.unit) >= UNITS.index(each.unit)


@given(questions, agreements, givens())
def test_what_is_kept_for_who_asks_again_is_read_as_it_was(question, agreement, given) -> None:
    decided = decide(question, agreement, given, NOW)
    assert Decision.read(decided.text) == replace(decided, fetch=None)
    later = decided.later(NOW + timedelta(seconds=30))
    assert later.max_age == max(0, decided.max_age - 31)


def test_a_month_ends_on_a_day_that_it_has() -> None:
    assert after(NOW, "month") == datetime(2026, 2, 28, 12, tzinfo=UTC)
    assert after(datetime(2026, 12, 5, tzinfo=UTC), "month") == datetime(2027, 1, 5, tzinfo=UTC)
    assert after(datetime(2028, 2, 29, tzinfo=UTC), "year") == datetime(2029, 2, 28, tzinfo=UTC)
    assert after(NOW, "week") == NOW + timedelta(days=7)
