"""What those who use data may look at."""

from kit.evidence import Search


async def test_filters_return_exactly_the_current_record(house, client, app) -> None:
    agreement, other = await house.agreement(), await house.agreement(purpose="Other")
    mother, father = await house.individual(), await house.individual("EE1")
    record = (await house.sign(mother, agreement["id"]))["consentRecord"]["id"]
    await house.sign(father, agreement["id"], optIn=False)
    await house.sign(mother, other["id"])

    async def listed(**query) -> list[str]:
        answer = await client.get("/service/verification/consent-records/", params=query)
        return [each["id"] for each in answer.json()["consentRecords"]]

    found = await listed(individualId=mother, dataAgreementId=agreement["id"])
    assert found == [record]
    assert await listed(dataAgreementId=agreement["id"], optIn=True) == [record]
    assert await listed(individualId="unknown") == []
    assert len(await listed()) == 3
    read = await client.get(f"/service/verification/consent-record/{record}/")
    assert read.json()["consentRecord"]["id"] == record
    assert "signature" not in read.json()["consentRecord"]
    agreements = await client.get("/service/verification/data-agreements/")
    assert len(agreements.json()["dataAgreements"]) == 2
    looks = await app.state.ledger.search(
        Search(kinds=["verification.read"], subject="EE49001010002")
    )
    assert len(looks) == 4
