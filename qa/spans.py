"""The shortest span of a sentence that answers a kind of question.

A log-linear model scores every span of at most `MAX_TOKENS` tokens: how fit its first token is to
begin an answer, its last to end one, those between to be inside, and its length, each given the
kind of question and what stands just outside. It reads forms (a number, a capital, a small word, a
word of the question) and knows no grammar. Its weights are fitted by `python -m training.reader`.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .question import Kind

MAX_TOKENS = 16
# The forms of names and numbers; a sentence's first word tells nothing by its capital.
NAME_FORMS = frozenset({"#capital", "#capitals", "#number", "#year"})

_TOKEN = re.compile(
    r"\d+(?:[ \u00a0\u202f]\d{3})+(?:,\d+)?"  # 104 000 or 1 234,5
    r"|\d+(?:[.,:]\d+)*"  # 7, 3,5, 20:30, 1,200
    r"|[^\W\d_]+[’'](?=\w)"  # l', qu'
    r"|\w+(?:-\w+)*"
    r"|\S"
)
# Forms stand apart from words with this mark, so that no word of a text can look like one.
_EDGE = "#edge"


@dataclass(frozen=True, slots=True)
class Token:
    """A token of a sentence: its place, its form and whether the question has it too."""

    start: int
    end: int
    word: str
    form: str
    asked: bool


def tokens(sentence: str, asked: frozenset[str]) -> list[Token]:
    """The tokens of a sentence; `asked` holds the question's words as `folded` gives them."""
    found: list[Token] = []
    for place in _TOKEN.finditer(sentence):
        token = place[0]
        word = token.lower().replace("’", "'")
        found.append(
            Token(place.start(), place.end(), word, _form(token, not found), word in asked)
        )
    return found


def asked_words(question: str) -> frozenset[str]:
    """The words of a question that a span should rather not repeat."""
    return frozenset(token.word for token in tokens(question, frozenset()) if len(token.word) > 2)


def _form(token: str, first: bool) -> str:
    if token[0].isdigit():
        return "#year" if len(token) == 4 and token.isdigit() else "#number"
    if not token[0].isalpha():
        return token
    if token.isupper() and len(token) > 1:
        return "#capitals"
    if token[0].isupper():
        return "#first capital" if first else "#capital"
    return "#small"


def token_features(token: Token | None, words: frozenset[str]) -> list[str]:
    """What the model sees of a token; None stands for the edge of the sentence."""
    if token is None:
        return [_EDGE]
    features = [token.form]
    if token.word in words:
        features.append(token.word)
    if token.asked:
        features.append("#asked")
    return features


def span_features(sentence: list[Token], words: frozenset[str]) -> list[dict[str, list[str]]]:
    """For each token, the features of it as a first, a last and an inner token of a span."""
    seen = [token_features(token, words) for token in (None, *sentence, None)]
    return [
        {
            "first": [f"first {f}" for f in seen[i]] + [f"before {f}" for f in seen[i - 1]],
            "last": [f"last {f}" for f in seen[i]] + [f"after {f}" for f in seen[i + 1]],
            "inner": [f"inner {f}" for f in seen[i]],
        }
        for i in range(1, len(seen) - 1)
    ]


class SpanModel:
    """The fitted model. Weights are named by feature, or by kind and feature."""

    def __init__(self, weights: Mapping[str, float], words: Iterable[str]) -> None:
        self._weights = weights
        self._words = frozenset(words)

    def best(self, sentence: str, asked: frozenset[str], kind: Kind) -> tuple[int, int, float]:
        """The best span's `(start, end, score)`; higher scores are better.

        A sentence without tokens has the span `(0, 0)` with the score minus infinity.
        """
        found = tokens(sentence, asked)
        if not found:
            return 0, 0, float("-inf")
        scores = self._scores(found, kind)
        first, length = np.unravel_index(int(np.argmax(scores)), scores.shape)
        last = first + length
        return found[first].start, found[last].end, float(scores[first, length])

    def _scores(self, found: list[Token], kind: Kind) -> NDArray[np.float64]:
        """Scores of shape `(tokens, MAX_TOKENS)`: the span from i that is j + 1 tokens long."""
        features = span_features(found, self._words)
        first, last, inner = (
            np.array([self._sum(features[i][role], kind) for i in range(len(found))])
            for role in ("first", "last", "inner")
        )
        lengths = [self._sum([f"length {n + 1}"], kind) for n in range(MAX_TOKENS)]
        up_to = np.concatenate([[0.0], np.cumsum(inner)])
        scores = np.full((len(found), MAX_TOKENS), -np.inf)
        for n in range(min(MAX_TOKENS, len(found))):
            count = len(found) - n
            within = up_to[n + 1 : n + 1 + count] - up_to[:count]
            scores[:count, n] = first[:count] + last[n:] + within + lengths[n]
        return scores

    def _sum(self, features: list[str], kind: Kind) -> float:
        weights = self._weights
        return sum(weights.get(f, 0.0) + weights.get(f"{kind} {f}", 0.0) for f in features)
