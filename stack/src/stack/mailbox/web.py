"""The web side: the part of Mailpit's JSON that the journey uses, and the page for people."""

import re
from datetime import UTC
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from stack.mailbox.messages import Address, Message, Store, stamp
from stack.mailbox.page import list_page, message_page

_PAGE = 50  # messages, as Mailpit


def create_app(store: Store) -> Starlette:
    """Make the web side of a store: Mailpit's JSON and the page."""
    app = Starlette(
        routes=[
            Route("/", _show_list),
            Route("/view/{id}", _show_page),
            Route("/api/v1/messages", _list_messages),
            Route("/api/v1/messages", _delete_messages, methods=["DELETE"]),
            Route("/api/v1/search", _search_messages),
            Route("/api/v1/message/{id}", _show_message),
            Route("/readyz", _ready),
        ]
    )
    app.state.store = store
    return app


def _store(request: Request) -> Store:
    store: Store = request.app.state.store
    return store


async def _show_list(request: Request) -> Response:
    return list_page(_store(request).newest())


async def _show_page(request: Request) -> Response:
    return message_page(_store(request).find(request.path_params["id"]))


async def _ready(_request: Request) -> Response:
    return PlainTextResponse("ok")


async def _list_messages(request: Request) -> Response:
    store = _store(request)
    return JSONResponse(_listing(request, store, store.newest()))


async def _search_messages(request: Request) -> Response:
    query = request.query_params.get("query", "").strip()
    if not query:
        return PlainTextResponse("Error: no search query", status_code=400)
    store = _store(request)
    return JSONResponse(_listing(request, store, store.newest(query)))


async def _show_message(request: Request) -> Response:
    store = _store(request)
    message = store.find(request.path_params["id"])
    if message is None:
        return PlainTextResponse("Message not found", status_code=404)
    return JSONResponse(_in_full(message))


async def _delete_messages(request: Request) -> Response:
    """Delete the messages that the body names in `IDs`, or all if it names none."""
    store = _store(request)
    body = await request.body()
    try:
        ids = [str(each) for each in (await request.json()).get("IDs") or []] if body else []
    except (ValueError, AttributeError, TypeError):
        return PlainTextResponse('Error: the body must be {"IDs": [...]}', status_code=400)
    for each in ids:
        store.delete(each)
    if not ids:
        store.clear()
    return PlainTextResponse("ok")


def _listing(request: Request, store: Store, found: list[Message]) -> dict[str, Any]:
    start = _number(request, "start", 0)
    limit = _number(request, "limit", _PAGE) or _PAGE
    messages = [_in_short(each, store) for each in found[start : start + limit]]
    return {
        "total": store.count(),
        "unread": store.unread(),
        "count": len(messages),
        "messages_count": len(found),
        "start": start,
        "tags": [],
        "messages": messages,
    }


def _number(request: Request, name: str, otherwise: int) -> int:
    value = request.query_params.get(name, "")
    return int(value) if re.fullmatch("[0-9]{1,9}", value) else otherwise


def _in_short(message: Message, store: Store) -> dict[str, Any]:
    return {
        **_heads(message),
        "Read": store.was_read(message),
        "Created": stamp(message.received_at.astimezone(UTC)),
        "Attachments": message.attachments,
        "Snippet": message.snippet,
    }


def _in_full(message: Message) -> dict[str, Any]:
    return {
        **_heads(message),
        "Date": stamp(message.sent_at),
        "Text": message.text,
        "HTML": message.html,
    }


def _heads(message: Message) -> dict[str, Any]:
    return {
        "ID": message.id,
        "MessageID": message.message_id,
        "From": _pair(message.sender),
        "To": [_pair(each) for each in message.to],
        "Cc": [_pair(each) for each in message.cc],
        "Bcc": [_pair(each) for each in message.bcc],
        "Subject": message.subject,
        "Size": message.size,
        "Tags": [],
    }


def _pair(address: Address) -> dict[str, str]:
    return {"Name": address.name, "Address": address.address}
