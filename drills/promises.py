"""The promises: what must hold after the load, each checked by API or in the databases."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

import asyncpg

from drills import kills, ledgers, requests
from drills.house import House
from drills.kills import Kill
from drills.load import Attempt, Load
from drills.post import Post

_PAGE = 500
_AT_ONCE = 8
_DELIVERED_WITHIN = 120.0
_EXCHANGES = ("exchange.request", "exchange.answer")


@dataclass(frozen=True, slots=True)
class Promise:
    """A promise and whether it held; ``said`` is what was counted, or what broke it."""

    name: str
    held: bool
    said: str


@dataclass(frozen=True, slots=True)
class Run:
    """A load that is over: who was asked, what was killed, what is remembered."""

    house: House
    load: Load
    post: Post
    kills: list[Kill]


def _promise(name: str, broken: Iterable[object], said: str) -> Promise:
    examples = list(broken)
    if not examples:
        return Promise(name, held=True, said=said)
    shown = ", ".join(map(str, examples[:3]))
    return Promise(name, held=False, said=f"{said}; {len(examples)} broken: {shown}")


async def check(run: Run) -> list[Promise]:
    """Check all of them, in the order they are told."""
    checks: list[Callable[[Run], Awaitable[Promise]]] = [
        _serves_again,
        _nothing_refused,
        _reads_are_right,
        _creates_are_there,
        _registry_numbers,
        _individuals_are_there,
        _emails_arrive,
        _events_can_be_pulled,
        _exchanges_are_logged,
        _writes_are_logged,
        _promises_are_kept,
        _ledgers_verify,
    ]
    return [await each(run) for each in checks]


async def _serves_again(run: Run) -> Promise:
    starts = [each.at for each in run.kills]
    said: list[str] = []
    broken: list[str] = []
    first = run.load.memory.first()
    for kill, until in zip(run.kills, [*starts[1:], run.load.seconds], strict=True):
        again = kills.served_again(kill, until, first)
        back = None if kill.back is None else kill.back - kill.at
        failed = kills.last_failure(kill, until, first)
        told = (
            f"{kill.what}: every kind served after {_seconds(again)}, process back after "
            f"{_seconds(back)}, last failure due at {failed:.1f} s"
        )
        said.append(told)
        if back is None or again is None or max(again, back) > kills.SERVES_WITHIN:
            broken.append(told)
    return _promise("serves again within 10 s by itself", broken, "; ".join(said) or "no kill")


def _seconds(value: float | None) -> str:
    return "never" if value is None else f"{value:.1f} s"


async def _nothing_refused(run: Run) -> Promise:
    """Look for 4xx: each request is good; only a repeated one may hear that it was there."""
    broken = [
        f"{each.kind} {each.key}: {each.status} {each.why}"
        for each in run.load.memory.attempts
        if 300 <= each.status < 500 and not each.was_there  # noqa: PLR2004  HTTP's words
    ]
    return _promise("no good request is refused", broken, f"{len(run.load.memory.attempts)} sent")


async def _reads_are_right(run: Run) -> Promise:
    reads = [each for each in run.load.memory.attempts if each.kind == requests.READ]
    answered = [each for each in reads if each.succeeded]
    broken = [each.key for each in answered if each.body["content"].get("id") != each.key]
    return _promise("each answered read is the record asked for", broken, f"{len(answered)} reads")


async def _citizens(load: Load) -> Counter[str]:
    """Count the register's records by personal code, read by API; check that they are whole."""
    found: Counter[str] = Counter()
    page = 1
    while True:
        path = f"{requests.CITIZENS}?page={page}&pageSize={_PAGE}"
        status, body = await load.call(requests.OFFICE, "GET", path)
        if status != 200:  # noqa: PLR2004  HTTP's word for well
            raise RuntimeError(f"the register cannot be listed: {status} {body}")
        for record in body["results"]:
            number = int(record["id"][4:])
            drilled = record["id"] == requests.code(number)
            whole = not drilled or record == requests.person(number)
            found[record["id"] if whole else f"{record['id']} changed"] += 1
        if "next" not in body:
            return found
        page += 1


async def _creates_are_there(run: Run) -> Promise:
    memory = run.load.memory
    there = await _citizens(run.load)
    answered = memory.succeeded(requests.CREATE).keys()
    proven = memory.was_there(requests.CREATE)
    broken = [f"{key} is there {there[key]} times" for key in answered | proven if there[key] != 1]
    broken += [f"{key} is there {count} times" for key, count in there.items() if count > 1]
    said = f"{len(answered)} answered, {len(proven)} found there by a repeated request"
    return _promise("each answered create is there exactly once", sorted(set(broken)), said)


