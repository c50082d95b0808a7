"""Ten consent records of a list of a million, 900,000 behind its beginning: as fast as there."""

from collections.abc import Generator
from contextlib import contextmanager

from benchmarks import consents
from benchmarks.row import Pair, Row, Target
from benchmarks.stage import Stage

_PATH = "/service/verification/consent-records/"
_DEPTH = 900_000
_LIMIT = 10


@contextmanager
def pair(stage: Stage) -> Generator[Pair]:
    """Compare a page far behind in the list of a member with its first page."""
    consents.records(stage, consents.LARGE)
    url, carried = stage.block("consent"), stage.assertions("consent")
    with stage.client("consent", url) as client:
        answer = client.get(f"{_PATH}?offset={_DEPTH - 1}&limit=1").raise_for_status()
    deep = Target(f"{url}{_PATH}{answer.json()['next']}", assertions=carried)
    first = Target(f"{url}{_PATH}?limit={_LIMIT}", assertions=carried)
    yield Pair(Target(deep.url.replace("limit=1&", f"limit={_LIMIT}&"), assertions=carried), first)


ROW = Row("Consent: records, a page behind 900,000", "the first page of the list", pair, goal=0.9)
