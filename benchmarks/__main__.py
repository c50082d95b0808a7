"""``make bench``: measure every row, print the table, keep it in ``build/bench``."""

import argparse
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from benchmarks import report, rows
from benchmarks.measuring import Effort, Result, measure
from benchmarks.stage import Stage

_ROOT = Path(__file__).parents[1]
_WIDTH = 140
_LONGEST = 570.0
"""Seconds; what is not measured by then is not, so that all ends within ten minutes."""
_LONGEST_LARGE = 3600.0
_AROUND = 6
"""Seconds that a row takes besides its rounds: its servers start, its records are written."""


def main(arguments: Sequence[str]) -> int:
    """Run the rows that are asked for; 0 unless a row failed."""
    given = _read(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))  # PostgreSQL is stopped then too
    names = given.only or (rows.LARGE if given.large else rows.NAMES)
    longest = _LONGEST_LARGE if given.large else _LONGEST
    rounds = given.rounds or _rounds(len(names), given.seconds)
    seconds, rounds = (1, 1) if given.quick else (given.seconds, rounds)
    effort = Effort(seconds, rounds, time.monotonic() + longest)
    console = Console(width=None if sys.stdout.isatty() else _WIDTH)
    measured = report.checkout(_ROOT)
    results = _run(names, effort, console)
    report.table(console, results)
    report.write(results, effort, given.results, measured)
    console.print(f"Written to {given.results}: latest.json and latest.svg")
    return 1 if any(result.failed for result in results) else 0


def _rounds(count: int, seconds: int) -> int:
    """Return how many rounds of each row ten minutes leave time for: 1 to 5."""
    return max(1, min(5, int((_LONGEST / count - _AROUND) / (2 * seconds))))


def _read(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", action="append", choices=rows.EVERY, help="only this row")
    parser.add_argument("--seconds", type=int, default=3, help="seconds of each side of a round")
    parser.add_argument("--rounds", type=int, help="rounds of each row; as time allows, 5 at most")
    parser.add_argument("--large", action="store_true", help="the rows of a million records")
    parser.add_argument("--quick", action="store_true", help="one round of one second")
    parser.add_argument("--results", type=Path, default=_ROOT / "build" / "bench")
    return parser.parse_args(arguments)


def _run(names: Sequence[str], effort: Effort, console: Console) -> list[Result]:
    place = Path(tempfile.mkdtemp(prefix="govblocks-bench-"))
    place.chmod(0o711)  # PostgreSQL runs as another user when root starts it
    results: list[Result] = []
    try:
        with Stage(place) as stage:
            for name in names:
                result = measure(name, rows.find(name), stage, effort)
                results.append(result)
                console.print(_line(result))
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return results


def _line(result: Result) -> str:
    if result.failure:
        return f"{result.row.title}: {result.failure}"
    low, high = result.spread
    return f"{result.row.title}: {result.ratio:.2f} ({low:.2f}-{high:.2f})"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
