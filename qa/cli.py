"""The command `opcit`: answers on stdout, progress and notices on stderr.

Exit status 0: done (also when the documents do not answer, or files were left out); 1: it could
not be done, one sentence says why; 2: wrong arguments.
"""

import io
import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from index import (
    OpcitError,
    Progress,
    UpdateReport,
    read_manifest,
    restore_index,
    source_state,
    verify_index,
)

from .config import Config, read_config
from .feedback import Feedback, question_rows, read_feedback
from .passwords import write_password_file
from .permalinks import citation_link
from .texts import copies_text, text
from .types import Answer, Citation

app = typer.Typer(
    help="Ask your documents, and see where the answer stands.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

IndexOption = Annotated[
    Path | None, typer.Option("--index", metavar="DIR", help="The index folder (.opcit).")
]
# What a file's name or its text could tell a terminal to do.
_CONTROLS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")

ModelOption = Annotated[
    str | None,
    typer.Option("--model", metavar="NAME", help="Another encoder: a folder or a hub name."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Question = Annotated[str, typer.Argument(help="A question in French or English.")]


@app.command("index")
def index_documents(
    documents: Annotated[Path, typer.Argument(metavar="DOCS", help="The folder of documents.")],
    index: IndexOption = None,
    model: ModelOption = None,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Split and embed everything again.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Make the index of a folder, or bring it up to date."""
    from .assistant import build_index

    config = _config(index, model)
    try:
        with _progress("Indexing") as progress:
            report = build_index(
                documents, config.index, rebuild=rebuild, config=config, progress=progress
            )
    except KeyboardInterrupt:
        _notice("Stopped; the index is as it was.")
        raise
    for sentence in report.skipped:
        _notice(sentence)
    _print_report(report, config.index, as_json)


@app.command()
def forget(
    documents: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="A folder that was indexed; it may be gone.")
    ],
    index: IndexOption = None,
    model: ModelOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take the documents of a folder out of the index; the files stay."""
    from .assistant import open_index

    config = _config(index, model)
    report = open_index(config).forget(documents)
    if not report.removed:
        raise OpcitError(f"The index in {config.index} holds nothing of {documents}.")
    _print_report(report, config.index, as_json)


@app.command()
def ask(
    question: Question,
    index: IndexOption = None,
    model: ModelOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answer a question, with the sentences that say so and where they stand."""
    from .assistant import Assistant

    config = _config(index, model)
    answer = Assistant.open(config.index, config).ask(question)
    if as_json:
        _print_json(_linked(answer))
    else:
        _say(_told(answer))


@app.command()
def search(
    query: Annotated[str, typer.Argument(help="Words or a question, in French or English.")],
    index: IndexOption = None,
    model: ModelOption = None,
    k: Annotated[int, typer.Option("--k", min=1, max=100, help="How many passages.")] = 10,
    as_json: JsonOption = False,
) -> None:
    """List the passages nearest to a question, best first."""
    from .assistant import Assistant

    config = _config(index, model)
    hits = Assistant.open(config.index, config).search(query, k)
    if as_json:
        _print_json([asdict(hit) for hit in hits])
        return
    for hit in hits:
        passage = hit.passage
        _say(f"{hit.score:.3f}  {passage.document_id} [{passage.start}:{passage.end}]")
        _say(f"       {_one_line(passage.text, 160)}")


@app.command()
def chat(
    index: IndexOption = None,
    model: ModelOption = None,
    host: Annotated[str | None, typer.Option("--host", help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option("--port", help="Port to listen on.")] = None,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page in a browser.")
    ] = True,
    auth: Annotated[
        str | None,
        typer.Option(
            "--auth", metavar="USER:PASSWORD_FILE", help="Who may use it (see `opcit password`)."
        ),
    ] = None,
    no_auth: Annotated[
        bool | None,
        typer.Option("--no-auth", help="Let other machines in without a password."),
    ] = None,
    shared_library: Annotated[
        bool | None,
        typer.Option("--shared-library", help="Show the documents that anybody adds to all."),
    ] = None,
    mcp: Annotated[
        bool | None, typer.Option("--mcp", help="Offer asking and searching as MCP tools.")
    ] = None,
) -> None:
    """Open the chat in a browser."""
    from importlib import import_module

    config = _config(
        index,
        model,
        host=host,
        port=port,
        auth=auth,
        no_auth=no_auth,
        shared_library=shared_library,
        mcp=mcp,
    )
    # The page depends on this package, not the other way round: it is named only when it is asked
    # for, as a plugin would be.
    import_module("app").serve(config, open_browser=browser)


@app.command()
def password(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Where to keep its hash; written anew.")
    ],
) -> None:
    """Choose the password of `opcit chat --auth`: asked twice, or one line of stdin."""
    try:
        if sys.stdin.isatty():
            chosen = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
        else:
            chosen = sys.stdin.readline().rstrip("\r\n")
        write_password_file(file, chosen)
    except UnicodeError:
        raise OpcitError("The password holds a sign that is no character.") from None
    _notice(f"{file} holds the hash; use it with `opcit chat --auth USER:{file}`.")


@app.command()
def info(index: IndexOption = None, as_json: JsonOption = False) -> None:
    """Say what an index holds and how it was made."""
    from .assistant import open_index

    config = _config(index, None)
    manifest = read_manifest(config.index)
    opened = open_index(config, any_encoder=True)
    documents, passages = opened.counts()
    facts = {
        "index": str(config.index),
        "documents": documents,
        "passages": passages,
        **{name: manifest[name] for name in ("encoder", "dimension", "format", "split")},
    }
    if as_json:
        _print_json(facts)
        return
    for name, value in facts.items():
        _say(f"{name:<10} {value}")


@app.command()
def verify(index: IndexOption = None, as_json: JsonOption = False) -> None:
    """Check that the index is sound, and which sources changed since they were indexed."""
    from .assistant import open_index

    config = _config(index, None)
    states: dict[str, list[str]] = {"same": [], "changed": [], "missing": []}
    problems = verify_index(config.index)
    if problems:
        if as_json:
            _print_json({"problems": problems, **states})
        else:
            _say("\n".join(problems))
        raise typer.Exit(1)
    remedy = "`opcit index DOCS`"
    for entry in open_index(config, any_encoder=True).entries():
        state = source_state(entry, reread=True)
        states[state].append(entry.id)
        if state == "changed" and source_state(entry) == "same":  # an update would not notice
            remedy = "`opcit index DOCS --rebuild`"
    if as_json:
        _print_json({"problems": problems, **states})
    else:
        for state in ("changed", "missing"):
            for document_id in states[state]:
                _say(f"{state:<8} {document_id}")
        counts = ", ".join(f"{len(ids)} {state}" for state, ids in states.items())
        _say(f"The index is sound; its sources: {counts}.")
    if states["changed"] or states["missing"]:
        _notice(f"Run {remedy} to bring the index up to date.")
        raise typer.Exit(1)


@app.command()
def restore(index: IndexOption = None) -> None:
    """Put back the last good copy of a damaged index."""
    folder = _config(index, None).index
    restore_index(folder)
    _notice(f"{folder}: the last good copy is back; run `opcit index DOCS` to bring it up to date.")


@app.command()
def feedback(
    index: IndexOption = None,
    export: Annotated[
        Path | None,
        typer.Option("--export", metavar="FILE", help="Write questions to label to a new .jsonl."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List what people thought of the chat's answers, or export their questions."""
    folder = _config(index, None).index
    read_manifest(folder)  # no feedback and no index are not the same
    judgements = read_feedback(folder)
    if export is not None:
        rows = question_rows(judgements)
        _write_rows(export, rows)
        to_label = sum("to_label" in row for row in rows)
        _notice(f"{export}: {len(rows)} questions, {to_label} of them to label.")
    elif as_json:
        _print_json([asdict(judged) for judged in judgements])
    else:
        for judged in judgements:
            _say(_judged(judged))


def main() -> None:
    """Run the command; a refusal is one line on stderr and exit status 1."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # where it cannot write a character, "?"
            stream.reconfigure(errors="replace")
    try:
        app(standalone_mode=True)
    except OpcitError as error:
        _notice(str(error))
        sys.exit(1)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output went away: nobody is left to tell
        sys.exit(1)


def _config(index: Path | None, model: str | None, **others: object) -> Config:
    given = {"index": index, "model": model, **others}
    return read_config(**{name: value for name, value in given.items() if value is not None})


def _notice(sentence: str) -> None:
    print(_CONTROLS.sub("?", sentence), file=sys.stderr)


def _say(lines: str) -> None:
    print(_CONTROLS.sub("?", lines))


def _print_json(value: object) -> None:
    def plain(other: object) -> Any:
        return other.isoformat() if isinstance(other, date) else str(other)  # a datetime is a date

    print(json.dumps(value, ensure_ascii=False, indent=2, default=plain))


def _print_report(report: UpdateReport, folder: Path, as_json: bool) -> None:
    if as_json:
        _print_json(asdict(report))
    else:
        _say(_summary(report, folder))


def _linked(answer: Answer) -> dict[str, Any]:
    """An answer as plain data, its citations with the links that the chat opens."""
    plain = asdict(answer)
    for written, citation in zip(plain["citations"], answer.citations, strict=True):
        written["link"] = citation_link(citation)
    return plain


def _write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    if path.suffix != ".jsonl":
        raise OpcitError(f"{path} does not end in .jsonl, which `python -m eval` goes by.")
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    try:
        with path.open("x", encoding="utf-8") as file:  # labels that somebody wrote stay
            file.write(lines)
    except FileExistsError:
        raise OpcitError(f"{path} exists already; name a new file.") from None
    except OSError as error:
        raise OpcitError(f"{path} cannot be written ({error.strerror}).") from error


def _judged(judged: Feedback) -> str:
    places = [f"{place.document_id} [{place.start}:{place.end}]" for place in judged.citations]
    thumb = "good" if judged.good else "bad"
    head = f"{judged.given.isoformat()}  {thumb:<4}  {_one_line(judged.question)}"
    return "\n".join([head, f"    {_one_line(judged.answer)}", *(f"    {at}" for at in places)])


def _summary(report: UpdateReport, folder: Path) -> str:
    counts = {
        "added": len(report.added),
        "changed": len(report.changed),
        "removed": len(report.removed),
        "unchanged": report.unchanged,
        "left out": len(report.skipped),
    }
    told = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    return f"{folder}: {told or 'nothing to do'} ({report.passages_embedded} passages embedded)."


def _told(answer: Answer) -> str:
    lines = [answer.text]
    for number, citation in enumerate(answer.citations, start=1):
        lines += ["", f"[{number}] {_one_line(citation.quote)}", f"    {_place(citation)}"]
        if citation.copies:
            names = ", ".join(copy.document_id for copy in citation.copies)
            lines.append(f"    {copies_text(len(citation.copies), answer.language)} {names}")
        if citation.changed:
            lines.append(f"    {text('changed', answer.language)}")
    if answer.found:
        key = "confidence" if answer.sure else "unsure"
        lines += ["", text(key, answer.language, percent=answer.percent)]
    else:
        lines += ["", text("nearest", answer.language)]
        for hit in answer.nearest:
            lines.append(f"  · {hit.passage.document_id}: {_one_line(hit.passage.text, 90)}")
    return "\n".join(lines)


def _place(citation: Citation) -> str:
    page = f", p. {citation.page}" if citation.page else ""
    day = f", {citation.date.isoformat()}" if citation.date else ""
    return f"{citation.title}{day}{page} — {citation.document_id} [{citation.start}:{citation.end}]"


def _one_line(passage: str, limit: int | None = None) -> str:
    line = " ".join(passage.split())
    return line if limit is None or len(line) <= limit else line[: limit - 1] + "…"


@contextmanager
def _progress(what: str) -> Iterator[Progress]:
    """A progress bar on stderr, shown from the first step on, if a person may be watching."""
    # Here, because who asks a question waits for it and sees no bar.
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True)
    bar = Bar(*columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal)
    task = bar.add_task(what, total=None)

    def show(done: int, total: int) -> None:
        bar.start()
        bar.update(task, completed=done, total=total)

    try:
        yield show
    finally:
        bar.stop()
