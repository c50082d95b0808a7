"""What is told of a run: a table for the terminal, JSON for machines, a plot for people."""

import json
import os
import platform
import statistics
import subprocess
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from rich.console import Console
from rich.table import Table

from benchmarks.load import CONNECTIONS, generator
from benchmarks.measuring import Effort, Result, Round
from benchmarks.row import Row

_WIDTH, _LEFT, _RIGHT, _TOP, _STEP, _BAR = 960, 330, 90, 84, 34, 16
_LONGEST = 2.0
"""The ratio at the right edge; the bar of a greater one ends there, with its number beside it."""
_FONT = 'font-family="system-ui, sans-serif" font-size="13" fill="#1b1b1b"'
_BLACK = 'stroke="#1b1b1b" stroke-width="2"'


def table(console: Console, results: Sequence[Result]) -> None:
    """Print the table of ratios."""
    shown = Table(title="GovBlocks beside its baselines", title_justify="left")
    for heading in ("row", "beside"):
        shown.add_column(heading, no_wrap=True)
    for heading in ("ours/s", "base/s", "ratio", "spread", "goal"):
        shown.add_column(heading, justify="right", no_wrap=True)
    for result in results:
        shown.add_row(*_cells(result))
    console.print(shown)
    for result in results:
        if said := result.failure or _refused(result):
            console.print(f"{result.row.title}: {said}", markup=False)


def _refused(result: Result) -> str:
    refused = statistics.median(result.over(lambda each: each.base.refused))
    return f"{result.row.base} refused {refused:.0%}, which its rate leaves out" if refused else ""


def _cells(result: Result) -> tuple[str, ...]:
    name, base = result.row.title, result.row.base
    if result.failure:
        return name, "not measured", "", "", "", "", ""
    low, high = result.spread
    goal = result.row.goal
    verdict = "" if goal is None else f"{goal:.2f} " + ("met" if result.ratio >= goal else "missed")
    ours = _median(result, lambda each: each.ours.rate)
    beside = _median(result, lambda each: each.base.rate)
    spread = f"{low:.2f}-{high:.2f}"
    return name, base, f"{ours:,.0f}", f"{beside:,.0f}", f"{result.ratio:.2f}", spread, verdict


def _median(result: Result, number: Callable[[Round], float]) -> float:
    return statistics.median(result.over(number))


# -- JSON ----------------------------------------------------------------------------------------


def checkout(root: Path) -> dict[str, Any]:
    """Return what is measured: the commit, and whether files differ from it; asked at the start."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _git(root, "rev-parse", "HEAD"),
        "changed": bool(_git(root, "status", "--porcelain", "--untracked-files=no")),
    }


def document(
    results: Sequence[Result], effort: Effort, measured: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the whole run: machine, commit, and every round of every row."""
    return {
        **measured,
        "machine": _machine(),
        "load": {
            "generator": generator(),
            "connections": CONNECTIONS,
            "rounds": effort.rounds,
            "secondsEach": effort.seconds,
        },
        "rows": [_row(result) for result in results],
    }


def _row(result: Result) -> dict[str, Any]:
    said: dict[str, Any] = {
        "name": result.name,
        "title": result.row.title,
        "base": result.row.base,
        "goal": result.row.goal,
        "loadAverageBefore": round(result.load_average, 2),
    }
    if result.failure or not result.rounds:
        return said | {"failure": result.failure or "no round was measured"}
    low, high = result.spread
    ours = _side(result, "ours")
    base = _side(result, "base")
    ratio = {"median": round(result.ratio, 3), "least": round(low, 3), "most": round(high, 3)}
    return said | {"ratio": ratio, "ours": ours, "bare": base}


def _side(result: Result, side: str) -> dict[str, Any]:
    outcomes = [getattr(each, side) for each in result.rounds]
    rates = [round(each.rate, 1) for each in outcomes]
    return {
        "perSecond": round(statistics.median(rates), 1),
        "rounds": rates,
        "medianMs": round(statistics.median(each.median_ms for each in outcomes), 2),
        "p99Ms": round(statistics.median(each.slow_ms for each in outcomes), 2),
        "refused": round(statistics.median(each.refused for each in outcomes), 3),
    }


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(  # noqa: S603  our own arguments, no shell
        ["git", *arguments],  # noqa: S607  the git that made the checkout
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip()


def _machine() -> dict[str, Any]:
    processor = platform.processor() or platform.machine()
    described = Path("/proc/cpuinfo")
    if described.exists():
        lines = described.read_text(encoding="utf-8").splitlines()
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
        processor = names[0] if names else processor
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "system": platform.platform(),
        "processor": processor,
        "cores": os.cpu_count(),
        "memoryGiB": round(memory / 2**30, 1),
        "python": platform.python_version(),
    }


