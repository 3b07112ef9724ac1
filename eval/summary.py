"""Sums up rows: every measure for every language, kind and answerability; and two runs compared.

    summarise(rows) -> [Summary]          figures with 95 % intervals
    compare(rows_a, rows_b) -> [Difference]   paired, question by question

The one list of measures (`MEASURES`) is here. Intervals draw rows of the question set, so that
the French and the English wording of a question are drawn together. They are not corrected for
looking at many measures at once.

Does not know: how rows were made, or how figures are shown.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from . import metrics
from .metrics import Array, Estimate, Statistic
from .run import Row

Rows = Sequence[Row]


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure over rows: `statistic(rows)` takes weights of shape (rounds, len(rows))."""

    name: str
    label: str
    meaning: str
    statistic: Callable[[Rows], Statistic]
    lower_is_better: bool = False
    milliseconds: bool = False


def _mean(value: Callable[[Row], float | None]) -> Callable[[Rows], Statistic]:
    """The mean over the rows that have the value."""

    def over(rows: Rows) -> Statistic:
        values, mask = _column(value(row) for row in rows)
        return lambda weights: metrics.mean(weights * mask, values)

    return over


def _confidence(
    measure: Callable[[Array, Array, Array], Array],
    outcome: Callable[[Row], float | None],
) -> Callable[[Rows], Statistic]:
    """A measure of confidence against an outcome, over the rows that have both."""

    def over(rows: Rows) -> Statistic:
        scores, scored = _column(row.confidence for row in rows)
        outcomes, known = _column(outcome(row) for row in rows)
        return lambda weights: measure(weights * scored * known, scores, outcomes)

    return over


def _time(share: float) -> Callable[[Rows], Statistic]:
    def over(rows: Rows) -> Statistic:
        values = np.array([1000 * row.seconds for row in rows])
        return lambda weights: metrics.quantile(weights, values, share)

    return over


def _column(values: Iterable[float | None]) -> tuple[Array, Array]:
    """Values with 0 for None, and a mask of 1 and 0."""
    found = list(values)
    mask = np.array([value is not None for value in found], dtype=float)
    return np.array([value or 0.0 for value in found]), mask


def right(row: Row) -> float:
    """1.0 if the first citation meets the gold evidence; any answer without gold is wrong."""
    return row.first_hit or 0.0


MEASURES = (
    Measure(
        "ndcg",
        "nDCG@10",
        "answerable questions: how near the top the passage with the gold answer stands",
        _mean(lambda row: row.ndcg),
    ),
    Measure("recall_1", "R@1", "the gold passage comes first", _mean(lambda row: row.recall_1)),
    Measure(
        "recall_10",
        "R@10",
        "the gold passage is among the first ten",
        _mean(lambda row: row.recall_10),
    ),
    Measure(
        "first_hit",
        "first citation hits",
        "answerable questions: the first citation overlaps the gold evidence; abstaining fails",
        _mean(lambda row: row.first_hit),
    ),
    Measure(
        "any_hit",
        "any citation hits",
        "the same for any of the citations",
        _mean(lambda row: row.any_hit),
    ),
    Measure(
        "exact_match",
        "exact match",
        "answerable questions: the short answer is a gold answer, after normalising",
        _mean(lambda row: row.exact_match),
    ),
    Measure(
        "token_f1",
        "token F1",
        "answerable questions: words shared by the short answer and the nearest gold answer",
        _mean(lambda row: row.token_f1),
    ),
    Measure(
        "citations_exact",
        "citations exact",
        "of all citations of an answer, those that are their document's text at their place",
        _mean(lambda row: row.citations_exact),
    ),
    Measure(
        "span_precision",
        "span precision",
        "answers to answerable questions: the share of the first citation's characters that is "
        "gold evidence",
        _mean(lambda row: row.span_precision),
    ),
    Measure(
        "span_recall",
        "span recall",
        "the same: the share of the gold evidence's characters that is cited",
        _mean(lambda row: row.span_recall),
    ),
    Measure(
        "auroc",
        "AUROC answerable",
        "how often an answerable question gets more confidence than an unanswerable one",
        _confidence(metrics.auroc, lambda row: float(row.answerable)),
    ),
    Measure(
        "answered",
        "answered if answerable",
        "the share of answerable questions that get an answer, right or wrong",
        _mean(lambda row: row.answered if row.answerable else None),
    ),
    Measure(
        "abstained",
        "abstained if not",
        "the share of unanswerable questions that get none",
        _mean(lambda r: None if r.answerable or r.answered is None else 1 - r.answered),
    ),
    Measure(
        "risk_area",
        "area under risk",
        "all questions, by falling confidence: the mean share of wrong ones among those before; "
        "no citation on the gold evidence is wrong, and so is an abstention",
        _confidence(metrics.area_under_risk, right),
        lower_is_better=True,
    ),
    Measure(
        "calibration_error",
        "calibration error",
        "answers given: how far confidence is from the share of right ones, in ten bins",
        _confidence(metrics.calibration_error, lambda row: right(row) if row.answered else None),
        lower_is_better=True,
    ),
    Measure(
        "p50",
        "time p50, ms",
        "half of the questions take at most so long",
        _time(0.5),
        lower_is_better=True,
        milliseconds=True,
    ),
    Measure(
        "p95",
        "time p95, ms",
        "95 of 100 questions take at most so long",
        _time(0.95),
        lower_is_better=True,
        milliseconds=True,
    ),
)


