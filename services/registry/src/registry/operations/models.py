"""How the services of a version are called, as OpenAPI 3.1 says it (DRS-5.i, DRS-34, DR-8).

Every request has an example that works when it is sent to a registry without that record.
"""

from collections.abc import Callable, Mapping
from typing import Any

from registry.descriptions.models import Described
from registry.paths import value_at
from registry.services.models import OWN, Generic, Own

_JSON = "application/json"
_Operation = dict[str, Any]


def openapi(of: Described) -> dict[str, Any]:
    """Return the document of a version: only what is offered, only what the caller may see."""
    title = of.definition["name"] or of.code
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": of.label, "description": _about(of)},
        "servers": [{"url": "../../..", "description": "Where this document is"}],
        "tags": [{"name": of.code, "description": f"Version {of.label}"}],
        "security": [{"token": []}],
        "paths": _paths(of),
        "components": {
            "securitySchemes": {"token": _TOKEN},
            "schemas": {
                "Record": of.record(),
                "NewRecord": of.content(),
                "Change": of.change(),
                "Problem": _PROBLEM,
            },
        },
    }


def _about(of: Described) -> str:
    parts = [of.definition["description"] or f"Records of {of.code}."]
    if of.deprecation is not None:
        last = of.deprecation.sunset_at.date().isoformat()
        parts.append(f"This version is deprecated and ends on {last}: {of.deprecation.guidance}")
    if of.is_archived:
        parts.append("The registry is archived: its records are read and not written.")
    return "\n\n".join(parts)


def _paths(of: Described) -> dict[str, Any]:
    root = f"/data/{of.code}/{of.label}"
    paths: dict[str, Any] = {}
    for each in of.services.generic:
        if of.services.offers(each) and each.operation in _MADE:
            _add(paths, of, root + each.path, each, each.operation)
    for own in of.services.own:
        if own.is_visible and own.type == "copy":
            narrow = of.only(own.fields)
            _add(paths, narrow, f"{root}/{OWN}/{own.name}", own.generic, own.name, own)
    shown = {own.of: own for own in of.services.own if own.type == "view"}
    for name, view in of.views.items():
        if name not in shown or shown[name].is_visible:
            paths[f"{root}/views/{name}"] = {"get": _view(of, name, view)}
    return paths


def _add(  # noqa: PLR0913, PLR0917  where it answers, what does it, and under which name
    paths: dict[str, Any],
    of: Described,
    path: str,
    generic: Generic,
    name: str,
    own: Own | None = None,
) -> None:
    writes = generic.method != "GET" and generic.operation not in ("read", "exists")
    if of.is_archived and writes:
        return
    said = _MADE[generic.operation](of)
    made: _Operation = {"operationId": name, "tags": [of.code], **said}
    if own is not None and own.description:
        made["description"] = own.description
    if of.deprecation is not None:
        made["deprecated"] = True
    made["responses"]["default"] = _REFUSAL
    paths.setdefault(path, {})[generic.method.lower()] = made


