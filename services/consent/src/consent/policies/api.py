"""Routes for policies."""

from typing import Annotated

from fastapi import Query

from consent.door import BothSpellings, Office
from consent.policies import schemas, service
from consent.policies.models import PolicyInUse, PolicyNotFound, PolicyTaken
from consent.revisions.models import RevisionNotFound
from consent.revisions.schemas import Revision, RevisionOnly
from kit.access import Caller, requires
from kit.paging import Paged
from kit.web import Reading, Transaction, leads_to, may_answer

router = BothSpellings(tags=["policies"])

Reader = Annotated[Caller, requires("policies:read")]
Writer = Annotated[Caller, requires("policies:write")]
RevisionId = Annotated[str | None, Query(description="Answer as of this revision")]


def _answer(kept: service.Kept) -> schemas.PolicyAnswer:
    policy, revision = kept
    return schemas.PolicyAnswer(policy=schemas.Policy.of(policy), revision=Revision.of(revision))


@router.post(
    "/config/policy/",
    operation_id="configPolicyCreate",
    responses={
        **may_answer(PolicyTaken),
        **leads_to(
            200,
            "configPolicyRead",
            "configPolicyUpdate",
            "configPolicyDelete",
            "configPolicyRevisionsList",
            "servicePolicyRead",
            policyId="$response.body#/policy/id",
        ),
    },
)
async def config_policy_create(
    session: Transaction, office: Office, caller: Writer, body: schemas.PolicyBody
) -> schemas.PolicyAnswer:
    """Create a policy (CON-6.1.1)."""
    sent = body.policy
    return _answer(await service.create(office.desk(session, caller), sent.content(), sent.id))


@router.get(
    "/config/policy/{policyId}/",
    operation_id="configPolicyRead",
    responses=may_answer(PolicyNotFound, RevisionNotFound),
)
async def config_policy_read(
    session: Reading,
    caller: Reader,
    policyId: str,  # noqa: N803  GovStack's spelling
    revisionId: RevisionId = None,  # noqa: N803
) -> schemas.PolicyAnswer:
    """Read a policy, as it is or as a revision has it."""
    return _answer(await service.get_as_of(session, caller.tenant, policyId, revisionId))


@router.put(
    "/config/policy/{policyId}/",
    operation_id="configPolicyUpdate",
    responses=may_answer(PolicyNotFound),
)
async def config_policy_update(
    session: Transaction,
    office: Office,
    caller: Writer,
    policyId: str,  # noqa: N803
    body: schemas.PolicyBody,
) -> schemas.PolicyAnswer:
    """Change a policy; agreements keep the revision they stand under (CON-4.a)."""
    content = body.policy.content()
    return _answer(await service.update(office.desk(session, caller), policyId, content))


@router.delete(
    "/config/policy/{policyId}/",
    operation_id="configPolicyDelete",
    responses=may_answer(PolicyNotFound, PolicyInUse),
)
async def config_policy_delete(
    session: Transaction,
    office: Office,
    caller: Writer,
    policyId: str,  # noqa: N803
) -> RevisionOnly:
    """Delete a policy that no active agreement stands under (CON-4.a)."""
    revision = await service.delete(office.desk(session, caller), policyId)
    return RevisionOnly(revision=Revision.of(revision))


@router.get(
    "/config/policy/{policyId}/revisions/",
    operation_id="configPolicyRevisionsList",
    responses=may_answer(PolicyNotFound),
)
async def config_policy_revisions_list(
    session: Reading,
    caller: Reader,
    policyId: str,  # noqa: N803
    page: Paged,
) -> schemas.PolicyRevisions:
    """List the states a policy had, oldest first."""
    policy, revisions = await service.page_revisions(
        session, caller.tenant, policyId, page.offset, page.limit
    )
    return schemas.PolicyRevisions(
        policy=schemas.Policy.of(policy), revisions=[Revision.of(each) for each in revisions]
    )


@router.get(
    "/config/policies/",
    operation_id="configPolicyList",
    responses=may_answer(PolicyNotFound, RevisionNotFound),
)
async def config_policy_list(
    session: Reading,
    caller: Reader,
    page: Paged,
    revisionId: RevisionId = None,  # noqa: N803
) -> schemas.Policies:
    """List policies; with a revision only the policy it belongs to, as it was then."""
    found = await service.page(session, caller.tenant, revisionId, page.offset, page.limit)
    return schemas.Policies(policies=[schemas.Policy.of(policy) for policy in found])


@router.get(
    "/service/policy/{policyId}/",
    operation_id="servicePolicyRead",
    responses=may_answer(PolicyNotFound, RevisionNotFound),
)
async def service_policy_read(
    session: Reading,
    caller: Reader,
    policyId: str,  # noqa: N803
    revisionId: RevisionId = None,  # noqa: N803
) -> schemas.PolicyAnswer:
    """Read the policy an individual is shown (CON-6.2.1)."""
    return _answer(await service.get_as_of(session, caller.tenant, policyId, revisionId))
