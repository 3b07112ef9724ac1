"""Reads passages and picks the spans that answer, with no language model.

Three small fitted models, each on what the one before found: `spans.py` finds the shortest
answering span of a sentence; a linear model ranks the sentences of the passages; a logistic one
turns what is known of the best sentence into the probability that it answers. All are fitted on
questions with marked answers by `python -m training.reader`, which writes `reader.json`.
"""

import json
import math
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from index import LANGUAGES, Hit, Index, Language, WantedWord, folded_words, sentence_spans, stems

from .question import KINDS, Question
from .spans import NAME_FORMS, SpanModel, asked_words, tokens

Features = NDArray[np.float64]

# Passages whose sentences are read.
_READ = 6
# Sentences cited beside the best one, and how near its score they must be.
_CITED = 3
_NEAR = 1.0
# Features of sentences that confidence looks at, by their column: how far the words are covered by
# the sentence (0) and by passage and title (7), the rarest word missing (8), names missing (9),
# the passage's score (10) and rank (11), and the nearness in meaning (12).
_OF_THE_BEST = [0, 7, 8, 9, 10, 11, 12]
_OF_ANY = [0, 7, 12]


@dataclass(frozen=True, slots=True)
class Finding:
    """A sentence that may answer: its place, the short answer's place, and how sure we are."""

    document_id: str
    start: int
    end: int
    answer: tuple[int, int] | None
    confidence: float


class Reader(Protocol):
    """Reads passages for the answer to a question.

    Below a confidence of `threshold` the documents are taken not to answer.
    """

    threshold: float

    def read(self, question: Question, hits: list[Hit]) -> list[Finding]:
        """What may answer, best first; confidence is a probability from 0 to 1."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of a passage found for a question, with its best span and what is known of it."""

    hit: Hit
    start: int
    end: int
    answer: tuple[int, int]
    features: Features


class ExtractiveReader:
    """The reader of `reader.json`."""

    def __init__(self, index: Index) -> None:
        fitted = _fitted()
        self._index = index
        self._spans = SpanModel(fitted["span_weights"], fitted["span_words"])
        self._sentence = np.array(fitted["sentence_weights"])
        self._confidence = {
            language: np.array(fitted["confidence_weights"][language]) for language in LANGUAGES
        }
        self.threshold: float = fitted["threshold"]

    def read(self, question: Question, hits: list[Hit]) -> list[Finding]:
        sentences = sentences_of(question, hits, self._index, self._spans)
        if not sentences:
            return []
        scores = np.stack([sentence.features for sentence in sentences]) @ self._sentence
        order = np.argsort(-scores, kind="stable")
        known = confidence_features(hits, sentences, scores)
        confidence = _logistic(float(known @ self._confidence[question.language]))
        cited = [i for i in order[:_CITED] if scores[order[0]] - scores[i] <= _NEAR]
        return [_finding(sentences[i], confidence) for i in cited]


def _finding(sentence: Sentence, confidence: float) -> Finding:
    passage = sentence.hit.passage
    start, end = sentence.answer
    return Finding(
        passage.document_id,
        passage.start + sentence.start,
        passage.start + sentence.end,
        (passage.start + sentence.start + start, passage.start + sentence.start + end),
        confidence,
    )


