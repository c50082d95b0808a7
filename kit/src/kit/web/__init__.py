"""The door of every block: its application, its errors, its ids, its contract."""

from kit.web.application import Opening, create_app
from kit.web.contract import gate_of, operations, routes_of
from kit.web.door import request_id_of
from kit.web.links import leads_to
from kit.web.problems import ProblemDocument, may_answer, problem_response
from kit.web.releases import Release
from kit.web.requests import (
    Deciding,
    Evidence,
    JsonObject,
    Keys,
    Moment,
    Neighbours,
    Reading,
    Text,
    Transaction,
    gathered,
)

__all__ = [
    "Deciding",
    "Evidence",
    "JsonObject",
    "Keys",
    "Moment",
    "Neighbours",
    "Opening",
    "ProblemDocument",
    "Reading",
    "Release",
    "Text",
    "Transaction",
    "create_app",
    "gate_of",
    "gathered",
    "leads_to",
    "may_answer",
    "operations",
    "problem_response",
    "request_id_of",
    "routes_of",
]
