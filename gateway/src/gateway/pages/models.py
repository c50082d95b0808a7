"""The gateway's pages as HTML: plain, valid, and complete without any other host."""

from collections.abc import Sequence
from html import escape

POLICY = (
    "default-src 'none'; style-src 'self' 'unsafe-inline'; script-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
START = """\
const place = document.getElementById("swagger-ui");
SwaggerUIBundle({url: place.dataset.document, domNode: place, deepLinking: true,
  validatorUrl: null});
"""
_INDEX = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>GovBlocks information mediator: {instance}</title>
<style>
body {{ font: 1.1rem/1.6 system-ui, sans-serif; max-width: 42rem; margin: 0 auto;
  padding: 1rem; color: #1b1b1b; background: #fff }}
a {{ color: #00497a }}
</style>
</head>
<body>
<main>
<h1>GovBlocks information mediator</h1>
<p>This is the gateway of the GovStack instance <strong>{instance}</strong>. Applications reach
each other's services through it: every exchange is identified, allowed, forwarded unchanged and
logged.</p>
<h2>How its services are called</h2>
<ul>
{pages}
</ul>
<h2>More</h2>
<ul>
<li><a href="/listClients">Members and applications</a></li>
<li><a href="/health">Health of the gateway and its blocks</a></li>
<li><a href="/.well-known/jwks.json">Public keys of the gateway</a></li>
</ul>
</main>
</body>
</html>
"""
_DOCS = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{block}: how it is called</title>
<link rel="stylesheet" href="/docs/assets/swagger-ui.css">
<link rel="icon" href="/docs/assets/favicon-32x32.png">
</head>
<body>
<main id="swagger-ui" data-document="/docs/{block}/openapi.json"></main>
<noscript><p>The description itself: <a href="/docs/{block}/openapi.json">OpenAPI</a></p></noscript>
<script src="/docs/assets/swagger-ui-bundle.js"></script>
<script src="/docs/assets/start.js"></script>
</body>
</html>
"""


def index(instance: str, blocks: Sequence[str]) -> str:
    """Return the first page."""
    pages = "\n".join(
        f'<li><a href="/docs/{escape(block)}">{escape(block)}</a></li>' for block in blocks
    )
    return _INDEX.format(instance=escape(instance), pages=pages)


def documentation(block: str) -> str:
    """Return the page on which a block's operations can be read and tried."""
    return _DOCS.format(block=escape(block))
