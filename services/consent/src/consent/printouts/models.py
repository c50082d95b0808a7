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

from consent.receipts.models import Issue, Standing, attributes, events, recipients

_TEXTS: Mapping[str, Any] = json.loads(
    (resources.files("consent.printouts") / "texts.json").read_text(encoding="utf-8")
)
_STYLE = """
:root{color-scheme:light}
body{margin:0;background:#fff;color:#1b1b1b;font:1rem/1.5 system-ui,sans-serif}
main{max-width:46rem;margin:0 auto;padding:1.5rem 1rem 3rem}
h1{margin:0;color:#505a5f;font-size:1rem;font-weight:600}
h2{margin:2.25rem 0 .25rem;font-size:1.2rem;line-height:1.3}
p{margin:.25rem 0 .75rem}
.purpose{margin:.25rem 0;font-size:1.6rem;line-height:1.25;font-weight:700}
.state{margin:1.25rem 0 0;padding:.75rem 1rem;border-left:.3rem solid #505a5f;background:#f3f3f3;
font-weight:600}
.given{border-color:#00703c;background:#eaf5ee}
.unsigned{border-color:#9c5700;background:#fdf3e4}
dl,ul{margin:0;padding:0;list-style:none}
dl div{padding:.6rem 0;border-top:1px solid #d0d4d7}
dt{color:#505a5f}
dd{margin:0}
dd,.purpose,.who{overflow-wrap:anywhere}
small{color:#505a5f;font-size:.875rem}
a{color:#0b4f8a}
table{border-collapse:collapse;width:100%}
th{color:#505a5f;font-weight:400}
th,td{padding:.6rem 1rem .6rem 0;border-top:1px solid #d0d4d7;text-align:left;vertical-align:top}
th:last-child,td:last-child{padding-right:0}
time span{white-space:nowrap}
code{font:.8125rem/1.5 ui-monospace,monospace}
@media(min-width:40rem){main{padding-top:3rem}dl div{display:grid;grid-template-columns:12rem 1fr}
th:first-child{width:12rem;padding-right:0}dd ul{columns:12rem}}
@media print{@page{margin:12mm}body{font-size:9pt;line-height:1.3}main{padding:0;max-width:none}
.purpose{font-size:14pt}.state{margin-top:.5rem;padding:.3rem .75rem}h2{margin-top:.7rem}
dl div,th,td{padding-top:.15rem;padding-bottom:.15rem;break-inside:avoid}
dl div{display:grid;grid-template-columns:11rem 1fr}code,small{font-size:8pt}}
"""
_DIGEST = b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_DIGEST}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
"""What a browser may do with the page: show it with its own style, nothing else."""
_OPEN = {Standing.GIVEN, Standing.UNSIGNED}
"""How a consent stands that can be withdrawn."""
_YEAR = 365.25
"""Days."""


def page(issue: Issue, language: str = "en") -> str:
    """Return the page in a language that ``texts.json`` has."""
    says = _TEXTS[language]
    sections = {"what": _list(says, _about(issue, says)), "history": _history(issue, says)}
    if issue.standing in _OPEN:
        sections["withdraw"] = f"<p>{escape(says['withdraw_how'])}</p>"
    sections["check"] = f"<p>{escape(says['check_how'])}</p>" + _list(says, _proof(issue))
    body = "".join(
        f'<section aria-labelledby="{name}"><h2 id="{name}">{escape(says[name])}</h2>{text}'
        "</section>"
        for name, text in sections.items()
    )
    title = escape(says["title"])
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body><main>"
        f"<h1>{title}</h1>{_head(issue, says)}{body}</main></body></html>"
    )


def _head(issue: Issue, says: Mapping[str, Any]) -> str:
    """Return what is read first: for what, by whom, and how it stands."""
    content = issue.kept.agreement_revision.object_data
    controller: Mapping[str, Any] = content.get("controller", {})
    member, standing = issue.kept.record.tenant, issue.standing.value
    who = " · ".join(dict.fromkeys([controller.get("name") or member, member]))
    return (
        f'<p class="purpose">{escape(content["purpose"])}</p><p class="who">{escape(who)}</p>'
        f'<p class="state {standing}">{escape(says["state"][standing])}</p>'
    )


def _about(issue: Issue, says: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    kept, content = issue.kept, issue.kept.agreement_revision.object_data
    policy: Mapping[str, Any] = content.get("policy", {})
    ends, basis = kept.record.choice.expires_at, content["lawfulBasis"]
    yield "attributes", _items(map(_attribute, attributes(kept)), says)
    yield "recipients", _items(map(escape, recipients(kept)), says)
    if content.get("dataSources"):
        yield "sources", _items(map(escape, content["dataSources"]), says)
    yield "basis", escape(says["bases"].get(basis, basis))
    if policy:
        yield "policy", _linked(f"{policy['name']} {policy['version']}", policy["url"])
    if policy.get("jurisdiction"):
        yield "jurisdiction", escape(policy["jurisdiction"])
    days = policy.get("dataRetentionPeriodDays")
    if days is not None:
        years = round(days / _YEAR)
        yield "kept", escape(says["years" if years > 1 else "days"].format(days=days, years=years))
    yield "ends", _time(f"{ends:%Y-%m-%d %H:%M}") if ends else escape(says["endless"])


def _proof(issue: Issue) -> Iterable[tuple[str, str]]:
    kept = issue.kept
    yield "record", _code(kept.record.id)
    yield "receipt", _code(issue.id)
    yield "issued", _time(f"{issue.at:%Y-%m-%d %H:%M:%S}")
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
    at = event["dpv:isIndicatedAtTime"][:16].replace("T", " ")
    cells = (_time(at, ""), escape(says["events"][event["@type"]]), escape(by))
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _list(says: Mapping[str, Any], rows: Iterable[tuple[str, str]]) -> str:
    said = (f"<div><dt>{escape(says[name])}</dt><dd>{text}</dd></div>" for name, text in rows)
    return f"<dl>{''.join(said)}</dl>"


def _items(names: Iterable[str], says: Mapping[str, Any]) -> str:
    found = [f"<li>{name}</li>" for name in names]
    return f"<ul>{''.join(found)}</ul>" if found else escape(says["none"])


def _attribute(said: Mapping[str, Any]) -> str:
    category = said.get("category")
    return escape(said["name"]) + (f" <small>{escape(category)}</small>" if category else "")


def _linked(name: str, url: str) -> str:
    """Return a name and its address; a link where it leads to the web and nowhere else."""
    address = escape(url)
    if url.startswith(("https://", "http://")):
        address = f'<a href="{address}">{address}</a>'
    return f"{escape(name)}<br>{address}"


def _time(text: str, zone: str = " UTC") -> str:
    """Return a time in UTC as people read it and as programs do."""
    day, clock = text.split(" ")
    said = f"<span>{day}</span> <span>{clock}{zone}</span>"
    return f'<time datetime="{day}T{clock}Z">{said}</time>'


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>"
