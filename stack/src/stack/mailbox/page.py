"""The pages that people read."""

from html import escape

from starlette.responses import HTMLResponse, Response

from stack.mailbox.messages import Message, spell, stamp

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}

_STYLE = """
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 52rem; margin: 0 auto; padding: 1rem; }
ol { list-style: none; padding: 0; }
li, dl { border-top: 1px solid #888; padding: .75rem 0; margin: 0; }
li p { margin: 0; }
dt { font-weight: bold; }
dd { margin: 0 0 .25rem; }
p, dd, h1, h2, a { overflow-wrap: anywhere; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font: inherit; }
iframe { width: 100%; height: 30rem; border: 1px solid #888; background: #fff; }
"""

_NOTE = "For development only: no message is delivered, and all are in memory until it stops."


def list_page(found: list[Message]) -> Response:
    """Show the messages in a list."""
    items = "\n".join(_item(message) for message in found)
    listing = f"<ol>\n{items}\n</ol>" if found else "<p>There are no messages yet.</p>"
    return _page("Mailbox", f"<h1>Mailbox</h1>\n<p>{_NOTE}</p>\n{listing}")


def message_page(message: Message | None) -> Response:
    """Show one message, or that it is not here."""
    back = '<p><a href="/">All messages</a></p>'
    if message is None:
        missing = "This message is not here, or is no longer."
        return _page("No message", f"{back}\n<h1>No message</h1>\n<p>{missing}</p>", 404)
    subject = message.subject or "(no subject)"
    content = "\n".join([back, f"<h1>{escape(subject)}</h1>", _facts(message), _parts(message)])
    return _page(subject, content)


def _item(message: Message) -> str:
    subject = escape(message.subject or "(no subject)")
    return (
        f'<li><h2><a href="/view/{escape(message.id)}">{subject}</a></h2>\n'
        f"<p>From {escape(spell(message.sender))} to "
        f"{escape(spell(*message.to, *message.cc, *message.bcc))}, {_moment(message)}</p>\n"
        f"<p>{escape(message.snippet)}</p></li>"
    )


def _facts(message: Message) -> str:
    facts = {
        "From": escape(spell(message.sender)),
        "To": escape(spell(*message.to)),
        "Cc": escape(spell(*message.cc)),
        "Bcc": escape(spell(*message.bcc)),
        "Received": _moment(message),
        "Attachments": str(message.attachments or ""),
    }
    rows = [f"<dt>{name}</dt><dd>{value}</dd>" for name, value in facts.items() if value]
    return "<dl>\n" + "\n".join(rows) + "\n</dl>"


def _parts(message: Message) -> str:
    """Show the texts; HTML in a frame that runs no script and loads nothing."""
    parts: list[str] = []
    if message.text or not message.html:
        parts.append(f"<h2>Text</h2>\n<pre>{escape(message.text)}</pre>")
    if message.html:
        framed = f'<iframe title="HTML of the message" sandbox="" srcdoc="{escape(message.html)}">'
        parts.append(f"<h2>HTML</h2>\n{framed}</iframe>")
    return "\n".join(parts)


def _moment(message: Message) -> str:
    spelt = f"{message.received_at:%Y-%m-%d %H:%M:%S} UTC"
    return f'<time datetime="{stamp(message.received_at)}">{spelt}</time>'


def _page(title: str, content: str, status: int = 200) -> Response:
    document = (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)} · development mailbox</title>\n<style>{_STYLE}</style>\n"
        f"</head>\n<body>\n<main>\n{content}\n</main>\n</body>\n</html>\n"
    )
    return HTMLResponse(document, status_code=status, headers=_HEADERS)
