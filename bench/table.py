"""Measurements of several rounds as medians, ranges and ratios, in Markdown."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """What was measured: its heading, how a figure is written, and which way is better."""

    heading: str
    form: str
    higher_is_better: bool = False


def spread(values: Sequence[float], form: str) -> str:
    """The median of some figures and, where there are several, their range."""
    told = format(statistics.median(values), form)
    if len(values) < 2:
        return told
    return f"{told} [{min(values):{form}} {max(values):{form}}]"


def ratios(
    values: Sequence[float], of_plain: Sequence[float], *, higher_is_better: bool
) -> list[float]:
    """How many times better than the plain way, round by round: what slows both cancels out."""
    pairs = zip(values, of_plain, strict=True)
    return [v / p if higher_is_better else p / v for v, p in pairs]


def markdown(
    columns: Mapping[str, Column],
    measured: Mapping[str, Mapping[str, Sequence[float]]],
    plain: str,
) -> str:
    """A row for each peer: `measured[peer][name]` holds the figures of the column `name`.

    Beside each figure stands how many times better than `plain` it is.
    """
    rows = [["", *(column.heading for column in columns.values())], ["---"] * (len(columns) + 1)]
    for peer, figures in measured.items():
        cells = [peer]
        for name, column in columns.items():
            each = ratios(
                figures[name], measured[plain][name], higher_is_better=column.higher_is_better
            )
            cells.append(f"{spread(figures[name], column.form)} ({statistics.median(each):.1f}x)")
        rows.append(cells)
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
