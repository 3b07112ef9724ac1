"""The results as one HTML file that needs nothing else: tables, plots, the worst questions.

Plots are inline SVG by matplotlib (the optional extra `eval`), the same bytes for the same
results. Every text that comes from questions, documents or answers is escaped. Shows figures;
computes none but the points of its curves.
"""

import io
import re
from collections.abc import Callable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from qa import OpcitError

from . import metrics, tables
from .run import Place, Row, Run
from .summary import MEASURES, Summary, languages, right

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WORST = 20
_QUOTE_LENGTH = 400
# matplotlib must draw in some colour; this one is replaced by the colour of the page's text.
_INK = "#010203"
_COLOURS = {"fr": "#3b7dd8", "en": "#d9822b"}
_STYLE = """
:root { color-scheme: light dark; --line: #8886; --soft: #8882; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 68rem; margin: 2rem auto; padding: 0 1rem; }
h1, h2 { line-height: 1.2; margin-top: 2.5rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; white-space: nowrap; }
th, td { text-align: right; padding: .25rem .7rem; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; }
td span { opacity: .7; font-size: .85em; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(24rem, 1fr)); gap: 1.5rem; }
figure { margin: 0; }
figcaption { font-size: .9rem; opacity: .8; }
svg { width: 100%; height: auto; }
article { border: 1px solid var(--line); border-radius: .5rem; padding: 0 1rem; margin: 1rem 0; }
dt { font-size: .85rem; opacity: .75; margin-top: .6rem; }
dd { margin: 0; overflow-wrap: anywhere; }
blockquote { margin: .3rem 0; padding: .3rem .8rem; background: var(--soft); }
"""


def require_plots() -> None:
    """Raises OpcitError if matplotlib is missing: before the questions are asked, not after."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise OpcitError(
            "The HTML report needs matplotlib; run `pip install -e '.[eval]'` in the clone, or"
            " leave --html out."
        ) from None


def render(run: Run, summaries: Sequence[Summary], version: str) -> str:
    """The report as a complete HTML page.

    Raises:
        OpcitError: matplotlib is missing.
    """
    require_plots()
    title = escape(f"Opcit on {run.set_name}")
    notices = "".join(f"<p>Note: {escape(notice)}</p>" for notice in run.notices)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>
<body><h1>{title}</h1>
<p>{len(run.rows)} questions, Opcit {escape(version)}. In brackets: 95 % intervals by bootstrap.</p>
{notices}
{_overall(summaries)}
<details><summary>What the figures mean</summary><dl>{_meanings(summaries)}</dl></details>
<h2>Curves</h2><div class="plots">{_plots(run.rows, summaries)}</div>
<h2>By kind</h2>{_by_kind(summaries)}
<h2>The worst questions</h2>
<p>Wrong answers first, the most confident before the others; then answerable questions left
without an answer, the least confident first.</p>
{"".join(_question(row) for row in worst(run.rows))}
</body></html>
"""


# --- tables -----------------------------------------------------------------------------------


def _overall(summaries: Sequence[Summary]) -> str:
    wholes = tables.wholes(summaries)
    return _table(["", *(f"{s.language} ({s.n})" for s in wholes)], tables.overall(wholes))


def _meanings(summaries: Sequence[Summary]) -> str:
    shown = {name for summary in summaries for name in summary.figures}
    return "".join(
        f"<dt>{escape(m.label)}</dt><dd>{escape(m.meaning)}</dd>"
        for m in MEASURES
        if m.name in shown
    )


def _by_kind(summaries: Sequence[Summary]) -> str:
    parts = []
    for language in dict.fromkeys(s.language for s in summaries):
        if language != "both":
            header, rows = tables.by_group(language, summaries)
            parts.append(f"<h3>{escape(language)}</h3>{_table(header, rows)}")
    return "".join(parts)


def _table(header: Sequence[str], rows: Sequence[tuple[str, Sequence[str]]]) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
    body = "".join(
        f"<tr><td>{escape(label)}</td>{''.join(map(_cell, cells))}</tr>" for label, cells in rows
    )
    return f'<div class="wide"><table><tr>{head}</tr>{body}</table></div>'


