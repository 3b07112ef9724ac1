"""What people thought of answers: kept, listed, and exported as questions to label."""

import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from conftest import StemEmbedder

from eval.questions import read
from index import Index
from qa import Answer, Citation, OpcitError
from qa.feedback import add_feedback, question_rows, read_feedback

ROOT = Path(__file__).parents[1]
NOW = datetime(2026, 11, 25, 1, 2, 3, tzinfo=UTC)
QUOTE = "L'eau a atteint 3,5 mètres à Vire."
CITED = Citation("crue.txt", 29, 63, QUOTE, "Crue", "/x", date(2021, 7, 20), None, (45, 55))
FOUND = Answer("Quelle hauteur ?", "fr", "3,5 mètres", (CITED,), 0.7, ())
SILENT = Answer("Who painted it?", "en", "The documents do not answer this question.", (), 0.1, ())


def rows(folder: Path) -> list[dict[str, Any]]:
    return question_rows(read_feedback(folder))


def opcit(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "opcit", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_was_kept_is_read_in_its_order(tmp_path: Path) -> None:
    add_feedback(tmp_path, FOUND, good=True, given=NOW)
    add_feedback(tmp_path, SILENT, good=False, given=NOW)

    first, second = read_feedback(tmp_path)

    assert (first.good, first.given, first.question, first.answer, first.found) == (
        True,
        NOW,
        "Quelle hauteur ?",
        "3,5 mètres",
        True,
    )
    (place,) = first.citations
    assert (place.document_id, place.start, place.end) == ("crue.txt", 29, 63)
    assert (place.quote, place.answer) == (QUOTE, (45, 55))
    assert (second.good, second.language, second.citations) == (False, "en", ())


def test_a_follow_up_is_kept_as_it_was_understood(tmp_path: Path) -> None:
    add_feedback(tmp_path, replace(FOUND, understood="Et à Vire ?"), good=True, given=NOW)

    assert rows(tmp_path)[0]["question_fr"] == "Et à Vire ?"


def test_a_process_killed_after_keeping_loses_nothing(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; sys.path[:0] = sys.argv[2:]\n"
        "from test_qa_feedback import FOUND, NOW; from qa.feedback import add_feedback\n"
        "add_feedback(Path(sys.argv[1]), FOUND, good=True, given=NOW)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path), str(ROOT), str(ROOT / "tests")], check=False
    )
    assert done.returncode == -9

    add_feedback(tmp_path, FOUND, good=False, given=NOW)

    assert [judged.good for judged in read_feedback(tmp_path)] == [True, False]


def test_a_damaged_file_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "feedback.sqlite").write_bytes(b"not a database" * 100)

    with pytest.raises(OpcitError, match="move that file away"):
        read_feedback(tmp_path)


def test_a_good_answer_becomes_a_question_that_can_be_measured(tmp_path: Path) -> None:
    add_feedback(tmp_path, FOUND, good=True, given=NOW)
    add_feedback(tmp_path, SILENT, good=True, given=NOW)
    exported = tmp_path / "questions.jsonl"
    exported.write_text("".join(json.dumps(row) + "\n" for row in rows(tmp_path)))

    first, second = read(exported).questions

    assert (first.text, first.language, first.answers) == (
        "Quelle hauteur ?",
        "fr",
        ("3,5 mètres",),
    )
    assert (first.answer_span, first.evidence) == ((45, 55), (29, 63))
    assert (second.text, second.answerable) == ("Who painted it?", False)


def test_a_bad_answer_waits_for_its_label(tmp_path: Path) -> None:
    add_feedback(tmp_path, FOUND, good=False, given=NOW)
    (row,) = rows(tmp_path)
    exported = tmp_path / "questions.jsonl"
    exported.write_text(json.dumps(row))
    with pytest.raises(OpcitError, match="`answer` must be a text"):
        read(exported)

    labelled = {**row, "doc": "crue.txt", "answer": "3 mètres", "answer_start": 45}
    exported.write_text(json.dumps(labelled))

    assert read(exported).questions[0].answers == ("3 mètres",)
    assert row["shown"]["answer"] == "3,5 mètres"


def test_the_last_judgement_of_a_question_counts(tmp_path: Path) -> None:
    for good in (True, False, True):
        add_feedback(tmp_path, FOUND, good=good, given=NOW)

    (row,) = rows(tmp_path)

    assert (row["shown"]["good"], row["answer"], "to_label" in row) == (True, "3,5 mètres", False)


def test_the_command_lists_and_exports(
    tmp_path: Path, documents: Path, embedder: StemEmbedder
) -> None:
    folder = tmp_path / "index"
    Index.create(folder, embedder).update(documents, max_bytes=1_000_000)
    assert opcit("feedback", "--index", folder).stdout == ""
    add_feedback(folder, FOUND, good=False, given=NOW)
    exported = tmp_path / "label.jsonl"

    assert opcit("feedback", "--index", folder).stdout == (
        "2026-11-25T01:02:03+00:00  bad   Quelle hauteur ?\n    3,5 mètres\n    crue.txt [29:63]\n"
    )
    (judged,) = json.loads(opcit("feedback", "--index", folder, "--json").stdout)
    assert (judged["good"], judged["citations"][0]["answer"]) == (False, [45, 55])
    done = opcit("feedback", "--index", folder, "--export", exported)
    assert done.stderr == f"{exported}: 1 questions, 1 of them to label.\n"
    assert json.loads(exported.read_text())["question_fr"] == "Quelle hauteur ?"
    again = opcit("feedback", "--index", folder, "--export", exported)
    assert (again.returncode, again.stderr) == (1, f"{exported} exists already; name a new file.\n")


@pytest.mark.parametrize(
    ("name", "part"), [("label.csv", ".jsonl"), ("nowhere/label.jsonl", "cannot be written")]
)
def test_an_export_that_cannot_be_written(
    tmp_path: Path, documents: Path, embedder: StemEmbedder, name: str, part: str
) -> None:
    Index.create(tmp_path / "index", embedder).update(documents, max_bytes=1_000_000)

    done = opcit("feedback", "--index", tmp_path / "index", "--export", tmp_path / name)

    assert (done.returncode, done.stdout) == (1, "")
    assert part in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_feedback_without_an_index_says_so(tmp_path: Path) -> None:
    done = opcit("feedback", "--index", tmp_path / "nowhere")

    assert done.returncode == 1
    assert "There is no index in" in done.stderr
