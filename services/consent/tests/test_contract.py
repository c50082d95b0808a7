"""The block answers what GovStack publishes, and says so."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

from consent.tables import metadata

PUBLISHED = """
POST /config/policy/ configPolicyCreate
GET /config/policy/{policyId}/ configPolicyRead
PUT /config/policy/{policyId}/ configPolicyUpdate
DELETE /config/policy/{policyId}/ configPolicyDelete
GET /config/policy/{policyId}/revisions/ configPolicyRevisionsList
GET /config/policies/ configPolicyList
GET /config/data-agreement/{dataAgreementId}/ configDataAgreementRead
POST /config/data-agreement/ configDataAgreementCreate
PUT /config/data-agreement/{dataAgreementId}/ configDataAgreementUpdate
DELETE /config/data-agreement/{dataAgreementId}/ configDataAgreementDelete
GET /config/data-agreements/ configDataAgreementList
POST /config/individual/ configIndividualCreate
GET /config/individual/{individualId}/ configIndividualRead
GET /config/individuals/ configIndividualList
POST /service/individual/ serviceIndividualCreate
GET /service/individual/{individualId}/ serviceIndividualRead
PUT /service/individual/{individualId}/ serviceIndividualUpdate
GET /service/individuals/ serviceIndividualList
GET /service/data-agreement/{dataAgreementId}/ serviceDataAgreementRead
GET /service/policy/{policyId}/ servicePolicyRead
GET /service/verification/data-agreements/ serviceVerificationDataAgreementList
GET /service/verification/consent-records/ serviceVerificationConsentRecordList
GET /service/verification/consent-record/{consentRecordId}/ serviceVerificationConsentRecordRead
POST /service/individual/record/data-agreement/{dataAgreementId}/ serviceIndividualConsentRecordCreate
POST /service/individual/record/consent-record/draft/ serviceIndividualConsentRecordDraftCreate
POST /service/individual/record/consent-record/ serviceIndividualConsentRecordSignatureCreate
GET /service/individual/record/consent-record/ serviceIndividualConsentRecordList
PUT /service/individual/record/consent-record/{consentRecordId}/ serviceIndividualConsentRecordUpdate
POST /service/individual/record/consent-record/{consentRecordId}/signature/ serviceIndividualSignatureCreate
PUT /service/individual/record/consent-record/{consentRecordId}/signature/ serviceIndividualSignatureUpdate
GET /service/individual/record/data-agreement/{dataAgreementId}/all/ serviceIndividualDataAgreementConsentRecordList
GET /service/individual/record/data-agreement/{dataAgreementId}/ serviceIndividualConsentRecordRead
DELETE /service/individual/record/ serviceIndividualConsentRecordDeleteAll
POST /config/webhook/ configWebhookCreate
GET /config/webhook/{webhookId}/ configWebhookRead
PUT /config/webhook/{webhookId}/ configWebhookUpdate
DELETE /config/webhook/{webhookId}/ configWebhookDelete
GET /config/webhooks/ configWebhookList
GET /audit/consent-records/ auditConsentRecordList
GET /audit/consent-record/{consentRecordId}/ auditConsentRecordRead
GET /audit/data-agreements/ auditDataAgreementList
GET /audit/data-agreement/{dataAgreementId}/ auditDataAgreementRead
"""  # noqa: E501  one published operation on each line
OURS = {
    "configWebhookEventList",
    "configWebhookSubscriptions",
    "configWebhookSubscribe",
    "configWebhookRotate",
    "configWebhookTest",
    "configWebhookDeliveries",
    "configWebhookRedeliver",
    "configDataAgreementRevisionsList",
    "serviceIndividualSearch",
    "configRepresentationCreate",
    "configRepresentationRead",
    "configRepresentationList",
    "configRepresentationDelete",
    "serviceIndividualRepresentationCreate",
    "serviceIndividualRepresentationList",
    "serviceIndividualRepresentationDelete",
    "serviceIndividualNotificationPreferencesRead",
    "serviceIndividualNotificationPreferencesUpdate",
    "serviceTransmissionReport",
    "serviceIndividualTransmissionList",
    "serviceVerificationTransmissionList",
    "auditTransmissionList",
    "serviceVerificationDecision",
    "serviceIndividualConsentRecordReceiptRead",
    "serviceReceiptVerify",
    "auditVerify",
    "auditVerifyAll",
    "auditRevisionList",
    "auditLogList",
    "health",
}


def own_paths(app):
    """Return the paths of the block itself; the ledger's are the same on every block."""
    paths = app.openapi()["paths"]
    return {
        path: paths[path] for path in paths if not path.startswith(("/evidence", "/.well-known"))
    }


def test_every_published_operation_is_there_under_its_name(opened) -> None:
    there = {
        (method.upper(), path, operation["operationId"])
        for path, operations in own_paths(opened).items()
        for method, operation in operations.items()
    }
    published = {tuple(line.split()) for line in PUBLISHED.split("\n") if line}

    assert published <= there
    assert {operation for _, _, operation in there - published} == OURS


def test_what_is_unknown_or_impossible_is_declared_as_400(opened) -> None:
    answers = {
        status
        for operations in own_paths(opened).values()
        for operation in operations.values()
        for status in operation["responses"]
    }

    assert answers == {"200", "400", "401", "403", "413", "503"}


async def test_without_a_scope_every_operation_is_refused(opened, client_for) -> None:
    nobody, anyone = client_for(), client_for(scopes={"nothing"})
    for path, operations in own_paths(opened).items():
        for method in operations:
            if path == "/health":
                continue
            spelled = path.replace("{", "").replace("}", "")
            for address in (spelled, spelled.removesuffix("/")):
                assert (await nobody.request(method, address, json={})).status_code == 401
                assert (await anyone.request(method, address, json={})).status_code == 403


async def test_the_tables_are_what_the_migrations_make(urls) -> None:
    engine = create_async_engine(urls.owner.replace("postgresql://", "postgresql+asyncpg://"))

    def compare(connection: Connection) -> list[object]:
        return compare_metadata(MigrationContext.configure(connection), metadata)

    async with engine.connect() as connection:
        found = await connection.run_sync(compare)
    assert [each for each in found if "pgqueuer" not in str(each)] == []
    await engine.dispose()
