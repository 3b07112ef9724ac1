"""Reads passages and picks the spans that answer, with no language model.

Three small fitted models, each on what the one before found: `spans.py` finds the shortest
answering span of a sentence; a linear model ranks the sentences of the passages; a logistic one
turns what is known of the best sentence into the probability that it answers. All are fitted on
questions with marked answers by `python -m training reader`, which writes `reader.json`.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from index import Hit, Index, Language, sentence_spans, stems

from .question import KINDS, Question
from .spans import SpanModel, asked_words

Features = NDArray[np.float64]
# For each word of a question: how rare it is, and the stems that match it, with weights.
Wanted = list[tuple[float, dict[str, float]]]

# Passages whose sentences are read.
_READ = 6
# Sentences cited beside the best one, and how near its score they must be.
_CITED = 3
_NEAR = 1.0
_LANGUAGES: Final[tuple[Language, ...]] = ("fr", "en")


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
            language: np.array(fitted["confidence_weights"][language]) for language in _LANGUAGES
        }
        self.threshold: float = fitted["threshold"]

    def read(self, question: Question, hits: list[Hit]) -> list[Finding]:
        sentences = sentences_of(question, hits, self._index, self._spans)
        if not sentences:
            return []
        scores = np.stack([sentence.features for sentence in sentences]) @ self._sentence
        order = np.argsort(-scores, kind="stable")
        known = confidence_features(question, hits, sentences, scores)
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
        (rank, hit, start, end)
        for rank, hit in enumerate(hits[:_READ])
        for start, end in sentence_spans(hit.passage.text)
    ]
    if not places:
        return []
    texts = [hit.passage.text[start:end] for _, hit, start, end in places]
    nearness = index.embedder.embed_passages(texts) @ index.embedder.embed_question(question.text)
    asked = asked_words(question.text)
    wanted = {language: index.wanted(question.text, language) for language in _LANGUAGES}
    spans = [span_model.best(text, asked, question.kind) for text in texts]
    passages = [_shared(wanted, hit.passage.text) for hit in hits[:_READ]]
    found = []
    for i, (rank, hit, start, end) in enumerate(places):
        covered = _shared(wanted, texts[i])
        around = [
            _shared(wanted, texts[j])
            for j in (i - 1, i + 1)
            if 0 <= j < len(places) and places[j][1] is hit
        ]
        features = [
            hit.score,
            1 / (1 + rank),
            float(nearness[i]),
            float(nearness[i] - nearness.max()),
            covered,
            covered - passages[rank],
            max(around, default=0.0),
            spans[i][2] / 10,
            math.log(1 + end - start) / 5,
            float(end - start < 30),
            float(start == 0),
            float(texts[i][-1] in ".!?…»"),
            *(spans[i][2] / 10 if question.kind == kind else 0.0 for kind in KINDS),
            *(math.log(1 + end - start) / 5 if question.kind == kind else 0.0 for kind in KINDS),
            1.0,
        ]
        found.append(Sentence(hit, start, end, spans[i][:2], np.array(features)))
    return found


def confidence_features(
    question: Question, hits: list[Hit], sentences: list[Sentence], scores: Features
) -> Features:
    """What tells whether the best sentence answers, of which the last is 1."""
    order = np.argsort(-scores, kind="stable")
    best = sentences[order[0]].features
    second = scores[order[1]] if len(scores) > 1 else scores[order[0]]
    shares = np.exp(scores - scores.max())
    other = next(
        (h.score for h in hits if h.passage.document_id != hits[0].passage.document_id), 0.0
    )
    return np.array(
        [
            scores[order[0]],
            scores[order[0]] - second,
            1 / shares.sum(),
            *best[[0, 2, 4, 5, 6, 7]],
            max(sentence.features[2] for sentence in sentences),
            max(sentence.features[4] for sentence in sentences),
            hits[0].score - other,
            math.log(len(question.text)) / 5,
            1.0,
        ]
    )


def _shared(wanted: Mapping[Language, Wanted], text: str) -> float:
    """The share of a question's words, weighed by rarity, that a text of either language has."""
    return max(_coverage(wanted[language], set(stems(text, language))) for language in wanted)


def _coverage(wanted: Wanted, have: set[str]) -> float:
    total = sum(rarity for rarity, _ in wanted)
    found = sum(
        rarity * max((weight for stem, weight in weights.items() if stem in have), default=0.0)
        for rarity, weights in wanted
    )
    return found / total if total else 0.0


def _logistic(x: float) -> float:
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, x))))


@cache
def _fitted() -> dict[str, Any]:
    fitted: dict[str, Any] = json.loads(
        Path(__file__).with_name("reader.json").read_text(encoding="utf-8")
    )
    return fitted
