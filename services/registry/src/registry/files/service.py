"""Adding files to records, giving them out again, and taking them away (DRS-3.a)."""

import hashlib
import json
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO
from uuid import UUID

from kit.database import Session
from kit.decisions import Decisions
from kit.evidence import Entry, Ledger
from kit.identifiers import new_id
from registry.changes import models as changes
from registry.changes import service as changing
from registry.changes import store as records_kept
from registry.changes.service import Work
from registry.fields.models import Field
from registry.files import models, store
from registry.files.models import File, FileNotFound, Span, Upload
from registry.paths import value_at
from registry.policies.models import Action
from registry.records import service as records
from registry.records.models import Record, RecordNotFound
from registry.records.service import Call
from registry.signatures.models import NotWhatItSays, recognise
from registry.usage import service as usage

ADDED, REMOVED = "file.added", "file.removed"
_STEP = 1 << 20


@dataclass(frozen=True, slots=True)
class Place:
    """A field of a record."""

    record: UUID
    field: str


@dataclass(frozen=True, slots=True)
class Opening:
    """A file as it is given out: what it is, which part was asked for, and its bytes."""

    file: File
    span: Span | None
    content: AsyncGenerator[bytes]

    @property
    def length(self) -> int:
        """Return how many bytes are given out."""
        return self.file.size if self.span is None else self.span.length


def receive(field: str, name: str, content: BinaryIO) -> Upload:
    """Return what came as a file: it is read through, so call this beside the event loop.

    Raise FileRefused when the bytes are not what the name says.
    """
    digest, size = hashlib.sha256(), 0
    content.seek(0)
    while block := content.read(_STEP):
        digest.update(block)
        size += len(block)
    safe = models.safe_name(name)
    try:
        media_type = recognise(safe, content)
    except NotWhatItSays as error:
        models.refuse(field, str(error))
    return Upload(safe, content, size, digest.hexdigest(), media_type)


async def add(
    session: Session, ledger: Ledger, call: Call, place: Place, upload: Upload
) -> Mapping[str, Any]:
    """Add a file to a field of a record; return what the record says of it.

    The same bytes under the same name are there once, however often they are sent. Raise
    FileRefused, FileTooLarge, StorageFull, RecordNotFound or FieldHidden.
    """
    work, field, record = await _open(session, ledger, call, place)
    models.check(field, upload)
    content: dict[str, Any] = json.loads(record.content)
    value = value_at(content, field.path)
    there = models.same(value, upload)
    if there is not None:
        return there
    digest, size = upload.digest, upload.size
    new = File(new_id(), record.id, field.name, upload.name, upload.media_type, size, digest)
    await store.insert(session, new, upload.content)
    said = models.with_file(field, value, new)
    draft = changes.attach(work.release, content, (field.path, said), record.number)
    await changing.write(work, record, draft)
    await _record(work, ADDED, record, new)
    return new.document


async def remove(session: Session, ledger: Ledger, call: Call, place: Place, file_id: UUID) -> None:
    """Take a file out of a record; one that is gone stays gone.

    Its bytes stay for those who look at the record as it was; they go when the record is destroyed.
    """
    work, field, record = await _open(session, ledger, call, place)
    content: dict[str, Any] = json.loads(record.content)
    value = value_at(content, field.path)
    found = await store.find(session, file_id)
    if found is None or not models.names(value, file_id):
        return
    said = models.without_file(field, value, file_id)
    draft = changes.attach(work.release, content, (field.path, said), record.number)
    await changing.write(work, record, draft)
    await _record(work, REMOVED, record, found)


async def _open(
    session: Session, ledger: Ledger, call: Call, place: Place
) -> tuple[Work, Field, Record]:
    """Return what a change of a record's files works with; the record is locked."""
    opened = await records.open_for_change(session, call, Action.UPDATE)
    schema = opened.release.path.schema
    field = schema.get(place.field)
    changes.check_writable(opened.grant, schema, schema.nest(field.name, {}))
    found = await records_kept.lock_referred(session, opened.release.database, str(place.record))
    if found is None or found.id != place.record or not opened.covers(found):
        raise RecordNotFound
    return Work(session, ledger, opened), field, found


async def get(  # noqa: PLR0913, PLR0917  whose file, which, and how much of it
    session: Session,
    ledger: Ledger,
    decisions: Decisions,
    call: Call,
    place: Place,
    file_id: UUID,
    asked: str | None,
) -> Opening:
    """Return a file that a record shows to the caller; the look at personal data is noted.

    ``asked`` is the Range header. Raise FileNotFound, RecordNotFound, RangeRefused, or
    ConsentRequired.
    """
    value = await records.value_of(
        session, ledger, decisions, call, (str(place.record), place.field, Action.FILES)
    )
    return await opening(session, value, place, file_id, asked)


async def opening(
    session: Session, value: object, place: Place, file_id: UUID, asked: str | None
) -> Opening:
    """Return a file that the value of a field, as it was shown, names; raise FileNotFound."""
    found = await store.find(session, file_id) if models.names(value, file_id) else None
    if found is None or (found.record, found.field) != (place.record, place.field):
        raise FileNotFound("the field shows no file with this id")
    return part(session, Opening(found, None, _whole(session, found)), asked)


def part(session: Session, opened: Opening, asked: str | None) -> Opening:
    """Return the range of an opened file that a Range header asks for, or raise RangeRefused."""
    span = models.span_of(asked, opened.file.size)
    if span is None:
        return opened
    return Opening(opened.file, span, store.chunks(session, opened.file.id, span))


def _whole(session: Session, found: File) -> AsyncGenerator[bytes]:
    return store.chunks(session, found.id, Span(0, found.size - 1))


async def _record(work: Work, kind: str, record: Record, about: File) -> None:
    """Write down which bytes came or went; that the record changed has its own entry."""
    caller = work.call.caller
    entry = Entry(
        kind,
        caller.client,
        f"database:{work.release.database}/record:{record.id}",
        subject=next((subject for subject in record.subjects if subject), None),
        facts={
            "field": about.field,
            "file": str(about.id),
            "digest": about.digest,
            "size": about.size,
            "recordNumber": record.number,
            "requestId": caller.request_id,
        },
        tenant=caller.tenant,
    )
    await work.ledger.record(work.session, usage.with_basis(entry, work.call.legal_basis))
