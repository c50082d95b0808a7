"""What an answer leads to: links between a contract's operations (OpenAPI 3.1, Link Object)."""

from collections.abc import Mapping
from typing import Any


def leads_to(
    status: int, *operations: str, **parameters: str
) -> Mapping[int | str, dict[str, Any]]:
    """Say which operations take what an answer with this status holds, for ``responses``.

    ``parameters`` are names of their parameters, each with a runtime expression such as
    ``$response.body#/id``.
    """
    links = {name: {"operationId": name, "parameters": parameters} for name in operations}
    return {status: {"links": links}}