def sentences_of(
    question: Question, hits: list[Hit], index: Index, span_model: SpanModel
) -> list[Sentence]:
    """The sentences of the first passages, each with its features, of which the last is 1."""
    places = [
        _Place(rank, hit, start, end, hit.passage.text[start:end])
        for rank, hit in enumerate(hits[:_READ])
        for start, end in sentence_spans(hit.passage.text)
    ]
    if not places:
        return []
    asked = asked_words(question.text)
    spans = [span_model.best(place.text, asked, question.kind) for place in places]
    features = np.column_stack(
        [
            _word_features(question, places, index),
            _nearness(question, places, index),
            [
                _form_features(question, place, span[2])
                for place, span in zip(places, spans, strict=True)
            ],
            np.ones(len(places)),
        ]
    )
    return [
        Sentence(place.hit, place.start, place.end, span[:2], row)
        for place, span, row in zip(places, spans, features, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class _Place:
    """A sentence of a passage, by its offsets in the passage, before anything is known of it."""

    rank: int
    hit: Hit
    start: int
    end: int
    text: str


def _word_features(question: Question, places: list[_Place], index: Index) -> Features:
    """How far the sentences have the question's words, `(len(places), 12)`.

    What names the event stands all over its article, in the title above all, and cannot tell its
    sentences apart: some of these features count a word for less the more sentences have it. A
    rare word, a name or a number that neither the passage nor its title has says that the passage
    is about something else.
    """
    has, titled, rarity, naming = _matches(question, places, index)
    document = np.array([place.hit.passage.document_id for place in places])
    rank = np.array([place.rank for place in places])
    total = max(rarity.sum(axis=1).max(), 1e-9)
    covered = (has * rarity).sum(axis=1) / total
    in_passage = np.array([has[rank == r].max(axis=0) for r in rank])
    with_title = np.maximum(in_passage, titled)
    tells_apart = np.maximum(0, np.log((len(places) + 1) / (has.sum(axis=0) + 0.5)))
    in_document = np.zeros(len(places))
    for one in set(document):
        rows = document == one
        count = has[rows].sum(axis=0)
        tells = np.where(count > 0, np.log((rows.sum() + 1) / (count + 0.5)), 0.0)
        in_document[rows] = (has[rows] * np.maximum(0, tells)).sum(axis=1) / 3
    beside = np.zeros(len(places))
    same = rank[1:] == rank[:-1]
    beside[1:] = np.where(same, covered[:-1], 0.0)
    beside[:-1] = np.maximum(beside[:-1], np.where(same, covered[1:], 0.0))
    words = max(has.shape[1], 1)
    names = max(naming.sum(), 1.0)
    return np.column_stack(
        [
            covered,
            covered - (in_passage * rarity).sum(axis=1) / total,
            beside,
            (has * tells_apart).sum(axis=1) / max(tells_apart.sum(), 1e-9),
            (has * tells_apart).max(axis=1, initial=0.0) / 3,
            in_document,
            2 * (has * (1 - titled)).sum(axis=1) / words,
            (with_title * rarity).sum(axis=1) / total,
            ((1 - with_title) * rarity).max(axis=1, initial=0.0) / max(rarity.max(initial=0), 1e-9),
            ((1 - with_title) * naming).sum(axis=1) / names,
            [place.hit.score for place in places],
            1 / (1 + rank),
        ]
    )


def _nearness(question: Question, places: list[_Place], index: Index) -> Features:
    """How near the sentences are in meaning, `(len(places),)`: cosines, brought to some -1 to 5."""
    passages, spans = [], []
    for passage, its in groupby(places, key=lambda place: place.hit.passage):
        passages.append(passage)
        spans.append([(place.start, place.end) for place in its])
    nearness = np.concatenate(index.span_nearness(question.text, passages, spans))
    return 5 * nearness.astype(np.float64)


def _matches(
    question: Question, places: list[_Place], index: Index
) -> tuple[Features, Features, Features, Features]:
    """How well each sentence, and the title and date above it, has each word of the question.

    Three arrays of shape `(sentences, words)`: matches from 0 to 1, those of the title, and the
    rarity of the words in the sentence's language; and which words are names or numbers.
    """
    wanted = {language: index.wanted(question.text, language) for language in LANGUAGES}
    names = {
        word
        for token in tokens(question.text, frozenset())
        if token.form in NAME_FORMS
        for word in folded_words(token.word)
    }
    above: dict[str, tuple[Language, list[float]]] = {}
    for place in places:
        document_id = place.hit.passage.document_id
        if document_id not in above:
            entry = index.entry(document_id)
            language: Language = entry.language if entry else question.language
            title = f"{entry.title} {entry.date}" if entry else ""
            above[document_id] = language, _match(wanted[language], title, language)
    has, titled, rarity = [], [], []
    for place in places:
        language, title_match = above[place.hit.passage.document_id]
        has.append(_match(wanted[language], place.text, language))
        titled.append(title_match)
        rarity.append([word.rarity for word in wanted[language]])
    naming = np.array([float(word.word in names) for word in wanted[question.language]])
    return np.array(has), np.array(titled), np.array(rarity), naming


def _match(wanted: list[WantedWord], text: str, language: Language) -> list[float]:
    have = set(stems(text, language))
    return [word.match(have) for word in wanted]


def _form_features(question: Question, place: _Place, span_score: float) -> list[float]:
    """What the sentence is like, whatever its words: its best span's score, length, place, end."""
    score = max(span_score, -20.0) / 10
    length = math.log(1 + len(place.text)) / 5
    return [
        score,
        length,
        float(len(place.text) < 30),
        float(place.start == 0),
        float(place.hit.passage.start == 0 and place.start < 250),
        float(place.text[-1] in ".!?…»"),
        *(score if question.kind == kind else 0.0 for kind in KINDS),
        *(length if question.kind == kind else 0.0 for kind in KINDS),
    ]


def confidence_features(hits: list[Hit], sentences: list[Sentence], scores: Features) -> Features:
    """What tells whether the best sentence answers, of which the last is 1."""
    order = np.argsort(-scores, kind="stable")
    features = np.stack([sentence.features for sentence in sentences])
    second = scores[order[1]] if len(scores) > 1 else scores[order[0]]
    others = (h.score for h in hits if h.passage.document_id != hits[0].passage.document_id)
    return np.array(
        [
            scores[order[0]],
            scores[order[0]] - second,
            1 / np.exp(scores - scores.max()).sum(),
            *features[order[0], _OF_THE_BEST],
            *features[:, _OF_ANY].max(axis=0),
            hits[0].score - next(others, 0.0),
            1.0,
        ]
    )


def _logistic(x: float) -> float:
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, x))))


@cache
def _fitted() -> dict[str, Any]:
    fitted: dict[str, Any] = json.loads(
        Path(__file__).with_name("reader.json").read_text(encoding="utf-8")
    )
    return fitted