def _cell(text: str) -> str:
    value, _, interval = escape(text).partition(" ")
    return f"<td>{value} <span>{interval}</span></td>" if interval else f"<td>{value}</td>"


# --- plots ------------------------------------------------------------------------------------


def _plots(rows: Sequence[Row], summaries: Sequence[Summary]) -> str:
    spoken = [language for language in languages(rows) if language != "both"]
    by_language = {each: [row for row in rows if row.language == each] for each in spoken}
    plots = []
    if any(row.confidence is not None for row in rows):
        plots += [
            _plot(
                "risk",
                "Risk and coverage: of the answers with at least some confidence, how many are "
                "wrong. The dot is the shipped threshold; right of it every question is an "
                "abstention and counts as wrong.",
                lambda axes: _draw_risk(axes, by_language),
            ),
            _plot(
                "calibration",
                "Calibration of the answers given: on the diagonal, confidence is the share of "
                "right answers. The size of a dot is the number of answers.",
                lambda axes: _draw_calibration(axes, by_language),
            ),
        ]
    if any("ndcg" in s.figures for s in summaries):
        plots.append(
            _plot(
                "ndcg",
                "nDCG@10 per kind of question, with intervals.",
                lambda axes: _draw_kinds(axes, spoken, summaries),
            )
        )
    plots.append(
        _plot(
            "latency",
            "Time per question: the share of questions answered within it.",
            lambda axes: _draw_latency(axes, by_language),
        )
    )
    return "".join(plots)


def _plot(name: str, caption: str, draw: Callable[["Axes"], None]) -> str:
    """A figure of the page. Ids in the SVG are made distinct, since all plots share one page."""
    import matplotlib
    from matplotlib.figure import Figure

    settings: dict[Any, Any] = {
        "svg.hashsalt": name,
        "svg.fonttype": "none",
        "text.parse_math": False,
        "axes.edgecolor": _INK,
        **dict.fromkeys(("text.color", "axes.labelcolor", "xtick.color", "ytick.color"), _INK),
    }
    with matplotlib.rc_context(settings):
        figure = Figure(figsize=(5, 3.6), layout="constrained")
        axes = figure.add_subplot()
        axes.spines[["top", "right"]].set_visible(False)
        draw(axes)
        if axes.get_legend_handles_labels()[1]:
            axes.legend(frameon=False, ncols=2, loc="lower left", bbox_to_anchor=(0, 1))
        file = io.StringIO()
        silent = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(file, format="svg", transparent=True, metadata=silent)
    svg = file.getvalue()
    svg = svg[svg.index("<svg") :].replace(_INK, "currentColor")
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", svg)
    svg = svg.replace("<svg", f'<svg role="img" aria-label="{escape(caption)}"', 1)
    return f"<figure>{svg}<figcaption>{escape(caption)}</figcaption></figure>"


def _draw_risk(axes: "Axes", by_language: dict[str, list[Row]]) -> None:
    for language, rows in by_language.items():
        coverage, risk = metrics.risk_coverage(_ones(rows), *_confidence_and_right(rows))
        colour = _COLOURS[language]
        axes.step(np.append(0, coverage[0]), np.append(risk[0, 0], risk[0]), colour, label=language)
        answered = [row for row in rows if row.answered]
        if answered:
            wrong = 1 - sum(map(right, answered)) / len(answered)
            axes.plot(len(answered) / len(rows), wrong, "o", color=colour)
    axes.set(xlabel="coverage", ylabel="risk", xlim=(0, 1.02), ylim=(0, 1.02))


def _draw_calibration(axes: "Axes", by_language: dict[str, list[Row]]) -> None:
    axes.plot([0, 1], [0, 1], color=_INK, linewidth=0.8, linestyle="--")
    for language, rows in by_language.items():
        answered = [row for row in rows if row.answered]
        if answered:
            size, stated, seen = metrics.calibration(
                _ones(answered), *_confidence_and_right(answered)
            )
            filled = size[0] > 0
            axes.scatter(
                stated[0][filled],
                seen[0][filled],
                s=12 + 300 * size[0][filled] / len(answered),
                color=_COLOURS[language],
                alpha=0.8,
                label=language,
            )
    axes.set(xlabel="confidence", ylabel="share of right answers", xlim=(0, 1), ylim=(-0.03, 1.03))


