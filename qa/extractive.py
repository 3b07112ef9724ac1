"""Reads passages and picks the spans that answer, with no language model."""

from dataclasses import dataclass
from typing import Protocol

from index import Hit, Index, sentence_spans


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

    def read(self, question: str, hits: list[Hit]) -> list[Finding]:
        """What may answer, best first; confidence is a probability from 0 to 1."""


class ExtractiveReader:
    """The sentence nearest to the question."""

    threshold = 0.3

    def __init__(self, index: Index) -> None:
        self._index = index

    def read(self, question: str, hits: list[Hit]) -> list[Finding]:
        places = [
            (hit, start, end) for hit in hits[:5] for start, end in sentence_spans(hit.passage.text)
        ]
        if not places:
            return []
        texts = [hit.passage.text[start:end] for hit, start, end in places]
        nearness = self._index.embedder.embed_passages(texts) @ self._index.embedder.embed_question(
            question
        )
        findings = [
            Finding(
                hit.passage.document_id,
                hit.passage.start + start,
                hit.passage.start + end,
                None,
                max(0.0, min(1.0, float(score) * hit.score)),
            )
            for (hit, start, end), score in zip(places, nearness, strict=True)
        ]
        return sorted(findings, key=lambda finding: -finding.confidence)[:3]
