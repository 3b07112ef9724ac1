"""The way of a question: passages found, read, cited or not."""

import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from chat_page import ROOT
from conftest import ARTICLES, StemEmbedder

from index import Document, Filter, Hit, Index
from qa import Answer, Assistant, Config, QuestionError, Turn
from qa.citations import cite
from qa.extractive import ExtractiveReader, Finding, Reading
from qa.retriever import Retriever

KAZAKHSTAN = "2022-01-14-kazakhstan.txt"


@pytest.fixture
def assistant(index: Index) -> Assistant:
    return Assistant(index, ExtractiveReader(index), Config())


class SureReader:
    """Answers with the passage that names Mukhtar, with the confidence it is given."""

    threshold = 0.5

    def __init__(self, confidence: float) -> None:
        self.confidence = confidence

    def read(self, question: str, hits: list[Hit]) -> Reading:
        del question
        passage = next(hit.passage for hit in hits if "Mukhtar" in hit.passage.text)
        start = passage.text.index("Mukhtar") + passage.start
        finding = Finding(
            passage.document_id, start - 3, passage.end, (start, start + 7), self.confidence
        )
        return Reading([finding], hits)


def test_an_answer_is_a_place_in_a_document(index: Index) -> None:
    assistant = Assistant(index, SureReader(0.9), Config())
    answer = assistant.ask("  Qui est le ministre du Kazakhstan ? ")
    assert (answer.question, answer.language) == ("Qui est le ministre du Kazakhstan ?", "fr")
    assert (answer.text, answer.confidence, answer.found) == ("Mukhtar", 0.9, True)
    (citation,) = answer.citations
    document = assistant.document(citation.document_id)
    assert document is not None
    assert document.text[citation.start : citation.end] == citation.quote
    assert citation.answer is not None
    assert document.text[slice(*citation.answer)] == "Mukhtar"
    assert (citation.document_id, citation.date) == (KAZAKHSTAN, date(2022, 1, 14))
    assert (citation.page, citation.changed) == (None, False)
    assert answer.nearest[0].passage.document_id == KAZAKHSTAN


def test_a_follow_up_is_asked_with_what_it_leans_on(index: Index) -> None:
    assistant = Assistant(index, SureReader(0.9), Config())
    before = assistant.ask("Qui est le ministre du Kazakhstan ?")
    assert before.turn == Turn("Qui est le ministre du Kazakhstan ?", "Mukhtar")
    assert before.understood is None

    answer = assistant.ask("And his rank?", history=[before.turn])

    assert (answer.question, answer.understood) == (
        "And his rank?",
        "His rank (Mukhtar, Kazakhstan)?",
    )
    assert answer.language == "en"
    assert answer.nearest == tuple(assistant.search("His rank (Mukhtar, Kazakhstan)?", 5))


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        ("Who is the minister of Kazakhstan?", "The documents do not answer this question."),
        ("Qui est le ministre ?", "Les documents ne répondent pas à cette question."),
    ],
)
def test_below_the_threshold_it_abstains_in_the_language_asked(
    index: Index, question: str, sentence: str
) -> None:
    answer = Assistant(index, SureReader(0.49), Config()).ask(question)
    assert (answer.text, answer.citations, answer.found) == (sentence, (), False)
    assert answer.confidence == 0.49
    assert len(answer.nearest) == 3


def test_a_source_that_changed_says_so(index: Index, documents: Path) -> None:
    (documents / KAZAKHSTAN).write_text("Tout autre chose.")
    answer = Assistant(index, SureReader(0.9), Config()).ask("Qui est le ministre du Kazakhstan ?")
    assert answer.citations[0].changed
    assert answer.citations[0].quote in ARTICLES[KAZAKHSTAN]


def test_every_copy_of_a_cited_sentence_is_counted(tmp_path: Path, embedder: StemEmbedder) -> None:
    documents = tmp_path / "docs"
    documents.mkdir()
    for number in range(40):
        text = f"Dépêche {number}\n\nLe ministre Mukhtar Tileuberdi a signé l'accord à Astana.\n"
        (documents / f"{number}.txt").write_text(text, "utf-8")
    index = Index.create(tmp_path / "index", embedder)
    index.update(documents, max_bytes=10**6)
    answer = Assistant(index, SureReader(0.9), Config()).ask("Qui a signé l'accord à Astana ?")
    assert len(answer.citations[0].copies) == 39