@dataclass(frozen=True, slots=True)
class Summary:
    """The figures of one group of rows. `kind` and `answerable` are None where not split.

    `language` is "fr", "en", or "both" where the rows have two.
    """

    language: str
    kind: str | None
    answerable: bool | None
    n: int
    figures: dict[str, Estimate]


def summarise(rows: Rows) -> list[Summary]:
    """For each language and for both: all rows, then each kind, then each answerability."""
    return [
        Summary(language, kind, answerable, len(group), _figures(group))
        for language in languages(rows)
        for kind, answerable, group in _groups(_in_language(rows, language))
    ]


def languages(rows: Rows) -> list[str]:
    """The languages of the rows, and "both" after them if there are two."""
    found = sorted({row.language for row in rows}, reverse=True)
    return [*found, "both"] if len(found) > 1 else found


def _in_language(rows: Rows, language: str) -> Rows:
    return rows if language == "both" else [row for row in rows if row.language == language]


def _groups(rows: Rows) -> Iterable[tuple[str | None, bool | None, Rows]]:
    yield None, None, rows
    for kind in sorted({row.kind for row in rows}):
        yield kind, None, [row for row in rows if row.kind == kind]
    for answerable in sorted({row.answerable for row in rows}, reverse=True):
        yield None, answerable, [row for row in rows if row.answerable == answerable]


def _figures(rows: Rows) -> dict[str, Estimate]:
    """Every measure that is defined on these rows."""
    statistics = [measure.statistic(rows) for measure in MEASURES]
    estimates = metrics.bootstrap(statistics, [row.row for row in rows])
    return {
        measure.name: estimate
        for measure, estimate in zip(MEASURES, estimates, strict=True)
        if not math.isnan(estimate.value)
    }


@dataclass(frozen=True, slots=True)
class Difference:
    """B minus A of one measure. It is real when its 95 % interval leaves out 0."""

    language: str
    measure: Measure
    a: float
    b: float
    change: Estimate

    @property
    def verdict(self) -> str:
        """ "better" or "worse" for B, or "not shown"."""
        if self.change.low <= 0 <= self.change.high:
            return "not shown"
        return "better" if (self.change.value > 0) != self.measure.lower_is_better else "worse"


def compare(a: Rows, b: Rows) -> list[Difference]:
    """Both runs on the questions they share, each measure that both have (paired bootstrap).

    `a` and `b` hold the same questions in the same order; see `shared`.
    """
    found = []
    for language in languages(a):
        rows_a, rows_b = _in_language(a, language), _in_language(b, language)
        pairs = [(m.statistic(rows_a), m.statistic(rows_b)) for m in MEASURES]
        changes = metrics.bootstrap(
            [partial(_difference, *pair) for pair in pairs], [row.row for row in rows_a]
        )
        whole = np.ones((1, len(rows_a)))
        for measure, (one, other), change in zip(MEASURES, pairs, changes, strict=True):
            if not math.isnan(change.value):
                values = float(one(whole)[0]), float(other(whole)[0])
                found.append(Difference(language, measure, *values, change))
    return found


def shared(a: Rows, b: Rows) -> tuple[Rows, Rows]:
    """The rows of the questions that both runs asked, in the order of `a`.

    A question is the same when its id, wording and gold answers are.
    """
    others = {_identity(row): row for row in b}
    kept = [row for row in a if _identity(row) in others]
    return kept, [others[_identity(row)] for row in kept]


def _identity(row: Row) -> tuple[str, str, str, tuple[str, ...]]:
    return row.id, row.language, row.question, row.gold_answers


def _difference(one: Statistic, other: Statistic, weights: Array) -> Array:
    return other(weights) - one(weights)
