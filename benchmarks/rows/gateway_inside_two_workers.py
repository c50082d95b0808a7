"""The read through the gateway in process, with two workers."""

from functools import partial

from benchmarks.row import Row
from benchmarks.rows.gateway_inside import pair

ROW = Row(
    "Gateway in process, two workers: the read",
    "the block directly, one process",
    partial(pair, workers=2),
    goal=0.6,
)
