"""The rows of the table, one file each, in the order of the table."""

import importlib

from benchmarks.row import Row

NAMES = (
    "registry_read",
    "registry_read_personal",
    "registry_create",
    "registry_create_entries",
    "gateway_http",
    "gateway_inside",
    "gateway_inside_two_workers",
    "consent_decision",
    "catalogue_search",
    "evidence_note",
    "evidence_proof",
    "messaging_accept",
    "nginx_proxy",
    "kinto_read",
)


def find(name: str) -> Row:
    """Return the row of this name."""
    row: Row = importlib.import_module(f"benchmarks.rows.{name}").ROW
    return row
