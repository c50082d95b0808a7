"""The rows of the table, one file each, in the order of the table."""

import importlib

from benchmarks.row import Row

NAMES = (
    "registry_read",
    "registry_read_by_id",
    "registry_read_personal",
    "registry_create",
    "registry_create_entries",
    "gateway_http",
    "gateway_inside",
    "gateway_inside_two_workers",
    "consent_decision",
    "consent_signing",
    "catalogue_search",
    "evidence_note",
    "evidence_proof",
    "messaging_accept",
    "nginx_proxy",
    "kinto_read",
    "kinto_create",
    "kinto_list",
)

LARGE = (
    "million_read",
    "million_exists",
    "million_list",
    "million_search",
    "consent_decision_million",
    "consent_list_million",
)
"""Rows that need a million records: they take many minutes, and are asked for with ``--large``."""
EVERY = (*NAMES, *LARGE)


def find(name: str) -> Row:
    """Return the row of this name."""
    row: Row = importlib.import_module(f"benchmarks.rows.{name}").ROW
    return row
