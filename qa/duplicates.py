"""Near-duplicates: news is told again in the same words, and should be shown once.

Two texts are nearly the same when most of the three-word runs of the shorter one are also in the
other (shingling, Broder 1997); case, accents and punctuation do not count.
"""

from collections.abc import Sequence
from functools import lru_cache

from index import Hit, Passage, folded_words, sentence_spans

from .types import Citation

_RUN = 3
# The share of a text's runs from which another text is said to hold it.
_MOST = 0.8
# Passages of a question, and of those before it, are compared again with each citation.
_TEXTS_KEPT = 500

Runs = frozenset[tuple[str, ...]]


def distinct(hits: Sequence[Hit]) -> list[Hit]:
    """The hits without those that nearly repeat, or are held by, one of another document before."""
    kept: list[tuple[Hit, Runs]] = []
    for hit in hits:
        runs = _runs(hit.passage.text)
        if not any(
            _held(runs, others) and hit.passage.document_id != other.passage.document_id
            for other, others in kept
        ):
            kept.append((hit, runs))
    return [hit for hit, _ in kept]


def copies(words: str, document_id: str, hits: Sequence[Hit]) -> tuple[Passage, ...]:
    """Where other documents among the hits have nearly the same sentence, one place in each."""
    runs = _runs(words)
    found: dict[str, Passage] = {}
    for passage in (hit.passage for hit in hits):
        if passage.document_id in {document_id, *found} or not _held(runs, _runs(passage.text)):
            continue
        for start, end in sentence_spans(passage.text):
            if _held(runs, _runs(passage.text[start:end])):
                found[passage.document_id] = Passage(
                    passage.document_id,
                    passage.start + start,
                    passage.start + end,
                    passage.text[start:end],
                )
                break
    return tuple(found.values())


def without_copies(citations: Sequence[Citation]) -> tuple[Citation, ...]:
    """The citations without those that are a copy of one before."""
    kept: list[Citation] = []
    for citation in citations:
        place = (citation.document_id, citation.start)
        if all(place != (copy.document_id, copy.start) for one in kept for copy in one.copies):
            kept.append(citation)
    return tuple(kept)


def _held(runs: Runs, others: Runs) -> bool:
    return len(runs & others) >= _MOST * len(runs)


@lru_cache(_TEXTS_KEPT)
def _runs(text: str) -> Runs:
    """Runs of three words; the whole text where it is shorter."""
    words = folded_words(text)
    return frozenset(tuple(words[i : i + _RUN]) for i in range(max(1, len(words) - _RUN + 1)))
