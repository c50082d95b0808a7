"""A receipt as one HTML page: no script, nothing from elsewhere, everything escaped.

Its words are in ``texts.json``, by language.
"""

import hashlib
import json
from base64 import b64encode
from collections.abc import Iterable, Mapping
from html import escape
from importlib import resources
from typing import Any

from consent.receipts.models import Issue, attributes, events, recipients

_TEXTS: Mapping[str, Any] = json.loads(
    (resources.files("consent.printouts") / "texts.json").read_text(encoding="utf-8")
)
_STYLE = """
:root{color-scheme:light}
body{margin:0;background:#fff;color:#1b1b1b;font:1rem/1.5 system-ui,sans-serif}
main{max-width:46rem;margin:0 auto;padding:1rem}
h1{font-size:1.6rem;margin:.5rem 0}
h2{font-size:1.15rem;margin:1.5rem 0 .5rem;border-bottom:1px solid #767676}
.state{padding:.75rem 1rem;border-left:.4rem solid #0b4f8a;background:#eef4fa;font-weight:600}
dl{margin:0}
dt{font-weight:600}
dd{margin:0 0 .5rem;overflow-wrap:anywhere}
dd ul{margin:0;padding-left:1.2rem}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:.35rem .5rem .35rem 0;
border-bottom:1px solid #767676}
td{overflow-wrap:anywhere}
code{font:.85rem/1.4 ui-monospace,monospace}
@media(min-width:40rem){dl{display:grid;grid-template-columns:13rem 1fr;column-gap:1rem}}
@media print{@page{margin:12mm}body{font-size:9.5pt;line-height:1.3}main{padding:0;max-width:none}
h2{margin:.6rem 0 .2rem}dd{margin-bottom:.15rem}tr{break-inside:avoid}
dl{display:grid;grid-template-columns:11rem 1fr;column-gap:1rem}code{font-size:8pt}}
"""
_DIGEST = b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_DIGEST}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
"""What a browser may do with the page: show it with its own style, nothing else."""


def page(issue: Issue, language: str = "en") -> str:
    """Return the page in a language that ``texts.json`` has."""
    says = _TEXTS[language]
    sections = (
        ("what", _list(says, _about(issue, says))),
        ("history", _history(issue, says)),
        ("withdraw", f"<p>{escape(says['withdraw_how'])}</p>"),
        ("check", f"<p>{escape(says['check_how'])}</p>" + _list(says, _proof(issue))),
    )
    body = "".join(
        f'<section aria-labelledby="{name}"><h2 id="{name}">{escape(says[name])}</h2>{text}'
        "</section>"
        for name, text in sections
    )
    title = escape(says["title"])
    state = escape(says["state"][issue.standing.value])
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body><main>"
        f'<h1>{title}</h1><p class="state">{state}</p>{body}</main></body></html>'
    )


def _about(issue: Issue, says: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    kept, content = issue.kept, issue.kept.agreement_revision.object_data
    controller: Mapping[str, Any] = content.get("controller", {})
    policy: Mapping[str, Any] = content.get("policy", {})
    ends = kept.record.choice.expires_at
    named = ", ".join(dict.fromkeys([controller.get("name") or "", kept.record.tenant]))
    yield "purpose", escape(content["purpose"])
    yield "controller", escape(named.removeprefix(", "))
    yield "attributes", _items((each["name"] for each in attributes(kept)), says)
    yield "recipients", _items(recipients(kept), says)
    if content.get("dataSources"):
        yield "sources", _items(content["dataSources"], says)
    yield "basis", escape(content["lawfulBasis"].replace("_", " "))
    if policy:
        yield "policy", escape(f"{policy['name']} {policy['version']}: {policy['url']}")
    if policy.get("jurisdiction"):
        yield "jurisdiction", escape(policy["jurisdiction"])
    if policy.get("dataRetentionPeriodDays") is not None:
        yield "kept", escape(says["days"].format(days=policy["dataRetentionPeriodDays"]))
    yield "ends", escape(f"{ends:%Y-%m-%d %H:%M} UTC" if ends else says["endless"])


def _proof(issue: Issue) -> Iterable[tuple[str, str]]:
    kept = issue.kept
    yield "record", _code(kept.record.id)
    yield "receipt", _code(issue.id)
    yield "issued", escape(f"{issue.at:%Y-%m-%d %H:%M:%S}")
    yield "digest", _code(kept.revision.hash_sha256)
    entry = issue.entries.get(kept.revision.id)
    if entry:
        yield "entry", _code(entry)
    yield "address", _code(f"{issue.base}/service/receipt/verify/")


def _history(issue: Issue, says: Mapping[str, Any]) -> str:
    heads = "".join(
        f'<th scope="col">{escape(says[name])}</th>' for name in ("when", "event", "by")
    )
    rows = "".join(_row(event, says) for event in events(issue))
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"


def _row(event: Mapping[str, Any], says: Mapping[str, Any]) -> str:
    who = event.get("dpv:isIndicatedBy")
    by = "" if who is None else says["you" if who == "dpv:DataSubject" else "representative"]
    at = event["dpv:isIndicatedAtTime"][:19].replace("T", " ")
    cells = (at, says["events"][event["@type"]], by)
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"


def _list(says: Mapping[str, Any], rows: Iterable[tuple[str, str]]) -> str:
    said = (f"<dt>{escape(says[name])}</dt><dd>{text}</dd>" for name, text in rows)
    return f"<dl>{''.join(said)}</dl>"


def _items(names: Iterable[str], says: Mapping[str, Any]) -> str:
    found = [f"<li>{escape(name)}</li>" for name in names]
    return f"<ul>{''.join(found)}</ul>" if found else escape(says["none"])


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>"