_TOKEN: Mapping[str, Any] = {
    "type": "http",
    "scheme": "bearer",
    "description": "A token of the calling application, as the mediator gives it",
}
_PROBLEM: Mapping[str, Any] = {
    "type": "object",
    "description": "Why a request is refused (RFC 9457)",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "requestId": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"pointer": {"type": "string"}, "reason": {"type": "string"}},
            },
        },
    },
}
_REFUSAL: Mapping[str, Any] = {
    "description": "Refused, and why",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


def _content(name: str, of: Described) -> dict[str, Any]:
    """Return the schema of content: of the document's own, or of a copy's fewer fields."""
    if of.fields == of.schema.fields:
        return {"$ref": f"#/components/schemas/{name}"}
    return {"Record": of.record, "NewRecord": of.content, "Change": of.change}[name]()


def _object(**members: Any) -> dict[str, Any]:
    return {"type": "object", "properties": members, "required": list(members)}


def _body(schema: Mapping[str, Any], example: Any) -> dict[str, Any]:
    content = {_JSON: {"schema": schema, "example": example}}
    return {"requestBody": {"required": True, "content": content}}


def _answer(description: str, schema: Mapping[str, Any], example: Any = None) -> dict[str, Any]:
    media: dict[str, Any] = {"schema": schema}
    if example is not None:
        media["example"] = example
    return {"responses": {"200": {"description": description, "content": {_JSON: media}}}}


def _none(status: int, description: str) -> dict[str, Any]:
    return {"responses": {str(status): {"description": description}}}


def _by(of: Described, schema: dict[str, Any] | None = None) -> dict[str, Any]:
    return _object(content=schema or _content("Change", of))


def _shown(of: Described) -> dict[str, Any]:
    return _answer("The record", _object(content=_content("Record", of)), {"content": of.example()})


def _list(of: Described) -> _Operation:
    results = {"type": "array", "items": _content("Record", of)}
    page = _object(count={"type": "integer"}, results=results)
    page["properties"] |= {name: {"type": "string"} for name in ("next", "previous")}
    return {
        "summary": "Find records",
        "parameters": [*_LISTING, *_by_field(of)],
        **_answer("Records that match", page, {"count": 1, "results": [of.example()]}),
    }


def _parameter(name: str, description: str, example: Any, kind: str = "string") -> dict[str, Any]:
    schema = {"type": kind}
    said = {"name": name, "in": "query", "description": description}
    return {**said, "schema": schema, "example": example}


_LISTING = (
    _parameter("page", "Page, from 1", 1, "integer"),
    _parameter("pageSize", "Records on a page, 1000 at most", 10, "integer"),
    _parameter("search", "Words to find in text fields", ""),
)


def _by_field(of: Described) -> list[dict[str, Any]]:
    """Return a parameter for each field a list can be filtered by, with the example's value."""
    record, found = of.example(), list[dict[str, Any]]()
    for field in of.plain:
        example = value_at(record, field.path)
        if example is not None:
            text = str(example).lower() if field.kind == "boolean" else str(example)
            said = field.spec.get("description") or f"Field {field.name}"
            made = _parameter(f"query.{field.name}", said, text)
            if field.marked("readOnly"):  # the record that an example creates has another value
                del made["example"]
            found.append(made)
    return found


def _create(of: Described) -> _Operation:
    schema = _object(write=_object(content=_content("NewRecord", of)))
    example = {"write": {"content": of.example(to_write=True)}}
    return {"summary": "Create a record", **_body(schema, example), **_shown(of)}


def _exists(of: Described) -> _Operation:
    answer = _object(answer=_object(status={"type": "boolean"}, message={"type": "string"}))
    body = _body(_object(query=_by(of)), {"query": {"content": of.query()}})
    return {"summary": "Tell whether there is a record", **body, **_answer("Whether", answer)}


def _read(of: Described) -> _Operation:
    body = _body(_object(query=_by(of)), {"query": {"content": of.query()}})
    return {"summary": "Read a record", **body, **_shown(of)}


def _both(of: Described) -> dict[str, Any]:
    schema = _object(query=_by(of), write=_by(of))
    schema["required"] = ["write"]
    write = {"content": of.example(to_write=True)}
    return _body(schema, {"query": {"content": of.query()}, "write": write})


def _update(of: Described) -> _Operation:
    return {"summary": "Change a record", **_both(of), **_none(200, "It is changed")}


def _upsert(of: Described) -> _Operation:
    return {"summary": "Change a record, or create it", **_both(of), **_shown(of)}


def _path(name: str, description: str, example: Any, **schema: Any) -> dict[str, Any]:
    said = {"name": name, "in": "path", "required": True, "description": description}
    return {**said, "schema": {"type": "string", **schema}, "example": example}


def _delete(of: Described) -> _Operation:
    where = _path("ID", "Primary key or id of the record", of.key)
    return {"summary": "Delete a record", "parameters": [where], **_none(204, "It is gone")}


def _read_value(of: Described) -> _Operation:
    names = [each.name for field in of.fields for each in field.walk() if not each.in_list]
    where = [
        _path("uuid", "Primary key or id of the record", of.key),
        _path("field", "Name of the field", names[0] if names else "field", enum=names),
        _path("ext", "How it is written", "json", enum=["json"]),
    ]
    return {"summary": "Read one field", "parameters": where, **_answer("The value", {})}


def _create_entries(of: Described) -> _Operation:
    entries = {"type": "array", "items": _content("NewRecord", of), "minItems": 1}
    schema = _object(entries=entries)
    schema["properties"]["mode"] = {"type": "string", "enum": ["all", "each"]}
    example = {"entries": [of.example(to_write=True)], "mode": "each"}
    answer = _object(count={"type": "integer"}, failed={"type": "integer"}, results=_RESULTS)
    body = _body(schema, example)
    return {"summary": "Create many records", **body, **_answer("What became of each", answer)}


def _update_entries(of: Described) -> _Operation:
    schema = _object(query=_by(of), write=_by(of))
    write = {"content": of.example(to_write=True)}
    body = _body(schema, {"query": {"content": of.query()}, "write": write})
    answer = _object(count={"type": "integer"})
    return {"summary": "Change many records", **body, **_answer("How many", answer)}


def _delete_entries(of: Described) -> _Operation:
    entries = {"type": "array", "items": {"type": "string"}}
    body = _body(_object(entries=entries), {"entries": [of.key]})
    return {"summary": "Delete many records", **body, **_none(204, "They are gone")}


def _record_id(of: Described) -> dict[str, Any]:
    return _path("uuid", "Id of the record", of.example_id, format="uuid")


def _get(of: Described) -> _Operation:
    return {"summary": "Read a record by its id", "parameters": [_record_id(of)], **_shown(of)}


def _archive(of: Described) -> _Operation:
    done = _none(204, "It is out of normal results")
    return {"summary": "Archive a record", "parameters": [_record_id(of)], **done}


def _restore(of: Described) -> _Operation:
    done = _none(204, "It is in normal results")
    return {"summary": "Bring a record back", "parameters": [_record_id(of)], **done}


def _view(of: Described, name: str, view: Mapping[str, Any]) -> _Operation:
    rows = {"type": "array", "items": {"type": "object"}}
    page = _object(count={"type": "integer"}, results=rows)
    return {
        "operationId": f"view_{name}",
        "tags": [of.code],
        "summary": str(view.get("description") or f"The view {name}"),
        "parameters": list(_LISTING[:2]),
        **_answer("Rows of the view", page),
    }


_RESULTS: Mapping[str, Any] = {"type": "array", "items": {"type": "object"}}
_MADE: Mapping[str, Callable[[Described], _Operation]] = {
    "list": _list,
    "create": _create,
    "exists": _exists,
    "read": _read,
    "update": _update,
    "updateOrCreate": _upsert,
    "delete": _delete,
    "readValue": _read_value,
    "createEntries": _create_entries,
    "updateEntries": _update_entries,
    "deleteEntries": _delete_entries,
    "get": _get,
    "archive": _archive,
    "restore": _restore,
}
