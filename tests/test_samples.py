"""The sample documents and the question set that goes with them are what their README says."""

import json
import re
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from index import Document
from index.load import load

SAMPLES = Path(__file__).parents[1] / "samples"
FILES = sorted((SAMPLES / "documents").iterdir())
KINDS = {"who", "what", "when", "where", "why", "how", "count", "which"}


def read_rows() -> list[dict[str, Any]]:
    lines = (SAMPLES / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


ROWS = read_rows()
ANSWERABLE = [row for row in ROWS if row["answerable"]]
UNANSWERABLE = [row for row in ROWS if not row["answerable"]]


@pytest.fixture(scope="module")
def documents() -> dict[str, Document]:
    return {path.name: load(path, path.name, 50_000_000)[0] for path in FILES}


def test_there_are_enough_documents_in_both_languages(documents: dict[str, Document]) -> None:
    languages = Counter(document.language for document in documents.values())
    assert languages["fr"] >= 24
    assert languages["en"] >= 6


def test_every_format_is_there() -> None:
    assert {path.suffix for path in FILES} == {".txt", ".md", ".html", ".pdf", ".docx"}


def test_three_encodings_are_there() -> None:
    encodings: Counter[str] = Counter()
    for path in FILES:
        if path.suffix == ".txt":
            data = path.read_bytes()
            if data.startswith((b"\xff\xfe", b"\xfe\xff")):
                encodings["utf-16"] += 1
            else:
                try:
                    data.decode("utf-8")
                    encodings["utf-8"] += 1
                except UnicodeDecodeError:
                    encodings["cp1252"] += 1
    assert encodings["utf-16"] >= 1
    assert encodings["cp1252"] >= 1
    assert encodings["utf-8"] >= 1


def test_a_document_is_of_the_length_of_an_article(documents: dict[str, Document]) -> None:
    lengths = {
        name: len(re.findall(r"[\w’'.,-]*\w", document.text))
        for name, document in documents.items()
    }
    assert {name: length for name, length in lengths.items() if not 150 <= length <= 500} == {}


def test_a_document_states_its_title_and_the_date_in_its_name(
    documents: dict[str, Document],
) -> None:
    for name, document in documents.items():
        assert document.date == date.fromisoformat(name[:10]), name
        assert " ".join(document.title.split()) in " ".join(document.text.split()), name


def test_a_pdf_has_several_pages(documents: dict[str, Document]) -> None:
    assert max(len(document.page_starts) for document in documents.values()) >= 2


def test_office_files_hold_the_text_of_their_sources(documents: dict[str, Document]) -> None:
    sources = list((SAMPLES / "office").glob("*.txt"))
    assert {source.stem for source in sources} == {
        path.name for path in FILES if path.suffix in {".pdf", ".docx"}
    }
    for source in sources:
        made = " ".join(documents[source.stem].text.split())
        for line in source.read_text(encoding="utf-8").splitlines():
            words = " ".join(line.strip("#| ").split())
            assert words in made, (source.name, line)


def test_gold_spans_are_where_they_are_said_to_be(documents: dict[str, Document]) -> None:
    for row in ANSWERABLE:
        text = documents[row["doc"]].text
        start, end = row["answer_start"], row["answer_start"] + len(row["answer"])
        first, last = row["evidence_start"], row["evidence_start"] + len(row["evidence"])
        assert text[start:end] == row["answer"] != "", row["id"]
        assert text[first:last] == row["evidence"], row["id"]
        assert first <= start < end <= last, row["id"]


def test_evidence_is_in_its_document_once(documents: dict[str, Document]) -> None:
    for row in ANSWERABLE:
        assert documents[row["doc"]].text.count(row["evidence"]) == 1, row["id"]


def test_ids_and_questions_are_unique() -> None:
    for field in ("id", "question_fr", "question_en"):
        assert max(Counter(row[field] for row in ROWS).values()) == 1, field


def test_there_are_a_hundred_questions_and_a_fifth_has_no_answer() -> None:
    assert len(ROWS) >= 100
    assert len(UNANSWERABLE) >= 24
    assert 0.2 <= len(UNANSWERABLE) / len(ROWS) <= 0.25


def test_every_document_has_a_question() -> None:
    assert {row["doc"] for row in ANSWERABLE} == {path.name for path in FILES}


def test_kinds() -> None:
    assert {row["kind"] for row in ANSWERABLE} == KINDS
    kinds = Counter(row["kind"] for row in UNANSWERABLE)
    assert kinds == {"none-near": 20, "none-far": 20}


def test_a_question_without_answer_has_no_span() -> None:
    names = {path.name for path in FILES}
    for row in UNANSWERABLE:
        assert row["doc"] is None, row["id"]
        assert (row["answer"], row["answer_start"]) == ("", -1), row["id"]
        assert (row["evidence"], row["evidence_start"]) == ("", -1), row["id"]
        assert (row.get("about") in names) == (row["kind"] == "none-near"), row["id"]


def test_the_question_set_was_made_from_the_questions_as_they_are_written() -> None:
    written = (SAMPLES / "questions.txt").read_text(encoding="utf-8").split("\n\n")
    blocks = [block.splitlines() for block in written if not block.startswith("== ")]
    assert Counter((kind, french, english) for kind, french, english, *_ in blocks) == Counter(
        (row["kind"], row["question_fr"], row["question_en"]) for row in ROWS
    )


def test_the_foreign_minister_of_kazakhstan() -> None:
    row = next(
        row for row in ROWS if row["question_en"] == "Who is Kazakhstan's new foreign minister?"
    )
    assert row["answer"] == "Mukhtar Tileuberdi"
    assert row["doc"] == "2022-01-14-entretien-wang-yi-tileuberdi.txt"
