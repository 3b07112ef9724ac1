"""A few of the faults of faults.py; docs/reliability.md tells of a run of many."""

import os
import subprocess
import sys

import pytest
from conftest import ROOT


@pytest.mark.parametrize("limit", [[], ["--limit-files"]], ids=["small disk", "small files"])
def test_an_index_outlives_random_faults(limit: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "tests/faults.py", "--faults", "13", "--seed", "7", *limit],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "13 faults, on a" in done.stdout
