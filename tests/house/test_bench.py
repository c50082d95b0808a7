"""The benchmark runs: one row, quickly, so that it cannot rot unnoticed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROW = "registry_read"


@pytest.fixture(scope="module")
def told(house: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run one row; return the folder it wrote."""
    folder = tmp_path_factory.mktemp("bench")
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick", "--only", ROW, "--results", folder],
        cwd=house,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_a_row_is_measured_beside_its_baseline(told: Path) -> None:
    said = json.loads((told / "latest.json").read_text(encoding="utf-8"))
    (row,) = said["rows"]
    assert row["name"] == ROW
    assert row["ours"]["perSecond"] > 0
    assert row["bare"]["perSecond"] > 0
    assert row["ratio"]["least"] <= row["ratio"]["median"] <= row["ratio"]["most"]


def test_the_run_says_where_it_was_measured(told: Path) -> None:
    said = json.loads((told / "latest.json").read_text(encoding="utf-8"))
    assert {"commit", "machine", "load", "at"} <= said.keys()


def test_the_plot_has_a_bar(told: Path) -> None:
    assert "Registry: read by content" in (told / "latest.svg").read_text(encoding="utf-8")
