"""What people thought of answers: kept in the index folder, listed, and made into questions.

    feedback.sqlite     one row for each judgement; it never leaves the machine

SQLite makes each judgement a transaction, so a process killed at any moment loses none that was
kept and leaves no half of one. Knows no page and no evaluation, only the form in which
`python -m eval` reads questions.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from index import Language, OpcitError

from .types import Answer, Citation

_FILE = "feedback.sqlite"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS feedback (
    number INTEGER PRIMARY KEY,
    given TEXT NOT NULL,
    good INTEGER NOT NULL,
    question TEXT NOT NULL,
    language TEXT NOT NULL,
    answer TEXT NOT NULL,
    found INTEGER NOT NULL,
    citations TEXT NOT NULL
)
"""


@dataclass(frozen=True, slots=True)
class CitedPlace:
    """A citation as it was judged: offsets are code points of the document as it was then."""

    document_id: str
    start: int
    end: int
    quote: str
    answer: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Feedback:
    """One judgement: `good` is a thumb up. `found` is false where the documents were silent."""

    number: int
    given: datetime
    good: bool
    question: str
    language: Language
    answer: str
    found: bool
    citations: tuple[CitedPlace, ...]


def add_feedback(folder: Path, answer: Answer, *, good: bool, given: datetime) -> None:
    """Keep what somebody thought of an answer from the index in `folder`.

    Raises OpcitError if it cannot be written.
    """
    citations = json.dumps([_place(citation) for citation in answer.citations], ensure_ascii=False)
    with _opened(folder) as store, store:
        store.execute(
            "INSERT INTO feedback (given, good, question, language, answer, found, citations)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                given.isoformat(timespec="seconds"),
                good,
                answer.understood or answer.question,  # it is labelled outside its conversation
                answer.language,
                answer.text,
                answer.found,
                citations,
            ),
        )


def read_feedback(folder: Path) -> list[Feedback]:
    """Every judgement kept in the index folder, oldest first.

    Raises OpcitError if the file there is damaged.
    """
    if not (folder / _FILE).is_file():
        return []
    with _opened(folder) as store:
        rows = store.execute(
            "SELECT number, given, good, question, language, answer, found, citations"
            " FROM feedback ORDER BY number"
        ).fetchall()
    return [_feedback(*row) for row in rows]


def question_rows(judgements: list[Feedback]) -> list[dict[str, Any]]:
    """The judged questions as rows of a question set, each wording once: its last judgement counts.

    A good answer is the answer to the question; a good silence says that there is none. Where the
    judgement was bad, somebody has to say what is right: `doc`, `answer` and their offsets are
    left empty, and until they are filled in, or `answerable` is set to false, `python -m eval`
    refuses the row. `shown` holds what was shown.
    """
    last = {(judged.language, judged.question): judged for judged in judgements}
    return [_question_row(judged) for judged in sorted(last.values(), key=lambda one: one.number)]


def _question_row(judged: Feedback) -> dict[str, Any]:
    first = judged.citations[0] if judged.citations else None
    row: dict[str, Any] = {
        "id": f"f-{judged.number:04}",
        f"question_{judged.language}": judged.question,
        "kind": "any",
        "answerable": judged.found or not judged.good,
    }
    if judged.good and first is not None:
        start, end = first.answer or (first.start, first.end)
        row |= {
            "doc": first.document_id,
            "answer": first.quote[start - first.start : end - first.start],
            "answer_start": start,
            "evidence": first.quote,
            "evidence_start": first.start,
        }
    elif not judged.good:
        row |= {"doc": "", "answer": "", "answer_start": None, "to_label": True}
    row["shown"] = {
        "good": judged.good,
        "date": judged.given.date().isoformat(),
        "answer": judged.answer,
        "citations": [_row_place(place) for place in judged.citations],
    }
    return row


def _row_place(place: CitedPlace) -> dict[str, Any]:
    return {
        "doc": place.document_id,
        "start": place.start,
        "end": place.end,
        "quote": place.quote,
    }


def _place(citation: Citation) -> dict[str, Any]:
    return {
        "document_id": citation.document_id,
        "start": citation.start,
        "end": citation.end,
        "quote": citation.quote,
        "answer": citation.answer,
    }


def _feedback(
    number: int,
    given: str,
    good: int,
    question: str,
    language: Language,
    answer: str,
    found: int,
    citations: str,
) -> Feedback:
    places = tuple(
        CitedPlace(**{**place, "answer": place["answer"] and tuple(place["answer"])})
        for place in json.loads(citations)
    )
    return Feedback(
        number,
        datetime.fromisoformat(given),
        bool(good),
        question,
        language,
        answer,
        bool(found),
        places,
    )


@contextmanager
def _opened(folder: Path) -> Iterator[sqlite3.Connection]:
    """The store, made if it is not there yet; what SQLite refuses is told in a sentence."""
    path = folder / _FILE
    try:
        with closing(sqlite3.connect(path, timeout=10)) as store:
            store.execute(_SCHEMA)
            yield store
    except sqlite3.DatabaseError as error:
        raise OpcitError(
            f"The feedback in {path} cannot be used ({error}); move that file away to begin anew."
        ) from error
