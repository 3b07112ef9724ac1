"""The parts of the benchmark that can be computed by hand. What it measures is not tested."""

import sys

import pytest

from bench import child
from bench.passages import LONGEST, one_line, read_passages
from bench.table import Column, markdown, ratios, spread
from index import OpcitError


def test_ratios_say_how_many_times_better_round_by_round() -> None:
    assert ratios([10.0, 30.0], [5.0, 10.0], higher_is_better=True) == [2.0, 3.0]
    assert ratios([2.0, 1.0], [5.0, 10.0], higher_is_better=False) == [2.5, 10.0]


def test_a_spread_is_the_median_and_the_range() -> None:
    assert spread([3.0, 1.0, 2.0], ".1f") == "2.0 [1.0 3.0]"
    assert spread([2.0], ".0f") == "2"


def test_the_table() -> None:
    columns = {"rate": Column("a second", ".0f", higher_is_better=True), "ms": Column("ms", ".1f")}
    measured = {
        "ours": {"rate": [40.0, 60.0, 50.0], "ms": [2.0, 2.0, 2.0]},
        "plain": {"rate": [10.0, 20.0, 10.0], "ms": [4.0, 5.0, 6.0]},
    }
    assert markdown(columns, measured, "plain").splitlines() == [
        "|  | a second | ms |",
        "| --- | --- | --- |",
        "| ours | 50 [40 60] (4.0x) | 2.0 [2.0 2.0] (2.5x) |",
        "| plain | 10 [10 20] (1.0x) | 5.0 [4.0 6.0] (1.0x) |",
    ]


def test_the_passages_are_different_lines_that_opcit_does_not_cut() -> None:
    passages = read_passages(None, 10_000)
    assert len({*passages}) == 10_000
    assert all(passage == one_line(passage) for passage in passages)
    assert max(map(len, passages)) <= LONGEST
    assert one_line("mot \n" * 500) == ("mot " * (LONGEST // 4)).strip()
    with pytest.raises(OpcitError, match="not 1000000"):
        read_passages(None, 1_000_000)


def test_a_child_is_measured_and_heard() -> None:
    busy = "import json; sum(range(10**6)); print('a notice'); print(json.dumps({'loaded': 1}))"
    cost = child.run([sys.executable, "-c", busy])
    assert cost.said == {"loaded": 1}
    assert cost.seconds > 0
    with pytest.raises(OpcitError, match="no such thing"):
        child.run([sys.executable, "-c", "raise SystemExit('no such thing')"])