async def _registry_numbers(run: Run) -> Promise:
    rows = await _fetch(
        run.house,
        "registry",
        """
        SELECT count(*) AS all, count(DISTINCT number) AS numbers FROM record
        GROUP BY database_id
        """,
    )
    broken = [dict(row) for row in rows if row["all"] != row["numbers"]]
    total = sum(row["all"] for row in rows)
    return _promise("registry numbers are distinct", broken, f"{total} records")


async def _individuals_are_there(run: Run) -> Promise:
    memory, turns = run.load.memory, asyncio.Semaphore(_AT_ONCE)
    answered = memory.succeeded(requests.INDIVIDUAL)
    proven = memory.was_there(requests.INDIVIDUAL)

    async def count(key: str) -> str | None:
        body = {"externalId": key, "externalIdType": "personal-code"}
        path = "/consent/service/individuals/search/"
        async with turns:
            status, found = await run.load.call(requests.HEALTH_CENTRE, "POST", path, body)
        number = len(found["individuals"]) if status == 200 else f"{status}"  # noqa: PLR2004  as above
        return None if number == 1 else f"{key} is there {number} times"

    told = await asyncio.gather(*(count(key) for key in answered.keys() | proven))
    said = f"{len(answered)} answered, {len(proven)} found there by a repeated request"
    return _promise("each answered individual is there exactly once", filter(None, told), said)


async def _emails_arrive(run: Run) -> Promise:
    answered = run.load.memory.succeeded(requests.EMAIL)
    took = await run.post.wait_for(set(answered), _DELIVERED_WITHIN)
    arrived = run.post.arrived
    broken = [f"{key} was not delivered" for key in answered if key not in arrived]
    twice = {key: ids for key, ids in arrived.items() if len(ids) > 1}
    for key, messages in twice.items():
        ids = {message_id for message_id, _ in messages}
        if len(messages) > 2 or len(ids) > 1:  # noqa: PLR2004  twice at most
            broken.append(f"{key} came {len(messages)} times with {len(ids)} Message-IDs")
    said = (
        f"{len(answered)} accepted, {len(twice)} came twice with the same Message-ID, "
        f"the last {took:.0f} s after the load{_mail_moves_again(run, answered)}"
    )
    return _promise("each accepted e-mail is delivered, twice at most", broken, said)


def _mail_moves_again(run: Run, answered: dict[str, Attempt]) -> str:
    """Tell how long after the jobs process was killed the first new e-mail arrived."""
    for kill in run.kills:
        if kill.what == kills.JOBS:
            fresh = [
                run.post.arrived[key][0][1] - kill.at
                for key, each in answered.items()
                if each.due > kill.at and key in run.post.arrived
            ]
            return f"; new mail moved {min(fresh):.1f} s after the jobs kill" if fresh else ""
    return ""


async def _events_can_be_pulled(run: Run) -> Promise:
    answered = {each.body["id"]: key for key, each in _events(run).items()}
    pulled: Counter[str] = Counter()
    sequences: list[int] = []
    path = f"{requests.ROOM}/pull/v1/newBirth"
    while True:
        status, body = await run.load.call(requests.MUNICIPALITY, "GET", path)
        if status != 200:  # noqa: PLR2004  HTTP's word for well
            break
        pulled[body["event"]["registrationNumber"]] += 1
        sequences.append(body["sequence"])
        await run.load.call(requests.MUNICIPALITY, "DELETE", f"{path}/{body['id']}")
    keys = list(answered.values())
    broken = [f"{key} was pulled {pulled[key]} times" for key in keys if pulled[key] != 1]
    broken += [f"{key} was pulled {n} times" for key, n in pulled.items() if n > 1]
    broken += [] if sequences == sorted(set(sequences)) else ["not in their order"]
    broken += [] if status == 404 else [f"the queue ended with {status} {body}"]  # noqa: PLR2004  empty
    said = f"{len(keys)} answered, {sum(pulled.values())} pulled in order"
    return _promise("each answered event can be pulled exactly once", broken, said)


def _events(run: Run) -> dict[str, Attempt]:
    return run.load.memory.succeeded(requests.EVENT)


