"""The command line of the evaluation: `python -m eval SET --index DIR`.

Figures on stdout, progress and notices on stderr. Exit status 0, 1 for what cannot be done (one
sentence), 2 for wrong usage.
"""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from qa import Assistant, OpcitError, build_index, read_config

from . import report, tables
from .questions import QuestionSet, read
from .run import Row, Run, as_json, run
from .summary import compare, shared, summarise

_FORMAT = "opcit-eval 1"
# A pipe has no width of its own, and a table must not be broken in it.
_WIDTH_OF_A_PIPE = 110

_notices = Console(stderr=True, highlight=False, markup=False)
_app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@_app.command()
def evaluate(
    questions: Annotated[
        Path | None,
        typer.Argument(
            metavar="SET",
            help="Questions: our .jsonl, SQuAD .json (also .gz, .xz), or a BEIR folder.",
        ),
    ] = None,
    index: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="The index to ask. A set that brings its own documents is indexed for the "
            "occasion if none is given; other sets take the configured one (.opcit).",
        ),
    ] = None,
    save: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Keep every row and figure.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a report with plots.")
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(min=1, help="Ask at most so many rows, taken evenly from the set."),
    ] = None,
    language: Annotated[
        Literal["fr", "en"] | None, typer.Option(help="Ask in one language only.")
    ] = None,
    compared: Annotated[
        tuple[Path, Path] | None,
        typer.Option("--compare", metavar="A.json B.json", help="Two saved runs: is B better?"),
    ] = None,
) -> None:
    """Measure retrieval, answers, citations and abstention on a question set."""
    if (questions is None) == (compared is None):
        raise typer.BadParameter("give either a SET or --compare A.json B.json", param_hint="SET")
    try:
        if compared:
            _compare(*compared)
        elif questions:
            _evaluate(read(questions).narrowed(language, limit), index, save, html)
    except OpcitError as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(1) from None


def main() -> None:
    """Run the command line."""
    _app(prog_name="python -m eval")


def _evaluate(
    questions: QuestionSet, index: Path | None, save: Path | None, html: Path | None
) -> None:
    if not questions.questions:
        raise OpcitError(f"{questions.name}: no question in that language.")
    for target in (save, html):
        if target and not target.resolve().parent.is_dir():
            raise OpcitError(f"{target}: its folder does not exist.")
    if html:
        report.require_plots()
    with _opened(questions, index) as assistant, _progress() as progress:
        task = progress.add_task("Asking", total=len(questions.questions))
        done = run(assistant, questions, asked=lambda: progress.advance(task))
    for notice in done.notices:
        _notices.print(f"Note: {notice}")
    summaries = summarise(done.rows)
    _show(tables.results(done.set_name, summaries))
    if save:
        figures = {"summaries": [asdict(each) for each in summaries]}
        saved = {"format": _FORMAT, "opcit": _version()} | as_json(done) | figures
        _write(save, json.dumps(saved, ensure_ascii=False, allow_nan=False, indent=1) + "\n")
    if html:
        _write(html, report.render(done, summaries, _version()))


def _compare(path_a: Path, path_b: Path) -> None:
    a, b = _load(path_a), _load(path_b)
    rows_a, rows_b = shared(a.rows, b.rows)
    if not rows_a:
        raise OpcitError(f"{path_a} and {path_b} have no question in common.")
    most = max(len(a.rows), len(b.rows))
    if len(rows_a) < most:
        _notices.print(f"Note: compared on the {len(rows_a)} questions in both, of {most}.")
    _show(f"A {path_a}\nB {path_b}\n", tables.differences(compare(rows_a, rows_b)))


@contextmanager
def _opened(questions: QuestionSet, index: Path | None) -> Iterator[Assistant]:
    """The assistant over the index given, or a passing one of the set, or the configured one."""
    if index or not questions.documents:
        yield Assistant.open(index or read_config().index)
        return
    with tempfile.TemporaryDirectory(prefix="opcit-eval-", ignore_cleanup_errors=True) as name:
        documents, folder = Path(name, "documents"), Path(name, "index")
        documents.mkdir()
        for file_name, text in questions.documents.items():
            # Bytes, because writing text may change its newlines and so its offsets.
            (documents / file_name).write_bytes(text.encode())
        with _notices.status(f"Indexing {len(questions.documents)} documents of the set"):
            left_out = build_index(documents, folder).skipped
        if left_out:
            _notices.print(f"Note: {len(left_out)} documents were left out: {left_out[0]}")
        yield Assistant.open(folder)


def _load(path: Path) -> Run:
    """A run saved by `--json`."""
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
        if saved["format"] != _FORMAT:
            raise OpcitError(f"{path}: written by another version of the evaluation.")
        rows = tuple(Row.from_json(row) for row in saved["rows"])
        return Run(str(saved["set"]), rows, tuple(saved["notices"]))
    except OSError as error:
        raise OpcitError(f"{path}: cannot be read ({error.strerror}).") from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise OpcitError(f"{path}: not a file that `--json` of this evaluation wrote.") from None


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise OpcitError(f"{path}: cannot be written ({error.strerror}).") from None


def _show(*parts: RenderableType) -> None:
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = _WIDTH_OF_A_PIPE
    console.print(*parts)


def _progress() -> Progress:
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    return Progress(*columns, TimeRemainingColumn(), console=_notices)


def _version() -> str:
    try:
        return version("opcit")
    except PackageNotFoundError:
        return "not installed"


if __name__ == "__main__":
    main()
