"""Routes for a database's rights, and for asking why something is refused."""

from typing import Annotated

from fastapi import APIRouter

from kit.access import ANONYMOUS, Caller, requires
from kit.web import Evidence, Reading, Transaction, may_answer
from registry.conditions.models import ConditionInvalid
from registry.databases.models import DatabaseNotFound, RegistryNotFound, version_number
from registry.databases.schemas import ChosenDatabase
from registry.places import SchemaInvalid
from registry.policies.models import Party, RightsInvalid
from registry.rights import service
from registry.rights.models import Rights
from registry.rights.schemas import Asked, Explanation, PolicyExplained, RightsDocument
from registry.rights.service import Explained

router = APIRouter(prefix="/database/{id}/rights", tags=["rights"])

Reader = Annotated[Caller, requires("rights:read", "rights:write")]
Writer = Annotated[Caller, requires("rights:write")]


@router.get("", responses=may_answer(DatabaseNotFound))
async def rights(session: Reading, caller: Reader, chosen: ChosenDatabase) -> RightsDocument:
    """Return who may do what with a database's records (DRS-6)."""
    found = await service.get(session, caller, chosen.id)
    return RightsDocument.model_validate({} if found is None else found.document)


@router.put(
    "", responses=may_answer(DatabaseNotFound, RightsInvalid, ConditionInvalid, SchemaInvalid)
)
async def put_rights(
    session: Transaction,
    ledger: Evidence,
    caller: Writer,
    chosen: ChosenDatabase,
    asked: RightsDocument,
) -> RightsDocument:
    """Set who may do what; from now on what no policy allows is denied to other members."""
    given = Rights(asked.model_dump(exclude_defaults=True))
    await service.put(session, ledger, caller, chosen.id, given)
    return asked


@router.delete("", status_code=204, responses=may_answer(DatabaseNotFound))
async def delete_rights(
    session: Transaction, ledger: Evidence, caller: Writer, chosen: ChosenDatabase
) -> None:
    """Take the document away: the mediator's rights decide alone again."""
    await service.put(session, ledger, caller, chosen.id, None)


@router.post("/why", responses=may_answer(DatabaseNotFound, RegistryNotFound))
async def why(
    session: Reading, caller: Reader, chosen: ChosenDatabase, asked: Asked
) -> Explanation:
    """Explain what is decided about a call: which policies apply, and why others do not."""
    number = None if asked.version is None else version_number(asked.version)
    found = await service.why(session, caller, chosen.id, (_party(asked), asked.action, number))
    return _explanation(found)


def _party(asked: Asked) -> Party:
    speaks_for = asked.represents or asked.person
    return Party(
        client=asked.client,
        member="/".join(asked.client.split("/")[:3]),
        person=asked.person,
        people=frozenset({speaks_for} if speaks_for else ()),
        service=asked.service,
        roles=frozenset(asked.roles),
        is_anonymous=asked.client == ANONYMOUS,
    )


def _explanation(found: Explained) -> Explanation:
    grant = found.grant
    terms = grant.terms if grant else ()
    fields = None if grant is None or grant.fields is None else sorted(grant.fields)
    return Explanation(
        allowed=grant is not None,
        reason=found.reason,
        fields=fields,
        masked=sorted({name for term in terms for name in term.masks}),
        conditional=any(term.where or term.consent for term in terms),
        policies=[
            PolicyExplained(
                policy=each.policy,
                effect="allow" if each.allows else "deny",
                applies=each.mismatch is None,
                mismatch=each.mismatch,
            )
            for each in found.policies
        ],
    )
