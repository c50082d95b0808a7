"""Memory of a stack's processes while it works, and whether it stays what it was.

A process is charged with what is its own and with its part of what it shares (PSS). PostgreSQL's
shared buffers are left out: they are a fixed size that fills with the first reads.
"""

import os
import statistics
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

from drills.house import House

WEB, JOBS, POSTGRES = "web workers", "jobs process", "PostgreSQL"
GROUPS = (WEB, JOBS, POSTGRES)
_KINDS = {"web": WEB, "jobs": JOBS, "postgres": POSTGRES}
WARM_UP = 0.3
"""The part of the load that fills caches and pools; what comes after it is judged."""
MOST_GROWTH = 0.05
"""What part of its level a group may grow by after the warm-up and still count as flat."""
LEAST_SECONDS = 300.0
"""A judgement needs this many seconds after the warm-up; a shorter load is only told."""
_FEWEST = 5
_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Sample:
    """What each group of processes took, in bytes, at a moment in seconds since the start."""

    at: float
    taken: dict[str, int]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one group: its level and its growth after the warm-up."""

    group: str
    level: float
    growth: float
    """Bytes over all that was judged, by the median of the slopes between its samples."""
    seconds: float

    @property
    def is_judged(self) -> bool:
        """Tell whether the load was long enough to say anything."""
        return self.seconds >= LEAST_SECONDS

    @property
    def is_flat(self) -> bool:
        """Tell whether the group grew by no more than a small part of itself."""
        return self.growth <= MOST_GROWTH * self.level

    @property
    def said(self) -> str:
        """Return the verdict as it is told."""
        if not self.is_judged:
            return f"too short to say ({self.seconds:.0f} s of {LEAST_SECONDS:.0f})"
        return "flat" if self.is_flat else "GROWS"


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Return the median of the slopes between all pairs of points (Theil and Sen).

    A few samples taken in the middle of a large request do not move it.
    """
    slopes = [(b - a) / (t - s) for (s, a), (t, b) in combinations(points, 2) if t > s]
    return statistics.median(slopes) if slopes else 0.0


def judge(samples: Sequence[Sample], seconds: float) -> list[Verdict]:
    """Return the verdict on each group that was seen often enough after the warm-up."""
    found: list[Verdict] = []
    for group in GROUPS:
        points = [
            (each.at, float(each.taken[group]))
            for each in samples
            if each.at >= WARM_UP * seconds and group in each.taken
        ]
        if len(points) < _FEWEST:
            continue
        span = points[-1][0] - points[0][0]
        level = statistics.median(taken for _, taken in points)
        found.append(Verdict(group, level, slope(points) * span, span))
    return found


@dataclass
class Watch:
    """Samples the processes of one stack."""

    house: House
    began: float = field(default_factory=time.monotonic)
    kinds: dict[int, str] = field(default_factory=dict[int, str])
    unreadable: set[str] = field(default_factory=set[str])
    _sizes: list[tuple[float, dict[int, int]]] = field(
        default_factory=list[tuple[float, dict[int, int]]]
    )

    def sample(self) -> None:
        """Take a sample; who serves a connection now and then is a web worker all the time."""
        for process, kind in self.house.processes().items():
            if self.kinds.get(process) != "web":
                self.kinds[process] = kind
        sizes: dict[int, int] = {}
        for process, kind in self.kinds.items():
            group = [process, *(_below(process) if kind == "postgres" else ())]
            taken = [size for each in group if (size := self._pss(each, kind)) is not None]
            if taken:
                sizes[process] = sum(taken)
        self._sizes.append((time.monotonic() - self.began, sizes))

    @property
    def samples(self) -> list[Sample]:
        """Return what each group took, by what its processes turned out to be."""
        found: list[Sample] = []
        for at, sizes in self._sizes:
            taken: dict[str, int] = {}
            for process, size in sizes.items():
                group = _KINDS.get(self.kinds[process])
                if group:
                    taken[group] = taken.get(group, 0) + size
            found.append(Sample(at, taken))
        return found

    def _pss(self, process: int, kind: str) -> int | None:
        """Return the bytes of a process, None when it is gone or not ours to look at."""
        try:
            text = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="utf-8")
        except PermissionError:
            self.unreadable.add(_KINDS.get(kind, kind))
            return None
        except OSError:
            return None
        said = {name: int(rest.split()[0]) for name, rest in _lines(text)}
        return (said.get("Pss", 0) - said.get("Pss_Shmem", 0)) * 1024


def _lines(text: str) -> Iterable[tuple[str, str]]:
    """Return the names and values of a file of /proc."""
    for line in text.splitlines():
        name, colon, rest = line.partition(":")
        if colon and rest.strip().endswith("kB"):
            yield name, rest


def _below(process: int) -> list[int]:
    """Return the children of a process, none once it is gone."""
    try:
        text = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="utf-8")
    except OSError:
        return []
    return [int(each) for each in text.split()]


def megabytes(size: float) -> str:
    """Return a size as it is told."""
    return f"{size / _MIB:.1f}"


def can_measure() -> bool:
    """Tell whether this system says what processes take."""
    return Path(f"/proc/{os.getpid()}/smaps_rollup").exists()
