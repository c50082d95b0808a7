"""The roles that GovStack publishes, as scopes (CON-5.1.3, CON-5.2.1)."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[3] / "docs/conformance/consent.md"
ROW = re.compile(r"^\| (org|admin|consumer|individual|auditor) \| ([^|]+) \|", re.MULTILINE)
SCOPES = {role: set(re.findall(r"`([^`]+)`", said)) for role, said in ROW.findall(PAGE.read_text())}

OWN = {
    "org": """
        configPolicyCreate configPolicyRead configPolicyRevisionsList configPolicyUpdate
        configPolicyDelete configDataAgreementRead configDataAgreementCreate
        configDataAgreementUpdate configDataAgreementDelete configDataAgreementList
        configIndividualCreate configIndividualRead configIndividualList serviceIndividualCreate
        serviceIndividualRead serviceIndividualUpdate serviceIndividualList
        serviceDataAgreementRead servicePolicyRead
    """,
    "admin": """
        configPolicyList configWebhookCreate configWebhookRead configWebhookUpdate
        configWebhookDelete configWebhookList
    """,
    "consumer": """
        serviceVerificationDataAgreementList serviceVerificationConsentRecordList
        serviceVerificationConsentRecordRead
    """,
    "individual": """
        serviceIndividualConsentRecordCreate serviceIndividualConsentRecordDraftCreate
        serviceIndividualConsentRecordSignatureCreate serviceIndividualConsentRecordList
        serviceIndividualConsentRecordUpdate serviceIndividualSignatureCreate
        serviceIndividualSignatureUpdate serviceIndividualDataAgreementConsentRecordList
        serviceIndividualConsentRecordRead serviceIndividualConsentRecordDeleteAll
    """,
    "auditor": """
        auditConsentRecordList auditConsentRecordRead auditDataAgreementList auditDataAgreementRead
    """,
}
"""The operations of each role in the published table."""
PUBLISHED = {operation for own in OWN.values() for operation in own.split()}
ALSO = {
    "org": {"configPolicyList"},
    "admin": {"configPolicyRead", "configPolicyRevisionsList", "servicePolicyRead"},
}
"""What a role opens besides: who may read policies may read them one by one and as a list."""


@pytest.mark.parametrize("role", OWN)
async def test_each_role_opens_its_paths_and_no_other(opened, client_for, role) -> None:
    client, open_to = client_for(scopes=SCOPES[role]), set[str]()
    for path, operations in opened.openapi()["paths"].items():
        for method, operation in operations.items():
            if operation["operationId"] not in PUBLISHED:
                continue
            address = path.replace("{", "").replace("}", "")
            statuses = {
                (await client.request(method, spelled, json={})).status_code
                for spelled in (address, address.removesuffix("/"))
            }
            if statuses != {403}:
                assert 403 not in statuses, "both spellings need the same"
                open_to.add(operation["operationId"])

    assert open_to == set(OWN[role].split()) | ALSO.get(role, set())


def test_the_published_operations_are_42_and_each_has_a_role(opened) -> None:
    there = {
        operation["operationId"]
        for operations in opened.openapi()["paths"].values()
        for operation in operations.values()
    }

    assert len(PUBLISHED) == sum(len(own.split()) for own in OWN.values()) == 42
    assert there >= PUBLISHED