def _draw_kinds(axes: "Axes", spoken: Sequence[str], summaries: Sequence[Summary]) -> None:
    found = {(s.kind, s.language): s.figures["ndcg"] for s in summaries if "ndcg" in s.figures}
    kinds = sorted({kind for kind, _ in found if kind is not None})
    height = 0.8 / len(spoken)
    for n, language in enumerate(spoken):
        shown = [
            (i, found[kind, language]) for i, kind in enumerate(kinds) if (kind, language) in found
        ]
        values = [estimate.value for _, estimate in shown]
        axes.barh(
            [i + (n - (len(spoken) - 1) / 2) * height for i, _ in shown],
            values,
            height * 0.9,
            xerr=[
                [max(0, e.value - e.low) for _, e in shown],
                [max(0, e.high - e.value) for _, e in shown],
            ],
            color=_COLOURS[language],
            ecolor=_INK,
            error_kw={"elinewidth": 0.8},
            label=language,
        )
    axes.set_yticks(range(len(kinds)), kinds)
    axes.invert_yaxis()
    axes.set(xlabel="nDCG@10", xlim=(0, 1.02))


def _draw_latency(axes: "Axes", by_language: dict[str, list[Row]]) -> None:
    for language, rows in by_language.items():
        times = sorted(1000 * row.seconds for row in rows)
        axes.step(
            times, np.arange(1, len(times) + 1) / len(times), _COLOURS[language], label=language
        )
    axes.set(xlabel="milliseconds", ylabel="share of questions", xlim=(0, None), ylim=(0, 1.02))


def _confidence_and_right(rows: Sequence[Row]) -> tuple[metrics.Array, metrics.Array]:
    return np.array([row.confidence or 0.0 for row in rows]), np.array([right(row) for row in rows])


def _ones(rows: Sequence[Row]) -> metrics.Array:
    return np.ones((1, len(rows)))


# --- the worst questions ----------------------------------------------------------------------


def worst(rows: Sequence[Row], count: int = _WORST) -> list[Row]:
    """The questions to look at first, at most `count`.

    Wrong answers by falling confidence, then unanswered answerable questions by rising
    confidence. In a set that measures rankings, those with the lowest nDCG.
    """
    if all(row.confidence is None for row in rows):
        return sorted((row for row in rows if row.ndcg != 1), key=lambda row: row.ndcg or 0)[:count]
    wrong = [row for row in rows if row.answered and not right(row)]
    silent = [row for row in rows if not row.answered and row.answerable]
    wrong.sort(key=lambda row: -(row.confidence or 0))
    silent.sort(key=lambda row: row.confidence or 0)
    return [*wrong, *silent][:count]


def _question(row: Row) -> str:
    gold = " / ".join(row.gold_answers) if row.answerable else "not in the documents"
    rank = (
        f"; gold passage at rank {row.rank}" if row.rank else "; gold passage not in the first 10"
    )
    confidence = "" if row.confidence is None else f", confidence {row.confidence:.2f}"
    facts = f"{row.id}, {row.kind}{confidence}{rank if row.answerable else ''}"
    answered = f"<dt>Answer</dt><dd>{escape(row.answer)}</dd>" if row.answer is not None else ""
    cited = "".join(map(_place, row.cited)) or "<dd>nothing</dd>"
    return f"""<article lang="{escape(row.language)}"><h3>{escape(row.question)}</h3>
<p>{escape(facts)}</p><dl>{answered}<dt>Cited</dt>{cited}
<dt>Gold</dt><dd>{escape(gold)}</dd>{_place(row.gold) if row.gold else ""}</dl></article>
"""


def _place(place: Place) -> str:
    text = place.text
    if len(text) > _QUOTE_LENGTH:
        text = text[:_QUOTE_LENGTH] + " …"
    quote = f"<blockquote>{escape(text)}</blockquote>" if text else ""
    where = f"{place.document_id} [{place.start}:{place.end}]" if text else place.document_id
    return f"<dd>{quote}{escape(where)}</dd>"
