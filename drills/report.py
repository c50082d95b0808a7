"""The drill's tables: what was reached, how long answers took, what went wrong, what held."""

from collections import Counter

from rich.console import Console
from rich.table import Table

from drills import requests
from drills.kills import SERVES_WITHIN, Kill
from drills.load import Attempt, Load, Memory
from drills.promises import Promise

console = Console(highlight=False, width=150)
_HUNDRED = 100


def tell(load: Load, kills: list[Kill], promises: list[Promise]) -> None:
    """Print everything."""
    first = load.memory.first()
    _reached(load, first)
    _latencies(load, kills, first)
    _faults(load.memory)
    _promises(promises)


def complaints(found: Counter[str]) -> None:
    """Print the errors that the stack wrote on its output."""
    for line, times in found.most_common(8):
        console.print(f"The stack wrote {times} times: {line.strip()}", markup=False)


def _reached(load: Load, first: list[Attempt]) -> None:
    well = [each for each in first if each.succeeded]
    span = max((each.done for each in first), default=load.seconds)
    late = sorted(each.sent - each.due for each in first)
    console.print(
        f"\n{len(first)} requests were due at {load.rate:g}/s; {len(well)} were answered with "
        f"success the first time, {len(well) / max(span, load.seconds):.0f}/s. The client itself "
        f"was late by {_percentile(late, 50) * 1000:.0f} ms in the middle, "
        f"{_percentile(late, 99) * 1000:.0f} ms at p99."
    )


def _latencies(load: Load, kills: list[Kill], first: list[Attempt]) -> None:
    table = Table("when", "due", "p50 ms", "p95 ms", "p99 ms", "max ms", "no success")
    begun = kills[0].at if kills else load.seconds
    phases = {"before the first kill": [each for each in first if each.due < begun]}
    for kill in kills:
        end = kill.at + SERVES_WITHIN
        phases[f"10 s after the {kill.what} kill at {kill.at:.0f} s"] = [
            each for each in first if kill.at <= each.due < end
        ]
    last = kills[-1].at + SERVES_WITHIN if kills else load.seconds
    phases["after all"] = [each for each in first if each.due >= last]
    for name, some in phases.items():
        took = sorted(each.done - each.due for each in some if each.succeeded)
        cells = [f"{_percentile(took, share) * 1000:.0f}" for share in (50, 95, 99, _HUNDRED)]
        table.add_row(name, str(len(some)), *cells, str(len(some) - len(took)))
    console.print(table)


def _percentile(ordered: list[float], share: int) -> float:
    if not ordered:
        return 0.0
    return ordered[min(len(ordered) - 1, len(ordered) * share // _HUNDRED)]


def _faults(memory: Memory) -> None:
    table = Table("request", "sent", "repeated", "success", "not, by what came instead")
    for kind in requests.KINDS:
        some = [each for each in memory.attempts if each.kind == kind]
        well = sum(each.succeeded for each in some)
        again = sum(each.tries > 1 for each in some)
        faults: Counter[str] = memory.faults(some)
        told = ", ".join(f"{n} times {what}" for what, n in faults.most_common()) or "-"
        table.add_row(kind, str(len(some)), str(again), str(well), told)
    console.print(table)


def _promises(promises: list[Promise]) -> None:
    table = Table("promise", "held", "counted")
    for each in promises:
        table.add_row(each.name, "yes" if each.held else "NO", each.said)
    console.print(table)
    for each in promises:
        if not each.held:
            console.print(f"Broken: {each.name}: {each.said}")