def test_a_filter_holds_for_answers_and_passages(assistant: Assistant) -> None:
    among = Filter(documents=frozenset({"sub/museum.md"}))
    assert {h.passage.document_id for h in assistant.search("ministre", among=among)} == {
        "sub/museum.md"
    }
    answer = assistant.ask("Qui est le ministre ?", among)
    assert {h.passage.document_id for h in answer.nearest} == {"sub/museum.md"}
    nowhere = assistant.ask("Qui est le ministre ?", Filter(documents=frozenset()))
    assert (nowhere.found, nowhere.nearest, nowhere.confidence) == (False, (), 0.0)


def test_warming_loads_what_the_first_question_needs(sample_index: Path) -> None:
    code = (
        "import sys; from qa import Assistant; assistant = Assistant.open(sys.argv[1])\n"
        "parts = {'faiss', 'openvino', 'py3langid.langid', 'tantivy'}\n"
        "assistant.warm(); print(parts - set(sys.modules))\n"
        "before = set(sys.modules); assistant.ask('And in 2023, who makes it?')\n"
        "print({name for name in set(sys.modules) - before if '.' not in name})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(sample_index)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == ["set()", "set()"]


@pytest.mark.parametrize("question", ["", " \n\t", "?" * 2001])
def test_a_question_that_cannot_be_asked(assistant: Assistant, question: str) -> None:
    with pytest.raises(QuestionError):
        assistant.ask(question)
    with pytest.raises(QuestionError):
        assistant.search(question)


@pytest.mark.parametrize("question", ["?", "🙂", "\x00", "' OR 1=1 --", "a" * 1999, "النص", "(["])
def test_a_strange_question_gets_an_answer_of_the_right_form(
    assistant: Assistant, question: str
) -> None:
    answer = assistant.ask(question)
    assert isinstance(answer, Answer)
    assert 0 <= answer.confidence <= 1


def test_uploads_are_copied_indexed_and_replaced(assistant: Assistant, tmp_path: Path) -> None:
    upload = tmp_path / "Volcan d'Islande.txt"
    upload.write_text("Islande\n\nLe volcan Katla s'est réveillé.\n")
    report = assistant.add_files([upload])
    assert report.added == ["Volcan d'Islande.txt"]
    upload.write_text("Islande\n\nLe volcan Katla s'est rendormi.\n")
    assert assistant.add_files([upload]).changed == ["Volcan d'Islande.txt"]
    picture = tmp_path / "photo.png"
    picture.write_bytes(b"PNG")
    assert "photo.png" in assistant.add_files([picture]).skipped[0]
    hit = assistant.search("volcan Katla")[0]
    assert "rendormi" in hit.passage.text
    assert len(assistant.documents()) == 4


# -- the parts ----------------------------------------------------------------------------------


def test_fused_scores_are_ordered_between_0_and_1(index: Index) -> None:
    hits = Retriever(index).search("ministre du Kazakhstan")
    scores = [hit.score for hit in hits]
    assert hits[0].passage.document_id == KAZAKHSTAN
    assert hits[0].score == pytest.approx(1.0)
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)


DOCUMENT = Document("d.pdf", "Une page.\n\nDeux pages.", "T", "/d.pdf", "fr", None, (0, 11))


def test_a_citation_knows_its_page_and_proves_its_place() -> None:
    citation = cite(DOCUMENT, 11, 22, (11, 15))
    assert (citation.quote, citation.page, citation.answer) == ("Deux pages.", 2, (11, 15))
    assert cite(DOCUMENT, 0, 9).page == 1


@pytest.mark.parametrize(
    ("start", "end", "answer"),
    [(3, 3, None), (-1, 4, None), (0, 99, None), (5, 2, None), (0, 9, (8, 10)), (2, 9, (1, 4))],
)
def test_a_span_that_does_not_hold_is_refused(
    start: int, end: int, answer: tuple[int, int] | None
) -> None:
    with pytest.raises(ValueError, match=r"d\.pdf"):
        cite(DOCUMENT, start, end, answer)
