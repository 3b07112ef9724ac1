"""Results as tables for a terminal. Shows figures; computes none.

Print them on a console without markup: an interval in brackets would be taken for a style.
"""

from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from .metrics import Estimate
from .summary import MEASURES, Difference, Measure, Summary

# What a kind of question is told by: it has too few questions for the other measures.
_KIND_MEASURES = ("ndcg", "first_hit", "token_f1")
# Answering is right or wrong by the group's own answerability, so the two share a column.
_ANSWERABLE = {True: "all answerable", False: "all unanswerable"}
_DECISIONS = ("answered", "abstained")


def results(set_name: str, summaries: Sequence[Summary]) -> Group:
    """One table of all measures by language, then one per language by kind and answerability."""
    languages = [s.language for s in wholes(summaries) if s.language != "both"]
    return Group(
        _overall(set_name, wholes(summaries)),
        *(_by_group(language, summaries) for language in languages),
        Text("[ ] 95 % intervals by bootstrap over the rows of the set.", style="dim"),
    )


def wholes(summaries: Sequence[Summary]) -> list[Summary]:
    """The summaries that are not split by kind or answerability, one per language."""
    return [summary for summary in summaries if _is_whole(summary)]


def _is_whole(summary: Summary) -> bool:
    return summary.kind is None and summary.answerable is None


def _overall(set_name: str, summaries: Sequence[Summary]) -> Table:
    table = _table(set_name, "", *(f"{s.language} ({s.n})" for s in summaries))
    for label, cells in overall(summaries):
        table.add_row(label, *cells)
    return table


def overall(summaries: Sequence[Summary]) -> list[tuple[str, list[str]]]:
    """The name of each measure that any of the summaries has, and its cell for each of them."""
    return [
        (measure.label, [figure(measure, s) for s in summaries])
        for measure in MEASURES
        if any(measure.name in s.figures for s in summaries)
    ]


def _by_group(language: str, summaries: Sequence[Summary]) -> Table:
    header, rows = by_group(language, summaries)
    table = _table(f"By kind, {language}", *header)
    for label, cells in rows:
        if label == _ANSWERABLE[True]:
            table.add_section()
        table.add_row(label, *cells)
    return table


def by_group(
    language: str, summaries: Sequence[Summary]
) -> tuple[list[str], list[tuple[str, list[str]]]]:
    """The header, and for each kind and answerability its name and cells."""
    groups = [s for s in summaries if s.language == language and not _is_whole(s)]
    defined = [m for m in MEASURES if any(m.name in group.figures for group in groups)]
    columns = {m.label: [m] for m in defined if m.name in _KIND_MEASURES}
    decisions = [m for m in defined if m.name in _DECISIONS]
    if decisions:
        columns["answers/abstains rightly"] = decisions
    rows = [
        (_group_name(group), [str(group.n), *(_first(each, group) for each in columns.values())])
        for group in groups
    ]
    return ["", "n", *columns], rows


def _first(measures: Sequence[Measure], group: Summary) -> str:
    """The first of the measures that the group has."""
    found = next((m for m in measures if m.name in group.figures), measures[0])
    return figure(found, group, digits=2)


def _group_name(group: Summary) -> str:
    return group.kind or _ANSWERABLE[bool(group.answerable)]


def differences(found: Sequence[Difference]) -> Group:
    """One table per language: both figures, the change with its interval, the verdict on B."""
    languages = dict.fromkeys(each.language for each in found)
    return Group(
        *(_differences_in(language, found) for language in languages),
        Text(
            "Paired bootstrap, 95 %. At this level about one measure in twenty differs by luck.",
            style="dim",
        ),
    )


def _differences_in(language: str, found: Iterable[Difference]) -> Table:
    table = _table(language, "", "A", "B", "B - A", "B is")
    for each in found:
        if each.language == language:
            style = {"better": "green", "worse": "red"}.get(each.verdict, "dim")
            values = (_number(each.measure, value, 3) for value in (each.a, each.b))
            change = _with_interval(each.measure, each.change, 3, sign="+")
            table.add_row(each.measure.label, *values, change, Text(each.verdict, style))
    return table


def figure(measure: Measure, summary: Summary, digits: int = 3) -> str:
    """The figure with its interval, "-" where it is not defined."""
    estimate = summary.figures.get(measure.name)
    return _with_interval(measure, estimate, digits) if estimate else "-"


def _with_interval(measure: Measure, estimate: Estimate, digits: int, sign: str = "") -> str:
    numbers = (estimate.value, estimate.low, estimate.high)
    value, low, high = (_number(measure, number, digits, sign) for number in numbers)
    return f"{value} [{low} {high}]"


def _number(measure: Measure, value: float, digits: int, sign: str = "") -> str:
    if measure.milliseconds:
        return f"{value:{sign}.0f}" if abs(value) >= 10 else f"{value:{sign}.1f}"
    return f"{value:{sign}.{digits}f}".replace("0.", ".", 1)


def _table(title: str, first: str, *others: str) -> Table:
    table = Table(
        title=title,
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    table.add_column(first, overflow="fold")
    for other in others:
        table.add_column(other, justify="right", no_wrap=True)
    return table
