"""Consents that rows decide on, sign and list: agreements made by the block, the many by COPY.

What is copied is as the block would have written it: individuals sealed with a key of their own,
records with the revision that keeps their choice. Signatures are left out: no row looks at one.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any

import asyncpg
import httpx

from benchmarks.row import RowFailed
from benchmarks.stage import MEMBER, Stage
from consent.consents.models import Choice
from consent.individuals import store as individuals
from consent.individuals.models import Identity
from consent.revisions.models import Revision, follow
from kit.identifiers import new_id
from kit.sealing import Keyring

SOURCE = "DEV/GOV/10002"
ID_TYPE = "personal-code"
JSON = {"Content-Type": "application/json"}
SMALL, LARGE = 1000, 100_000
"""How many individuals there are; each has a record under ``AGREEMENTS`` agreements."""
AGREEMENTS = 10
_TOGETHER = 20_000  # rows of one COPY
_INDIVIDUAL = ("id", "tenant", "reference", "person", "wrapped", "sealed", "created_at")
_REVISION = tuple(field.name for field in fields(Revision) if field.name != "successor")
_RECORD = (
    *("id", "tenant", "individual_id", "agreement_id", "agreement_revision_id"),
    *("agreement_revision_hash", "agreement_revision_number", "opt_in", "state", "revision_id"),
    *("ever_signed", "created_at"),
)
_AGREEMENTS = """
    SELECT a.id, r.id AS revision_id, r.hash, r.number
    FROM agreement a JOIN revision r ON r.id = a.revision_id WHERE a.id = ANY($1) ORDER BY a.id
"""


@dataclass(frozen=True, slots=True)
class Agreement:
    """An agreement as records name it: by its id and its revision."""

    id: str
    revision_id: str
    revision_hash: str
    revision_number: int


def agreements(stage: Stage, count: int) -> list[Agreement]:
    """Make agreements at the block."""
    with stage.client("consent", stage.block("consent")) as client:
        policy = sent(client, "/config/policy/", {"policy": _POLICY})["policy"]["id"]
        body = {"dataAgreement": _agreement(policy)}
        made = [sent(client, "/config/data-agreement/", body) for _ in range(count)]
    stage.clear()
    ids = [each["dataAgreement"]["id"] for each in made]
    return [Agreement(*row) for row in stage.sql("consent", _AGREEMENTS, ids)]


def sent(client: httpx.Client, path: str, body: object) -> Any:
    """Return what the block answers, or raise RowFailed."""
    answer = client.post(path, json=body)
    if not answer.is_success:
        raise RowFailed(f"{path} answers {answer.status_code}: {answer.text[:200]}")
    return answer.json()


def records(stage: Stage, size: int) -> list[Agreement]:
    """Fill in so many individuals with a signed record under each of the agreements, once.

    Individual ``n`` has the id ``many-SIZE-n``, which is their external id too.
    """
    return stage.once(f"consents {size}", lambda: _recorded(stage, size))


def _recorded(stage: Stage, size: int) -> list[Agreement]:
    under = agreements(stage, AGREEMENTS)
    ids = people(stage, f"many-{size}-", range(size))
    asyncio.run(_copy_records(stage.database("consent").owner_url, under, ids))
    stage.analyse("consent")
    return under


# -- individuals ---------------------------------------------------------------------------------


def people(stage: Stage, prefix: str, numbers: Sequence[int]) -> list[str]:
    """Fill in individuals whose ids, which are their external ids too, are prefix and number."""
    keyring = Keyring(stage.settings("consent").sealing_key.get_secret_value())
    ids = [f"{prefix}{number}" for number in numbers]
    rows = [_individual(keyring, each) for each in ids]
    asyncio.run(_copy(stage.database("consent").owner_url, "individual", _INDIVIDUAL, rows))
    return ids


def _individual(keyring: Keyring, named: str) -> tuple[object, ...]:
    key, identity = keyring.new(), Identity(named, ID_TYPE)
    reference = individuals._reference(keyring, identity)  # noqa: SLF001  as the block keeps it
    sealed = individuals._seal(key, named, identity)  # noqa: SLF001  as above
    person = keyring.reference(named)
    return named, MEMBER, reference, person, key.wrapped, sealed, datetime.now(UTC)


async def _copy(
    url: str, table: str, columns: Sequence[str], rows: Sequence[tuple[object, ...]]
) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.copy_records_to_table(table, columns=columns, records=rows)
    finally:
        await connection.close()


# -- records -------------------------------------------------------------------------------------


async def _copy_records(url: str, under: Sequence[Agreement], ids: Sequence[str]) -> None:
    """Copy a record of every individual under every agreement.

    What keeps ``current`` right looks for other records of the same two: here there are none.
    """
    values, began = attrgetter(*_REVISION), datetime.now(UTC) - timedelta(days=30)
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("ALTER TABLE consent_record DISABLE TRIGGER USER")
        for agreement in under:
            for first in range(0, len(ids), _TOGETHER):
                made = [_state(agreement, each, began) for each in ids[first : first + _TOGETHER]]
                began += timedelta(microseconds=len(made))
                states = map(values, made)
                await connection.copy_records_to_table(
                    "revision", columns=_REVISION, records=states
                )
                rows = _rows(agreement, made)
                await connection.copy_records_to_table(
                    "consent_record", columns=_RECORD, records=rows
                )
        await connection.execute("ALTER TABLE consent_record ENABLE TRIGGER USER")
    finally:
        await connection.close()


def _state(agreement: Agreement, individual: str, at: datetime) -> Revision:
    choice = Choice(
        agreement.id, agreement.revision_id, agreement.revision_hash, individual, opt_in=True
    )
    return follow(choice.snapshot(at, None, None), MEMBER, str(new_id()), None)


def _rows(agreement: Agreement, states: Sequence[Revision]) -> Iterator[tuple[object, ...]]:
    under = agreement.id, agreement.revision_id, agreement.revision_hash, agreement.revision_number
    for place, state in enumerate(states):
        at = state.at + timedelta(microseconds=place)
        said = True, "signed", state.id, True, at
        yield state.object_id, MEMBER, state.authorized_by_individual, *under, *said


# -- what agreements say -------------------------------------------------------------------------

_POLICY = {
    "name": "Personal data in maternity and infant care",
    "version": "1.0",
    "url": "https://health.dev.govblocks.example/policies/1.0",
    "jurisdiction": "DEV",
    "industrySector": "health",
    "dataRetentionPeriodDays": 9131,
    "geographicRestriction": "DEV",
    "storageLocation": "DEV",
}


def _agreement(policy: str) -> dict[str, Any]:
    names = ("id", "firstName", "lastName", "birthdate", "address", "email")
    return {
        "version": "1.0",
        "controller": {"id": "10001", "name": "Ministry of Health", "url": "https://example.org"},
        "policy": {"id": policy},
        "purpose": "Register your child for postpartum and infant care",
        "lawfulBasis": "consent",
        "dataUse": "data_using_service",
        "dpia": "https://example.org/dpia",
        "active": True,
        "forgettable": False,
        "dataSources": [SOURCE],
        "dataAttributes": [
            {"id": name, "name": name, "sensitivity": "internal", "category": "identity"}
            for name in names
        ],
    }