# -- the plot ------------------------------------------------------------------------------------


def plot(results: Sequence[Result], about: str) -> str:
    """Return the plot as SVG: a bar for each row, a line over its spread, a mark at its goal."""
    shown = [result for result in results if not result.failure]
    longest = min(_LONGEST, max([1.0, *(result.spread[1] for result in shown)]) * 1.05)
    height = _TOP + _STEP * len(shown) + 60
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" {_FONT}>',
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
        _text(20, 30, "Our requests a second, as a part of the baseline's", 'font-size="18"'),
        _text(20, 52, about, 'fill="#595959"'),
        *_grid(longest, height),
    ]
    for number, result in enumerate(shown):
        parts += _bar(result, _TOP + _STEP * number, longest)
    note = "Bar: median of the rounds. Black line: least to most. Red mark: the goal."
    parts.append(_text(20, height - 14, note, 'fill="#595959"'))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _across(ratio: float, longest: float) -> float:
    return round(_LEFT + min(ratio / longest, 1.0) * (_WIDTH - _LEFT - _RIGHT), 1)


def _text(x: float, y: float, text: str, more: str = "") -> str:
    return f'<text x="{x}" y="{y}" {more}>{escape(text)}</text>'


def _line(x: float, y: float, x2: float, y2: float, more: str) -> str:
    return f'<line x1="{x}" y1="{y}" x2="{x2}" y2="{y2}" {more}/>'


def _grid(longest: float, height: int) -> list[str]:
    step = 0.25
    marks = [step * number for number in range(int(longest / step) + 1)]
    bottom = height - 50
    lines: list[str] = []
    for mark in marks:
        x = _across(mark, longest)
        lines.append(_line(x, _TOP - 8, x, bottom, 'stroke="#d0d0d0"'))
        lines.append(_text(x, bottom + 16, f"{mark:g}", 'text-anchor="middle" fill="#595959"'))
    return lines


def _said(row: Row) -> str:
    """Return a row's title, and the peer's name where it has one."""
    return row.title if " " in row.base else f"{row.title} / {row.base}"


def _bar(result: Result, y: float, longest: float) -> list[str]:
    start, end = _across(0, longest), _across(result.ratio, longest)
    low, high = (_across(each, longest) for each in result.spread)
    middle = y + _BAR / 2
    width = round(end - start, 1)
    parts = [
        _text(start - 10, middle + 4, _said(result.row), 'text-anchor="end"'),
        f'<rect x="{start}" y="{y}" width="{width}" height="{_BAR}" fill="#2f6db5"/>',
        _line(low, middle, high, middle, 'stroke="#1b1b1b" stroke-width="2"'),
        *(
            _line(x, y + 3, x, y + _BAR - 3, 'stroke="#1b1b1b" stroke-width="2"')
            for x in (low, high)
        ),
        _text(_WIDTH - _RIGHT + 16, middle + 4, f"{result.ratio:.2f}", 'font-weight="600"'),
    ]
    if result.row.goal is not None:
        x = _across(result.row.goal, longest)
        parts.append(_line(x, y - 4, x, y + _BAR + 4, 'stroke="#c0392b" stroke-width="3"'))
    return parts


def write(
    results: Sequence[Result], effort: Effort, folder: Path, measured: Mapping[str, Any]
) -> None:
    """Write ``latest.json`` and ``latest.svg``."""
    folder.mkdir(parents=True, exist_ok=True)
    said = document(results, effort, measured)
    (folder / "latest.json").write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")
    machine = said["machine"]
    about = (
        f"{said['at'][:10]}, {said['commit'][:8]}{' and changes' if said['changed'] else ''}; "
        f"{machine['processor']}, {machine['cores']} cores; "
        f"{effort.rounds} rounds of {effort.seconds} s each, {CONNECTIONS} connections"
    )
    (folder / "latest.svg").write_text(plot(results, about), encoding="utf-8")
