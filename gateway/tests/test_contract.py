"""What the gateway serves is what GovStack publishes; tests/contracts tries it with bad input."""

from fastapi import FastAPI

PUBLISHED = {
    "listIMconf",
    "createIMconf",
    "updateIMconf",
    "replaceIMconf",
    "checkIMconf",
    "getAllowed",
    "setAllowed",
    "setDenied",
    "listClients",
    "listMethods",
    "allowedMethods",
    "getOpenAPI",
    "createEventType",
    "getEventTypeList",
    "getEventType",
    "deleteEventType",
    "publishEvent",
    "getStatus",
    "deleteEvent",
    "listSub",
    "addSub",
    "getSub",
    "patchSub",
    "deleteSub",
    "pullEvent",
    "confirmEvent",
}


def test_published_operations_keep_their_names(opened: FastAPI) -> None:
    document = opened.openapi()
    names = {o["operationId"] for path in document["paths"].values() for o in path.values()}
    assert names >= PUBLISHED
    for path in document["paths"].values():
        for operation in path.values():
            assert "422" not in operation["responses"]
