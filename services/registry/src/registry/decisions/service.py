"""How a decision of the consent block is asked for."""

from http import HTTPStatus
from typing import Any

from kit.mediator import Mediator
from registry.decisions.models import Decision, DecisionMissing, Question

_PATH = "/consent/service/verification/decision"


async def ask(mediator: Mediator, question: Question, request_id: str) -> Decision:
    """Ask the consent block through the mediator.

    Raise kit.mediator.NeighbourUnavailable or DecisionMissing when there is no clear answer.
    """
    answer = await mediator.call(
        "POST",
        _PATH,
        body={
            "dataAgreementId": question.data_agreement_id,
            "individual": {
                "externalId": question.external_id,
                "externalIdType": question.external_id_type,
            },
            "client": question.client,
            "dataSource": question.data_source,
            "attributes": list(question.attributes),
        },
        request_id=request_id,
    )
    if answer.status_code != HTTPStatus.OK:
        raise DecisionMissing(f"the consent block answered {answer.status_code}")
    try:
        said: Any = answer.json()
    except ValueError as error:
        raise DecisionMissing("the consent block's answer is not JSON") from error
    return _decision(said)


def _decision(said: Any) -> Decision:
    if not isinstance(said, dict) or not isinstance(said.get("permitted"), bool):
        raise DecisionMissing("the consent block's answer holds no decision")
    record = said.get("consentRecordId")
    return Decision(
        said["permitted"],
        str(said.get("reason", "not permitted")),
        None if record is None else str(record),
    )
