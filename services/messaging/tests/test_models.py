"""Laws of addresses, of retrying, and of letters."""

from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.header import decode_header, make_header

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import create_async_engine

from kit.identifiers import new_id
from messaging.emails.models import (
    Letter,
    Recipient,
    Sender,
    as_bytes,
    ascii_address,
    fault_of_address,
    is_one_line,
    new_request_uid,
)
from messaging.messages.models import Event, Outcome, Parcel, RetryPolicy, State
from messaging.smtp import Server, compose
from messaging.tables import metadata

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LINES = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=80)


@pytest.mark.parametrize(
    "text",
    [
        "a@b.org",
        "first.last+tag@sub.example.org",
        "o'neil@example.org",
        "用户@例子.广告",
        "अजय@डाटा.भारत",
        "a" * 64 + "@example.org",
    ],
)
def test_addresses_of_all_scripts_are_taken(text):
    assert fault_of_address(text) == ""


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "@b.org",
        "a@",
        "a@b",
        "a@b..org",
        "a@-b.org",
        "a@b.org.",
        "a@127.0.0.1",
        "a@[127.0.0.1]",
        "a b@c.org",
        ".a@b.org",
        "a..b@c.org",
        "a@b@c.org",
        "a@b.org,c@d.org",
        "<a@b.org>",
        '"a b"@c.org',
        "a@b.org\n",
        "a\u200b@b.org",
        "a\u202e@b.org",
        "a@b_c.org",
        "a" * 65 + "@example.org",
        "a@" + "b" * 64 + ".org",
        "a@" + ".".join(["b" * 60] * 5) + ".org",
    ],
)
def test_what_is_not_one_address_is_refused(text):
    assert fault_of_address(text)


@given(st.text('ab.1_-+@é用\u0915\u093f <>,;:"()[]\\\t\r\n\0\x85\u2028\u200b', max_size=8))
def test_an_address_that_is_taken_cannot_leave_its_place(text):
    address = f"{text}@example.org"
    if not fault_of_address(address):
        assert not set(address) & set(' \t\r\n\0<>,;:"()[]\\\x85\u2028\u200b')
        assert ascii_address(address).count("@") == 1


def parcel(letter=None, recipient=None):
    letter = letter or Letter(Sender(), "t", "c")
    recipient = recipient or Recipient("a@b.org")
    return Parcel(new_id(), NOW, as_bytes(letter), as_bytes(recipient))


@settings(max_examples=50, deadline=None)
@given(LINES, LINES)
def test_no_title_and_no_name_adds_a_header(title, name):
    assume(title.strip())
    made = compose(
        parcel(Letter(Sender(name=name), title, "c"), Recipient("a@b.org", name=name)), "x@y.org"
    )
    parsed = message_from_bytes(made.content.replace(b"\r\n", b"\n"), policy=policy.default)
    assert parsed["subject"] == title.strip()
    assert parsed["to"].addresses[0].addr_spec == "a@b.org"
    if not name.isascii():
        shown = message_from_bytes(made.content)["to"]
        assert str(make_header(decode_header(shown))).startswith(name.strip())
    headers = made.content.split(b"\r\n\r\n")[0] if b"\r\n\r\n" in made.content else made.content
    message = message_from_bytes(made.content, policy=policy.default)
    assert set(message.keys()) == {
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "Content-Type",
        "Content-Transfer-Encoding",
        "MIME-Version",
    }
    assert headers.isascii()
    assert message.get_content() == "c\r\n"


@given(st.integers(1, 200), st.floats(1, 10), st.integers(1, 10**5), st.integers(1, 10**5))
def test_delays_grow_up_to_the_ceiling(attempt, factor, first, ceiling):
    policy_ = RetryPolicy(
        timedelta(seconds=first), factor, timedelta(seconds=ceiling), timedelta(days=1)
    )
    assert policy_.delay(attempt) <= policy_.delay(attempt + 1) <= policy_.ceiling


@given(st.integers(1, 50), st.integers(0, 2 * 86400))
def test_no_attempt_is_planned_after_the_deadline_and_the_last_is_on_it(attempt, seconds):
    policy_ = RetryPolicy(timedelta(seconds=30), 2, timedelta(hours=1), timedelta(days=1))
    now, deadline = NOW + timedelta(seconds=seconds), NOW + timedelta(days=1)
    planned = policy_.next_at(attempt, NOW, now)
    assert (planned is None) == (now >= deadline)
    assert planned is None or now < planned <= deadline


@given(st.lists(st.sampled_from([State.DEFERRED, State.DELIVERED, State.BOUNCED]), max_size=40))
def test_events_are_numbered_and_end_once(outcomes):
    policy_ = RetryPolicy(timedelta(hours=1), 2, timedelta(hours=6), timedelta(days=1))
    event, now = Event(1, State.SCHEDULED, NOW, 0), NOW
    for attempt, state in enumerate(outcomes, 1):
        began = event.begin(now, timedelta(seconds=25))
        assert began.must_wait(now)
        event = began.end(Outcome(state, "x"), policy_, NOW, now)
        assert (event.number, event.attempt) == (1 + 2 * attempt, attempt)
        if event.state.is_final:
            assert event.until is None
            break
        assert event.state is State.DEFERRED
        now = event.until


def test_request_ids_do_not_repeat():
    assert len({new_request_uid() for _ in range(10_000)}) == 10_000


def test_a_line_is_one_line():
    assert is_one_line("Ärzte, 医生")
    assert not any(map(is_one_line, ("a\nb", "a\rb", "a\u2028b", "a\x85b", "a\0b")))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://mail:25", Server("mail", 25, None, None, tls=False, starttls=None)),
        ("smtps://u:p%40@mail", Server("mail", None, "u", "p@", tls=True, starttls=False)),
        ("smtp://u:p@mail:587", Server("mail", 587, "u", "p", tls=False, starttls=True)),
        ("smtp://mail?starttls=never", Server("mail", None, None, None, tls=False, starttls=False)),
    ],
)
def test_a_mail_server_is_read_from_its_url(url, expected):
    assert Server.read(url) == expected


@pytest.mark.parametrize("url", ["http://mail", "smtp://", "smtp://mail?starttls=maybe"])
def test_what_is_no_mail_server_is_refused(url):
    with pytest.raises(ValueError, match=r"mail server|starttls"):
        Server.read(url)


async def test_the_tables_are_what_the_migrations_make(urls):
    engine = create_async_engine(urls.owner.replace("postgresql://", "postgresql+asyncpg://"))
    async with engine.connect() as connection:
        differences = await connection.run_sync(
            lambda sync: compare_metadata(MigrationContext.configure(sync), metadata)
        )
    await engine.dispose()
    assert [each for each in differences if "pgqueuer" not in str(each)] == []
