"""Values in the content of a record, by the path of names that leads to them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast


def value_at(content: Mapping[str, Any], path: Sequence[str]) -> Any:
    """Return the value at a path of names; None when something on the way is missing."""
    value: Any = content
    for name in path:
        if not isinstance(value, dict):
            return None
        value = cast("dict[str, Any]", value).get(name)
    return value


def with_value(content: Mapping[str, Any], path: Sequence[str], value: Any) -> dict[str, Any]:
    """Return content with a value at a path, in new objects along the way.

    Where something else than an object stands on the way, content stays as it is.
    """
    first, *rest = path
    if not rest:
        return {**content, first: value}
    held = content.get(first)
    if held is None or isinstance(held, dict):
        return {**content, first: with_value(cast("dict[str, Any]", held or {}), rest, value)}
    return dict(content)


def values_in(
    content: Any, path: Sequence[str], place: tuple[object, ...] = ()
) -> Iterator[tuple[tuple[object, ...], Any]]:
    """Yield each value a field has in content and where it stands, item by item inside lists."""
    if isinstance(content, list):
        for index, item in enumerate(cast("list[Any]", content)):
            yield from values_in(item, path, (*place, index))
    elif not path:
        yield place, content
    elif isinstance(content, dict):
        held = cast("dict[str, Any]", content)
        if path[0] in held:
            yield from values_in(held[path[0]], path[1:], (*place, path[0]))


def replaced(content: Any, path: Sequence[str], change: Callable[[Any], Any]) -> Any:
    """Return content with what ``change`` makes of a field's values, inside lists too."""
    if not path:
        return change(content)
    if isinstance(content, list):
        return [replaced(item, path, change) for item in cast("list[Any]", content)]
    if not isinstance(content, dict) or path[0] not in content:
        return content
    held = cast("dict[str, Any]", content)
    return {**held, path[0]: replaced(held[path[0]], path[1:], change)}
