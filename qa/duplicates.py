"""Near-duplicates: news is told again in the same words, and should be shown once.

Two texts are nearly the same when most of the three-word runs of the shorter one are also in the
other (shingling, Broder 1997), and among them all its figures and names: one other figure makes it
other news. Case, accents and punctuation do not count.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from index import LANGUAGES, Hit, Passage, folded_words, sentence_spans, stems

from .types import Citation

_RUN = 3
# The share of a text's runs from which another text is said to hold it.
_MOST = 0.8
# Passages of a question, and of those before it, are compared again with each citation.
_TEXTS_KEPT = 500
_WORDS_KEPT = 50_000
# A number with its thousands and decimals (1 200, 1,200.50), or a word.
_WORD = re.compile(r"\d{1,3}(?:[.,\s]\d{3})+(?:[.,]\d+)?\b|\d+(?:[.,]\d+)?\b|[^\W_]+")
_THOUSANDS = re.compile(r"[.,\s](?=\d{3}(?!\d))")


@dataclass(frozen=True, slots=True)
class _Told:
    """What is compared of a text: its runs of words, and the words that no copy may change."""

    runs: frozenset[tuple[str, ...]]
    fixed: frozenset[str]

    def is_held_by(self, other: "_Told") -> bool:
        shared = self.runs & other.runs
        enough = len(shared) >= _MOST * len(self.runs)
        return enough and self.fixed.issubset(word for run in shared for word in run)


def distinct(hits: Sequence[Hit]) -> list[Hit]:
    """The hits without those that nearly repeat, or are held by, one of another document before."""
    kept: list[tuple[Hit, _Told]] = []
    for hit in hits:
        told = _told(hit.passage.text)
        if not any(
            hit.passage.document_id != other.passage.document_id and told.is_held_by(before)
            for other, before in kept
        ):
            kept.append((hit, told))
    return [hit for hit, _ in kept]


def copies(words: str, document_id: str, hits: Sequence[Hit]) -> tuple[Passage, ...]:
    """Where other documents among the hits have nearly the same sentence, one place in each."""
    told = _told(words)
    found: dict[str, Passage] = {}
    for passage in (hit.passage for hit in hits):
        if passage.document_id in {document_id, *found}:
            continue
        if not told.is_held_by(_told(passage.text)):
            continue
        for start, end in sentence_spans(passage.text):
            if told.is_held_by(_told(passage.text[start:end])):
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


@lru_cache(_TEXTS_KEPT)
def _told(text: str) -> _Told:
    """Runs of three words, the whole text where it is shorter; and its figures and names."""
    text = unicodedata.normalize("NFC", text)
    read = [
        _folded(word, begins=number == 0)
        for start, end in sentence_spans(text)
        for number, word in enumerate(_WORD.findall(text, start, end))
    ]
    words = [word for word, _ in read]
    runs = (tuple(words[i : i + _RUN]) for i in range(max(1, len(words) - _RUN + 1)))
    return _Told(frozenset(runs), frozenset(word for word, fixed in read if fixed))


@lru_cache(_WORDS_KEPT)
def _folded(word: str, *, begins: bool) -> tuple[str, bool]:
    """A word folded, and whether it is a figure or a name, where it `begins` a sentence or not."""
    if word[0].isdigit():
        return _THOUSANDS.sub("", word).replace(",", "."), True
    name = word[0].isupper() and (not begins or _says_something(word))
    figure = any(map(str.isdigit, word))
    return "".join(folded_words(word)), name or figure


def _says_something(word: str) -> bool:
    """Whether the first word of a sentence, a capital in any case, can be a name."""
    return all(stems(word, language) for language in LANGUAGES)
