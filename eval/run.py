"""Asks every question of a set once and scores what comes back, question by question.

    run(assistant, questions) -> Run      one `Row` for each question, and notices

What counts: a passage is relevant when it holds the gold answer (when only the evidence is known,
overlaps it; in sets that bring their contexts, overlaps the answer, or else belongs to the gold
document). The gold place is one thing to find, so the first relevant passage counts and no other.
A citation hits when it overlaps the gold evidence in the gold document; a set without evidence
takes the answer's place, or else the whole document. An abstention on an answerable question
scores 0. A score that a question cannot have is None.

Does not know: where the assistant's index is, nor how scores are summed up.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from qa import Answer, Citation, Document, Hit, OpcitError, Passage

from . import metrics
from .questions import Question, QuestionSet, Span

K = 10
# A document may hold several of the passages found; so many are fetched to get K documents.
_PASSAGES_FOR_DOCUMENTS = 5 * K
_WARM_UP = "Quelle est la question ?"


class Answering(Protocol):
    """What is evaluated: `qa.Assistant`, or a small fake in the tests."""

    def ask(self, question: str, /) -> Answer: ...
    def search(self, question: str, /, k: int = ...) -> Sequence[Hit]: ...
    def document(self, document_id: str, /) -> Document | None: ...


@dataclass(frozen=True, slots=True)
class Place:
    """A span of a document with its text, cited or gold; a gold document alone spans (0, 0)."""

    document_id: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Row:
    """What one question got. Scores are 0 to 1, higher is better; `seconds` is for one `ask`.

    `answered`, `confidence` and all after them are None in sets that measure only rankings,
    where `seconds` is for one `search`.
    """

    id: str
    row: str
    language: str
    kind: str
    answerable: bool
    question: str
    gold_answers: tuple[str, ...]
    gold: Place | None
    seconds: float
    rank: int | None = None
    ndcg: float | None = None
    recall_1: float | None = None
    recall_10: float | None = None
    answer: str | None = None
    answered: float | None = None
    confidence: float | None = None
    cited: tuple[Place, ...] = ()
    exact_match: float | None = None
    token_f1: float | None = None
    first_hit: float | None = None
    any_hit: float | None = None
    citations_exact: float | None = None
    span_precision: float | None = None
    span_recall: float | None = None

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Row":
        """The row that `dataclasses.asdict` turned into `values`. Raises TypeError if foreign."""
        places = {
            "gold": Place(**values["gold"]) if values["gold"] else None,
            "cited": tuple(Place(**place) for place in values["cited"]),
            "gold_answers": tuple(values["gold_answers"]),
        }
        return cls(**{**values, **places})


@dataclass(frozen=True, slots=True)
class Run:
    """All rows of one evaluation; `notices` are sentences that a reader of the figures needs."""

    set_name: str
    rows: tuple[Row, ...]
    notices: tuple[str, ...] = field(default=())


def run(
    assistant: Answering, questions: QuestionSet, asked: Callable[[], object] = lambda: None
) -> Run:
    """Every question of the set, in its order; `asked` is called after each.

    Raises:
        OpcitError: no gold document is in the index.
    """
    library = _Library(assistant)
    notices = _check_gold(questions, library)
    assistant.search(_WARM_UP, k=K)
    if not questions.retrieval_only:
        assistant.ask(_WARM_UP)
    rows, refused = [], []
    for question in questions.questions:
        try:
            rows.append(_row(assistant, library, question, questions.retrieval_only))
        except OpcitError as error:
            refused.append(f"{question.id} ({error})")
        asked()
    if refused:
        notices.append(f"{len(refused)} questions were refused and left out: {refused[0]} ...")
    if not rows:
        raise OpcitError(notices[-1])
    return Run(questions.name, tuple(rows), tuple(notices))


class _Library:
    """The documents of the index, each fetched once."""

    def __init__(self, assistant: Answering) -> None:
        self._assistant = assistant
        self._texts: dict[str, str | None] = {}

    def text(self, document_id: str) -> str | None:
        if document_id not in self._texts:
            document = self._assistant.document(document_id)
            self._texts[document_id] = document.text if document else None
        return self._texts[document_id]

    def place(self, document_id: str, span: Span | None) -> Place:
        start, end = span or (0, 0)
        return Place(document_id, start, end, (self.text(document_id) or "")[start:end])


def _check_gold(questions: QuestionSet, library: _Library) -> list[str]:
    """Notices about gold documents that are missing or read otherwise than the set says."""
    golds = {q.row: q for q in questions.questions if q.answerable}
    missing = [q for q in golds.values() if not any(library.text(d) is not None for d in _docs(q))]
    if golds and len(missing) == len(golds):
        raise OpcitError(
            f"none of the {len(golds)} answerable questions' documents is in this index "
            f"(the first is {_docs(missing[0])[0]!r}); index the folder they stand in"
            f"{', or leave --index out: the set brings them' if questions.documents else ''}."
        )
    notices = []
    if missing:
        notices.append(
            f"{len(missing)} of {len(golds)} answerable questions have no document in this index "
            "and count as failed."
        )
    absent = {q.row for q in missing}
    moved = [q for q in golds.values() if q.row not in absent and not _gold_holds(q, library)]
    if moved:
        notices.append(
            f"{len(moved)} gold answers do not stand where the set says (first: {moved[0].id}); "
            "the documents are not the ones the set was written for."
        )
    return notices


def _docs(question: Question) -> tuple[str, ...]:
    return question.relevant or ((question.document_id,) if question.document_id else ())


def _gold_holds(question: Question, library: _Library) -> bool:
    if not question.document_id or not question.answer_span:
        return True
    return library.place(question.document_id, question.answer_span).text in question.answers


# --- one question -----------------------------------------------------------------------------


def _row(assistant: Answering, library: _Library, question: Question, retrieval_only: bool) -> Row:
    began = time.perf_counter()
    answer = None if retrieval_only else assistant.ask(question.text)
    after = time.perf_counter()
    hits = assistant.search(question.text, k=_PASSAGES_FOR_DOCUMENTS if question.relevant else K)
    place = question.evidence or question.answer_span
    gold = _docs(question)[0] if question.answerable else None
    return Row(
        id=question.id,
        row=question.row,
        language=question.language,
        kind=question.kind,
        answerable=question.answerable,
        question=question.text,
        gold_answers=question.answers,
        gold=library.place(gold, place) if gold else None,
        seconds=(time.perf_counter() if retrieval_only else after) - began,
        **(_ranking_scores(question, hits) if question.answerable else {}),
        **(_answer_scores(question, answer, library) if answer else {}),
    )


def _ranking_scores(question: Question, hits: Sequence[Hit]) -> dict[str, Any]:
    if question.relevant:
        found = list(dict.fromkeys(hit.passage.document_id for hit in hits))[:K]
        gains = [document in question.relevant for document in found]
    else:
        first = next((n for n, hit in enumerate(hits) if _relevant(question, hit.passage)), K)
        gains = [n == first for n in range(min(len(hits), K))]
    relevant = max(1, len(question.relevant))
    return {
        "rank": gains.index(True) + 1 if True in gains else None,
        "ndcg": metrics.ndcg(gains, relevant, K),
        "recall_1": metrics.recall(gains, relevant, 1),
        "recall_10": metrics.recall(gains, relevant, K),
    }


def _relevant(question: Question, passage: Passage) -> bool:
    if passage.document_id != question.document_id:
        return False
    span, answer, evidence = (passage.start, passage.end), question.answer_span, question.evidence
    if answer:
        shared = metrics.overlap(span, answer)
        return shared > 0 if question.context else shared == answer[1] - answer[0]
    return evidence is None or metrics.overlap(span, evidence) > 0


def _answer_scores(question: Question, answer: Answer, library: _Library) -> dict[str, Any]:
    cited = tuple(Place(c.document_id, c.start, c.end, c.quote) for c in answer.citations)
    hits = [_hits(question, citation) for citation in answer.citations]
    scores: dict[str, Any] = {
        "answer": answer.text,
        "answered": float(answer.found),
        "confidence": answer.confidence,
        "cited": cited,
    }
    if cited:
        exact = [library.place(c.document_id, (c.start, c.end)) == c for c in cited]
        scores["citations_exact"] = sum(exact) / len(exact)
    if question.answerable:
        # The sentence of an abstention is no answer, whatever words it shares with the gold.
        scores["exact_match"] = answer.found * metrics.exact_match(answer.text, question.answers)
        scores["token_f1"] = answer.found * metrics.token_f1(answer.text, question.answers)
        scores["first_hit"] = float(hits[:1] == [True])
        scores["any_hit"] = float(any(hits))
    if cited and question.answerable and question.evidence:
        start, end = question.evidence
        inside = cited[0].document_id == question.document_id
        shared = metrics.overlap((cited[0].start, cited[0].end), (start, end)) * inside
        scores["span_precision"] = shared / max(1, cited[0].end - cited[0].start)
        scores["span_recall"] = shared / (end - start)
    return scores


def _hits(question: Question, citation: Citation) -> bool:
    if not question.answerable or citation.document_id != question.document_id:
        return False
    gold = question.evidence or question.answer_span
    return gold is None or metrics.overlap((citation.start, citation.end), gold) > 0


def as_json(run: Run) -> dict[str, Any]:
    """The run as plain values for a JSON file; `Row.from_json` reads a row back."""
    return {
        "set": run.set_name,
        "notices": list(run.notices),
        "rows": [asdict(r) for r in run.rows],
    }
