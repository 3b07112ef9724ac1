"""Finds the sentences that answer in the passages found, with no language model.

A cross-encoder reads the question together with each of the first passages (`reading.py`). A linear
model ranks their sentences by what was read, by nearness in meaning, and by the passage's place;
a logistic one turns what is known of the best sentence into the probability that it answers. Both
were fitted by `python -m training.reader`, which writes `reader.json`.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from index import LANGUAGES, Hit, Index, Language, Passage, detect

from .dates import written
from .reading import PassageReader

Features = NDArray[np.float64]
Span = tuple[int, int]

# Passages that are read.
_READ = 4
# Sentences cited beside the best one, and how near its score they must be.
_CITED = 3
_NEAR = 1.0


@dataclass(frozen=True, slots=True)
class Finding:
    """A sentence that may answer: its place, the short answer's place, and how sure we are."""

    document_id: str
    start: int
    end: int
    answer: Span | None
    confidence: float


@dataclass(frozen=True, slots=True)
class Reading:
    """What came of reading: findings, best first, and all the passages in their new order."""

    findings: list[Finding]
    hits: list[Hit]


class Reader(Protocol):
    """Reads passages for the answer to a question.

    Below a confidence of `threshold` the documents are taken not to answer.
    """

    threshold: float

    def read(self, question: str, hits: list[Hit]) -> Reading:
        """What may answer; confidence is a probability from 0 to 1.

        The hits stay the same but for their order, in which scores still fall.
        """


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of a passage found for a question, with its best span and what is known of it.

    Offsets are those of the passage.
    """

    hit: Hit
    start: int
    end: int
    answer: Span
    features: Features


class ExtractiveReader:
    """The reader of `reader.json` and `reader/`."""

    def __init__(self, index: Index) -> None:
        fitted = _fitted()
        self._index = index
        self._passages = PassageReader()
        self._sentence = np.array(fitted["sentence_weights"])
        self._confidence = {
            language: np.array(fitted["confidence_weights"][language]) for language in LANGUAGES
        }
        self.threshold: float = fitted["threshold"]

    def read(self, question: str, hits: list[Hit]) -> Reading:
        sentences = sentences_of(question, hits, self._index, self._passages)
        if not sentences:
            return Reading([], hits)
        scores = np.stack([sentence.features for sentence in sentences]) @ self._sentence
        order = np.argsort(-scores, kind="stable")
        known = confidence_features(sentences, scores)
        confidence = _logistic(float(known @ self._confidence[detect(question)]))
        cited = [i for i in order[:_CITED] if scores[order[0]] - scores[i] <= _NEAR]
        return Reading(
            [_finding(sentences[i], confidence) for i in cited],
            _reordered(hits, [sentences[i].hit for i in order]),
        )


def _finding(sentence: Sentence, confidence: float) -> Finding:
    passage = sentence.hit.passage
    start, end = sentence.answer
    return Finding(
        passage.document_id,
        passage.start + sentence.start,
        passage.start + sentence.end,
        (passage.start + start, passage.start + end),
        confidence,
    )


def _reordered(hits: list[Hit], best: Sequence[Hit]) -> list[Hit]:
    """The hits, first those in `best` in its order; the scores stay where they are."""
    order = dict.fromkeys([hit.passage for hit in (*best, *hits)])
    return [Hit(passage, hit.score) for passage, hit in zip(order, hits, strict=True)]


def sentences_of(
    question: str, hits: Sequence[Hit], index: Index, reader: PassageReader
) -> list[Sentence]:
    """The sentences of the first passages, each with its features, shape `(6,)`."""
    hits = [hit for hit in hits[:_READ] if hit.passage.text.strip()]
    passages = [hit.passage for hit in hits]
    nearness = index.sentence_nearness(question, passages)
    texts = dated(passages, index, detect(question))
    # A text ends with its passage: its offsets are the passage's, moved by what is above.
    above = [len(text) - len(passage.text) for text, passage in zip(texts, passages, strict=True)]
    spans = [
        [(start + by, end + by) for start, end in some]
        for some, by in zip(nearness, above, strict=True)
    ]
    found = []
    for rank, readings in enumerate(reader.read(question, texts, spans)):
        for (start, end), read in zip(nearness[rank], readings, strict=True):
            features = [
                read.evidence / 5,
                read.share / 5,
                read.answer_score / 10,
                5 * nearness[rank][start, end],
                2 * hits[rank].score,
                1 / (1 + rank),
            ]
            answer = (read.answer[0] - above[rank], read.answer[1] - above[rank])
            found.append(Sentence(hits[rank], start, end, answer, np.array(features)))
    return found


def dated(passages: list[Passage], index: Index, language: Language) -> list[str]:
    """What is read of each passage: its text, under its document's date and title.

    News says "on Wednesday": only the date tells which.
    """
    dates = index.dates({passage.document_id for passage in passages})
    days = [dates.get(passage.document_id) for passage in passages]
    return [
        f"{written(day, language)}\n{text}" if day else text
        for day, text in zip(days, index.headed(passages), strict=True)
    ]


def confidence_features(sentences: Sequence[Sentence], scores: Features) -> Features:
    """What speaks for it that the best sentence answers, shape `(10,)`; the last is always 1."""
    order = np.argsort(-scores, kind="stable")
    best = sentences[order[0]].features
    second = scores[order[1]] if len(scores) > 1 else scores[order[0]]
    return np.array(
        [
            scores[order[0]] - second,
            1 / np.exp(scores - scores.max()).sum(),
            *best,
            max(sentence.features[0] for sentence in sentences),
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
