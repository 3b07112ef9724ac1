"""Runs over a scripted assistant, counted by hand: rows, summaries, comparisons."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import pytest

from eval.questions import Question, QuestionSet
from eval.run import Row, as_json, run
from eval.summary import Summary, compare, shared, summarise
from qa import Answer, Citation, Document, Hit, OpcitError, Passage

#       0         1         2         3
#       0123456789012345678901234567890123456789
TEXT = "Alpha beta gamma. Delta epsilon. Zêta !\n"
OTHER = "Nothing of the kind.\n"
GOLD = Question(
    id="q1/fr",
    row="q1",
    text="Quel delta ?",
    language="fr",
    kind="what",
    answerable=True,
    document_id="a.txt",
    answers=("epsilon",),
    answer_span=(24, 31),
    evidence=(18, 32),
)
NONE = Question("q2/fr", "q2", "Qui est-ce ?", "fr", "none-far", False)


TEXTS = {"a.txt": TEXT, "b.txt": OTHER}


def passage(document_id: str, start: int, end: int) -> Passage:
    return Passage(document_id, start, end, TEXTS[document_id][start:end])


def cite(document_id: str, start: int, end: int, quote: str | None = None) -> Citation:
    quote = TEXTS[document_id][start:end] if quote is None else quote
    return Citation(document_id, start, end, quote, "Title", document_id, None, None, None)


class FakeAssistant:
    """Answers what it was told to: question -> (text, citations, confidence, passages)."""

    def __init__(self, **script: Any) -> None:
        self.script = script
        self.asked: list[str] = []
        self.k: list[int] = []

    def ask(self, question: str) -> Answer:
        self.asked.append(question)
        text, citations, confidence, _ = self.script.get(question, ("?", (), 0.0, ()))
        if isinstance(text, OpcitError):
            raise text
        return Answer(question, "fr", text, tuple(citations), confidence, ())

    def search(self, question: str, k: int = 10) -> list[Hit]:
        self.k.append(k)
        *_, passages = self.script.get(question, ("", (), 0.0, ()))
        return [Hit(passage, -float(n)) for n, passage in enumerate(passages)][:k]

    def document(self, document_id: str) -> Document | None:
        if document_id not in TEXTS:
            return None
        return Document(document_id, TEXTS[document_id], "Title", document_id, "fr", None)


def ask(question: Question, *reply: Any, **set_options: Any) -> Row:
    assistant = FakeAssistant(**{question.text: reply})
    (row,) = run(assistant, QuestionSet("set", (question,), {}, **set_options)).rows
    return row


# --- one question -----------------------------------------------------------------------------


def test_a_right_answer_scores_by_hand() -> None:
    passages = [passage("b.txt", 0, 10), passage("a.txt", 0, 25), passage("a.txt", 18, 33)]
    # The citation has 9 of the 14 characters of the evidence, and 4 others.
    citations = [cite("a.txt", 23, 36), cite("b.txt", 0, 7)]
    row = ask(GOLD, "l'Epsilon grec", citations, 0.75, passages)
    # The passage at rank 2 cuts the answer; the one at rank 3 holds it.
    assert row.rank == 3
    assert (row.ndcg, row.recall_1, row.recall_10) == (0.5, 0.0, 1.0)
    assert (row.answered, row.confidence) == (1.0, 0.75)
    assert row.exact_match == 0.0
    assert row.token_f1 == pytest.approx(2 / 3)
    assert (row.first_hit, row.any_hit, row.citations_exact) == (1.0, 1.0, 1.0)
    assert row.span_precision == pytest.approx(9 / 13)
    assert row.span_recall == pytest.approx(9 / 14)
    assert row.gold
    assert row.gold.text == "Delta epsilon."
    assert row.cited[0].text == TEXT[23:36]
    assert row.seconds >= 0


def test_a_citation_elsewhere_misses() -> None:
    row = ask(GOLD, "Rien", [cite("b.txt", 18, 21), cite("a.txt", 0, 18)], 0.4, [])
    assert (row.rank, row.ndcg, row.recall_10) == (None, 0.0, 0.0)
    # The same offsets in another document, then the characters just before the evidence.
    assert (row.first_hit, row.any_hit) == (0.0, 0.0)
    assert (row.span_precision, row.span_recall) == (0.0, 0.0)


def test_only_the_second_citation_hits() -> None:
    row = ask(GOLD, "?", [cite("a.txt", 0, 18), cite("a.txt", 0, 19)], 0.4, [])
    assert (row.first_hit, row.any_hit) == (0.0, 1.0)


@pytest.mark.parametrize(
    "wrong",
    [
        cite("a.txt", 18, 32, "Delta epsilom."),
        cite("a.txt", 18, 32, "delta epsilon."),
        replace(cite("a.txt", 18, 32), start=17),
        replace(cite("a.txt", 18, 32), document_id="gone.txt"),
    ],
)
def test_a_citation_that_is_not_the_text_is_counted(wrong: Citation) -> None:
    row = ask(GOLD, "epsilon", [cite("a.txt", 18, 32), wrong], 0.9, [])
    assert row.citations_exact == 0.5


def test_an_abstention_on_an_answerable_question_scores_nothing() -> None:
    row = ask(GOLD, "Epsilon n'est pas dans les documents.", [], 0.2, [passage("a.txt", 0, 40)])
    assert (row.answered, row.exact_match, row.token_f1, row.first_hit) == (0.0, 0.0, 0.0, 0.0)
    assert row.ndcg == 1.0
    assert row.citations_exact is None
    assert row.span_precision is None


def test_an_unanswerable_question_has_no_ranking_and_no_gold() -> None:
    row = ask(NONE, "Alpha", [cite("a.txt", 0, 17)], 0.6, [passage("a.txt", 0, 17)])
    assert (row.answered, row.confidence, row.citations_exact) == (1.0, 0.6, 1.0)
    assert {row.rank, row.ndcg, row.first_hit, row.token_f1, row.span_recall, row.gold} == {None}


@pytest.mark.parametrize(
    ("change", "found", "rank"),
    [
        # Our sets: the passage must hold the answer, or overlap the evidence if that is all.
        ({}, (24, 31), 1),
        ({}, (25, 40), None),
        ({"answer_span": None}, (31, 40), 1),
        ({"answer_span": None}, (32, 40), None),
        # Sets with contexts: overlap the answer, or else be in the document.
        ({"context": TEXT}, (25, 40), 1),
        ({"context": TEXT}, (31, 40), None),
        ({"context": TEXT, "answer_span": None, "evidence": None}, (0, 5), 1),
    ],
)
def test_which_passages_are_relevant(
    change: dict[str, Any], found: tuple[int, int], rank: int | None
) -> None:
    row = ask(replace(GOLD, **change), "?", [], 0.0, [passage("a.txt", *found)])
    assert row.rank == rank


def test_without_evidence_the_answer_or_the_document_is_to_be_cited() -> None:
    by_answer = replace(GOLD, evidence=None)
    assert ask(by_answer, "?", [cite("a.txt", 30, 40)], 0.5, []).first_hit == 1.0
    assert ask(by_answer, "?", [cite("a.txt", 0, 24)], 0.5, []).first_hit == 0.0
    assert ask(by_answer, "?", [cite("a.txt", 30, 40)], 0.5, []).span_precision is None
    by_document = replace(by_answer, answer_span=None)
    assert ask(by_document, "?", [cite("a.txt", 0, 5)], 0.5, []).first_hit == 1.0
    assert ask(by_document, "?", [cite("b.txt", 0, 5)], 0.5, []).first_hit == 0.0


def test_judged_documents_are_ranked_once_each() -> None:
    judged = replace(GOLD, document_id=None, answers=(), relevant=("b.txt", "x.txt"))
    passages = [passage("a.txt", 0, 5), passage("a.txt", 5, 9), passage("b.txt", 0, 5)]
    row = ask(judged, "never asked", [], 0.0, passages, retrieval_only=True)
    # Documents a, b: b is second of two relevant.
    assert row.ndcg == pytest.approx((1 / math.log2(3)) / (1 + 1 / math.log2(3)))
    assert (row.rank, row.recall_1, row.recall_10) == (2, 0.0, 0.5)
    assert (row.answered, row.confidence, row.answer) == (None, None, None)


# --- a set ------------------------------------------------------------------------------------


def test_each_question_is_asked_once_after_a_warm_up() -> None:
    assistant, ticks = FakeAssistant(), []
    run(assistant, QuestionSet("set", (GOLD, NONE), {}), asked=lambda: ticks.append(1))
    assert assistant.asked[1:] == ["Quel delta ?", "Qui est-ce ?"]
    assert assistant.asked[0] not in assistant.asked[1:]
    assert assistant.k == [10, 10, 10]
    assert len(ticks) == 2


def test_documents_that_are_not_in_the_index_are_said() -> None:
    absent = replace(GOLD, id="q3/fr", row="q3", document_id="sub/a.txt")
    with pytest.raises(OpcitError) as raised:
        run(FakeAssistant(), QuestionSet("set", (absent, NONE), {}))
    assert "none of the 1 answerable questions' documents is in this index" in str(raised.value)
    assert "'sub/a.txt'" in str(raised.value)
    found = run(FakeAssistant(), QuestionSet("set", (GOLD, absent, NONE), {}))
    assert [row.ndcg for row in found.rows] == [0.0, 0.0, None]
    assert found.notices == (
        "1 of 2 answerable questions have no document in this index and count as failed.",
    )


def test_gold_that_reads_otherwise_is_said() -> None:
    moved = replace(GOLD, answer_span=(23, 30))
    (notice,) = run(FakeAssistant(), QuestionSet("set", (moved,), {})).notices
    assert notice.startswith("1 gold answers do not stand where the set says (first: q1/fr)")


def test_a_refused_question_is_left_out_and_said() -> None:
    refusal = OpcitError("the question is too long.")
    assistant = FakeAssistant(**{NONE.text: (refusal, (), 0.0, ())})
    found = run(assistant, QuestionSet("set", (GOLD, NONE), {}))
    assert [row.id for row in found.rows] == ["q1/fr"]
    assert found.notices == (
        "1 questions were refused and left out: q2/fr (the question is too long.) ...",
    )
    with pytest.raises(OpcitError, match="too long"):
        run(assistant, QuestionSet("set", (NONE,), {}))


def test_rows_come_back_from_json() -> None:
    reply = ("epsilon", [cite("a.txt", 18, 32)], 0.9, [passage("a.txt", 18, 32)])
    found = run(FakeAssistant(**{GOLD.text: reply}), QuestionSet("set", (GOLD, NONE), {}))
    saved = json.loads(json.dumps(as_json(found)))
    assert tuple(Row.from_json(row) for row in saved["rows"]) == found.rows


# --- sums -------------------------------------------------------------------------------------


def made(row: str, language: str = "fr", **values: Any) -> Row:
    """A row with only the scores named."""
    base: dict[str, Any] = {
        "kind": "who",
        "answerable": True,
        "question": f"{row}?",
        "gold_answers": (),
        "gold": None,
        "seconds": 0.01,
    }
    return Row(id=f"{row}/{language}", row=row, language=language, **(base | values))


ROWS = [
    made("a", ndcg=1.0, first_hit=1.0, answered=1.0, confidence=0.95, seconds=0.010),
    made("b", ndcg=0.5, first_hit=0.0, answered=1.0, confidence=0.55, seconds=0.030),
    made("c", ndcg=0.0, first_hit=0.0, answered=0.0, confidence=0.10, seconds=0.020, kind="why"),
    made("d", answerable=False, answered=1.0, confidence=0.75, seconds=0.040, kind="none"),
    made("e", answerable=False, answered=0.0, confidence=0.05, seconds=0.050, kind="none"),
]


def pick(summaries: Sequence[Summary], kind: str | None = None, language: str = "fr") -> Summary:
    (found,) = [
        s for s in summaries if s.kind == kind and s.language == language and s.answerable is None
    ]
    return found


def test_sums_by_hand() -> None:
    found = {name: e.value for name, e in pick(summarise(ROWS)).figures.items()}
    assert found == {
        "ndcg": 0.5,
        "first_hit": pytest.approx(1 / 3),
        # Of the 6 pairs, only (b, d) and (c, d) are lost.
        "auroc": pytest.approx(4 / 6),
        "answered": pytest.approx(2 / 3),
        "abstained": 0.5,
        # By falling confidence a d b c e: right only in a, so risks 0 1/2 2/3 3/4 4/5.
        "risk_area": pytest.approx((0 + 1 / 2 + 2 / 3 + 3 / 4 + 4 / 5) / 5),
        # Of the answers a, d, b: off by .05, .75, .55.
        "calibration_error": pytest.approx((0.05 + 0.75 + 0.55) / 3),
        "p50": 30.0,
        "p95": 50.0,
    }


def test_sums_are_split_by_kind_and_answerability() -> None:
    summaries = summarise(ROWS)
    assert [(s.kind, s.answerable, s.n) for s in summaries] == [
        (None, None, 5), ("none", None, 2), ("who", None, 2), ("why", None, 1),
        (None, True, 3), (None, False, 2),
    ]  # fmt: skip
    assert pick(summaries, "who").figures["ndcg"].value == 0.75
    assert "ndcg" not in pick(summaries, "none").figures
    assert pick(summaries, "none").figures["abstained"].value == 0.5


def test_two_languages_are_summed_apart_and_together() -> None:
    english = [replace(r, id=f"{r.row}/en", language="en", seconds=0.1) for r in ROWS]
    summaries = summarise([*ROWS, *english])
    assert list(dict.fromkeys(s.language for s in summaries)) == ["fr", "en", "both"]
    both = pick(summaries, language="both")
    assert both.n == 10
    assert both.figures["p50"].value == 50.0
    # The two wordings of a row are drawn together, so they narrow nothing when they agree.
    assert both.figures["ndcg"] == pick(summaries).figures["ndcg"]


def better(row: Row) -> Row:
    return replace(row, ndcg=1.0 if row.ndcg is not None else None, seconds=row.seconds / 10)


def test_a_real_difference_and_one_that_is_none() -> None:
    rows = [made(str(n), ndcg=(n % 5) / 5, recall_1=float(n % 2)) for n in range(60)]
    # Every second question loses what the next one wins: no difference in all.
    swapped = [
        replace(better(row), recall_1=1 - row.recall_1) for row in rows if row.recall_1 is not None
    ]
    found = {each.measure.name: each for each in compare(rows, swapped)}
    assert found["ndcg"].verdict == "better"
    assert found["ndcg"].a == pytest.approx(0.4)
    assert found["ndcg"].b == 1.0
    assert found["ndcg"].change.value == pytest.approx(0.6)
    assert 0.5 < found["ndcg"].change.low < 0.6 < found["ndcg"].change.high < 0.7
    assert found["p50"].verdict == "better"
    assert found["recall_1"].change.value == 0.0
    assert found["recall_1"].verdict == "not shown"
    back = {each.measure.name: each for each in compare(swapped, rows)}
    assert (back["ndcg"].verdict, back["p50"].verdict) == ("worse", "worse")


def test_pairing_sees_what_two_intervals_cannot() -> None:
    rows = [made(str(n), ndcg=(n % 10) / 10) for n in range(60)]
    raised = [replace(row, ndcg=row.ndcg + 0.02) for row in rows if row.ndcg is not None]
    one, other = (pick(summarise(each)).figures["ndcg"] for each in (rows, raised))
    assert other.low < one.high
    (change,) = [c for c in compare(rows, raised) if c.measure.name == "ndcg"]
    assert change.verdict == "better"


def test_only_the_same_questions_are_compared() -> None:
    rows = ROWS[:3]
    other = [replace(ROWS[2], ndcg=1.0), replace(ROWS[0], question="Reworded?"), ROWS[1]]
    assert shared(rows, other) == ([ROWS[1], ROWS[2]], [ROWS[1], other[0]])


def test_a_summary_is_plain_values() -> None:
    text = json.dumps([asdict(s) for s in summarise(ROWS)], allow_nan=False)
    assert json.loads(text)[0]["figures"]["ndcg"]["value"] == 0.5
