"""Reads passages together with the question: which sentence answers, and which words of it.

A cross-encoder (`reader/`, made by `training/reading.py`) scores each token with four heads: how
likely nothing in the passage answers (at the pair's first token), how likely the token's sentence
answers, and how fit the token is to begin or end the shortest answer (Devlin et al. 2019, with the
sentences of a passage and "none" as the choices). Knows no index and no ranking.
"""

import threading
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index import CrossEncoder, EncoderError, Window, default_model

_FOLDER = Path(__file__).with_name("reader")
_NULL, _SENTENCE, _FIRST, _LAST = range(4)
_LONGEST_ANSWER = 40  # tokens
_UNREAD = -20.0  # the scores of a sentence without a token that could be read

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class SentenceReading:
    """What was read in a sentence of a passage; all scores are natural logarithms.

    `evidence` are the odds that it answers against that nothing in its passage does, `share` its
    probability among all these choices; `answer` is its best span, in the passage, and
    `answer_score` the sum of the scores of that span's two ends.
    """

    evidence: float
    share: float
    answer: Span
    answer_score: float


class PassageReader:
    """The cross-encoder of `reader/`, loaded at the first passage; any thread may call it."""

    def __init__(self) -> None:
        self._loading = threading.Lock()
        self._model: CrossEncoder | None = None

    def read(
        self, question: str, texts: Sequence[str], sentences: Sequence[Sequence[Span]]
    ) -> list[list[SentenceReading]]:
        """For each text what was read in each of its sentences, which are given by their offsets.

        Raises EncoderError if the weights that come with Opcit are damaged.
        """
        read = self._loaded().scores(question, texts)
        return [
            _readings(text, some, windows)
            for text, some, windows in zip(texts, sentences, read, strict=True)
        ]

    def _loaded(self) -> CrossEncoder:
        with self._loading:
            if self._model is None:
                try:
                    self._model = CrossEncoder(_FOLDER, Path(default_model()))
                except Exception as error:  # whatever a broken file makes the loaders raise
                    raise EncoderError(
                        f"The reader in {_FOLDER} cannot be loaded ({type(error).__name__}); "
                        "install Opcit again."
                    ) from error
            return self._model


def _readings(
    text: str, sentences: Sequence[Span], windows: Sequence[Window]
) -> list[SentenceReading]:
    """What was read in each sentence, in the window that holds most of it."""
    found = [SentenceReading(_UNREAD, _UNREAD, sentence, _UNREAD) for sentence in sentences]
    most = [0] * len(sentences)
    for window in windows:
        inside = [_inside(window, sentence) for sentence in sentences]
        held = [i for i, tokens in enumerate(inside) if tokens.size]
        null = float(window.whole[_NULL])
        scores = {i: float(window.tokens[inside[i], _SENTENCE].mean()) for i in held}
        total = float(np.logaddexp.reduce([null, *scores.values()]))
        for i, score in scores.items():
            if inside[i].size > most[i]:
                most[i] = inside[i].size
                span, span_score = _answer(text, window, inside[i], sentences[i])
                found[i] = SentenceReading(score - null, score - total, span, span_score)
    return found


def _inside(window: Window, span: Span) -> NDArray[np.intp]:
    """The numbers of the window's tokens that lie in a span."""
    first, last = window.offsets[:, 0], window.offsets[:, 1]
    return np.flatnonzero((last > first) & (last > span[0]) & (first < span[1]))


def _answer(
    text: str, window: Window, tokens: NDArray[np.intp], sentence: Span
) -> tuple[Span, float]:
    """The best span of whole words that begins and ends in a sentence's tokens, and its score."""
    places = window.offsets[tokens]
    begins = np.array([not _joined(text, place) for place in places[:, 0]])
    ends = np.array([not _joined(text, _after_marks(text, place)) for place in places[:, 1]])
    first = np.where(begins, window.tokens[tokens, _FIRST], _UNREAD)
    last = np.where(ends, window.tokens[tokens, _LAST], _UNREAD)
    scores = first[:, None] + last[None, :]
    number = np.arange(len(tokens))
    length = number[None, :] - number[:, None]
    scores[(length < 0) | (length >= _LONGEST_ANSWER)] = -np.inf
    i, j = np.unravel_index(int(np.argmax(scores)), scores.shape)
    span = _widened(text, (int(places[i, 0]), int(places[j, 1])), sentence)
    return span, float(scores[i, j])


def _after_marks(text: str, place: int) -> int:
    while place < len(text) and _is_mark(text[place]):
        place += 1
    return place


def _widened(text: str, span: Span, sentence: Span) -> Span:
    """A span with the rest of the words that it cuts, as far as they are in the sentence."""
    start, end = span
    while start > sentence[0] and _joined(text, start):
        start -= 1
    while end < sentence[1] and _joined(text, end):
        end += 1
    return start, end


def _joined(text: str, place: int) -> bool:
    """Whether a place is inside a word or a number, of which accents written apart are a part."""
    if not 0 < place < len(text):
        return False
    before, after = text[place - 1], text[place]
    return _is_mark(after) or (after.isalnum() and (before.isalnum() or _is_mark(before)))


def _is_mark(character: str) -> bool:
    return unicodedata.category(character).startswith("M")