async def _exchanges_are_logged(run: Run) -> Promise:
    """Each answer that passed the gateway has one entry for the request, one for the answer."""
    rows = await _fetch(
        run.house,
        "gateway",
        """
        SELECT facts ->> 'requestId' AS id, kind, (facts ->> 'status')::int AS status
        FROM evidence_entry WHERE kind = ANY($1)
        """,
        list(_EXCHANGES),
    )
    logged = Counter((row["id"], row["kind"], row["status"]) for row in rows)
    passed = [
        each
        for each in run.load.memory.attempts
        if each.kind != requests.EVENT and 0 < each.status < 500  # noqa: PLR2004  HTTP's words
    ]
    broken = [
        f"{each.kind} {each.key} ({each.request_id})"
        for each in passed
        if logged[each.request_id, _EXCHANGES[0], None] != 1
        or logged[each.request_id, _EXCHANGES[1], each.status] != 1
    ]
    said = f"{len(passed)} answered exchanges"
    return _promise("each answered exchange has its two entries", broken, said)


async def _writes_are_logged(run: Run) -> Promise:
    memory = run.load.memory
    wanted: list[tuple[str, str, set[str], str]] = [
        ("registry", requests.CREATE, _ids(memory.succeeded(requests.CREATE), None), _CREATED),
        (
            "consent",
            requests.INDIVIDUAL,
            _ids(memory.succeeded(requests.INDIVIDUAL), "individual"),
            _KNOWN,
        ),
        (
            "messaging",
            requests.EMAIL,
            _ids(memory.succeeded(requests.EMAIL), "requestUid"),
            _ACCEPTED,
        ),
        ("gateway", requests.EVENT, _ids(_events(run), "id"), _PUBLISHED),
    ]
    broken: list[str] = []
    for part, kind, ids, statement in wanted:
        counts = {row["id"]: row["n"] for row in await _fetch(run.house, part, statement)}
        broken += [
            f"{kind} {each} has {counts.get(each, 0)} entries"
            for each in ids
            if counts.get(each) != 1
        ]
    said = ", ".join(f"{len(ids)} {kind}s" for _, kind, ids, _ in wanted)
    return _promise("each answered write has its entry exactly once", broken, said)


_CREATED = """
    SELECT r.primary_key AS id, count(e.id) AS n FROM record r
    LEFT JOIN evidence_entry e
      ON e.object = 'database:' || r.database_id || '/record:' || r.id AND e.kind = 'record.created'
    GROUP BY r.id
"""
_KNOWN = """
    SELECT regexp_replace(object, '^.*[/:]', '') AS id, count(*) AS n
    FROM evidence_entry WHERE kind = 'individual.created' GROUP BY object
"""
_ACCEPTED = """
    SELECT object AS id, count(*) AS n
    FROM evidence_entry WHERE kind = 'message.accepted' GROUP BY object
"""
_PUBLISHED = """
    SELECT facts ->> 'eventId' AS id, count(*) AS n
    FROM evidence_entry WHERE kind = 'event.published' GROUP BY 1
"""


def _ids(answered: dict[str, Attempt], name: str | None) -> set[str]:
    """Return what the ledger calls each write: its key, or an id its answer gave."""
    if name is None:
        return set(answered)
    found: list[Any] = [each.body[name] for each in answered.values()]
    return {each["id"] if isinstance(each, dict) else each for each in found}


async def _promises_are_kept(run: Run) -> Promise:
    """Each answer names its entries, signed; all are in the ledgers, whatever was killed."""
    wanted, broken = ledgers.promised(run.house, run.load.memory.attempts)
    try:
        broken += await ledgers.missing(run.house, wanted)
    except ledgers.LateError as late:
        broken.append(str(late))
    said = ", ".join(f"{part} {len(entries)}" for part, entries in sorted(wanted.items()))
    return _promise("each promised entry is in its ledger", broken, said)


async def _ledgers_verify(run: Run) -> Promise:
    try:
        broken, said = await ledgers.faults(run.house)
    except ledgers.LateError as late:
        broken, said = [str(late)], "not all"
    return _promise("each ledger verifies", broken, said)


async def _fetch(house: House, part: str, statement: str, *values: object) -> list[asyncpg.Record]:
    """Ask one part's database, as its owner, past the stack."""
    connection = await asyncpg.connect(house.owner_url(part))
    try:
        return await connection.fetch(statement, *values)
    finally:
        await connection.close()
