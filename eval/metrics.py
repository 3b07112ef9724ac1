"""The measures and their intervals: pure functions of numbers and strings.

Three parts: comparing an answer with the gold, scoring a ranking, and statistics over questions.
A statistic takes weights of shape (rounds, questions), so that one definition gives the estimate
(all weights 1) and its bootstrap (how often each question was drawn). A weight of 0 leaves a
question out; a statistic without any weight is NaN.

Does not know: files, indexes, what a question is.
"""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Statistic = Callable[[Array], Array]

# How many weights are held at a time.
_BLOCK = 2_000_000
_LIGATURES = str.maketrans({"œ": "oe", "æ": "ae", "ß": "ss"})
_ARTICLES = frozenset("le la les l un une des du de d the a an".split())


# --- an answer against the gold ---------------------------------------------------------------


def normalise(text: str) -> str:
    """The words that count in `text`: no case, accents, punctuation or articles.

    œ and æ are written out. Articles are le la les l' un une des du de d' and the a an.
    """
    decomposed = unicodedata.normalize("NFKD", text.lower().translate(_LIGATURES))
    plain = "".join(c for c in decomposed if not unicodedata.combining(c))
    words = re.findall(r"[^\W_]+", plain)
    # An answer that is an article ("un", in figures 1) keeps it.
    return " ".join([word for word in words if word not in _ARTICLES] or words)


def exact_match(answer: str, golds: Sequence[str]) -> float:
    """1.0 if the normalised answer is one of the normalised golds, else 0.0."""
    return float(normalise(answer) in {normalise(gold) for gold in golds})


def token_f1(answer: str, golds: Sequence[str]) -> float:
    """The best F1 of shared words with any gold, after normalising (Rajpurkar et al. 2016)."""
    return max(
        (_f1(normalise(answer).split(), normalise(gold).split()) for gold in golds), default=0.0
    )


def _f1(answer: list[str], gold: list[str]) -> float:
    if not answer or not gold:
        return float(answer == gold)
    shared = sum((Counter(answer) & Counter(gold)).values())
    return 2 * shared / (len(answer) + len(gold))


def overlap(first: tuple[int, int], second: tuple[int, int]) -> int:
    """How many characters two half-open spans share."""
    return max(0, min(first[1], second[1]) - max(first[0], second[0]))


# --- a ranking --------------------------------------------------------------------------------


def ndcg(gains: Sequence[bool], relevant: int, k: int) -> float:
    """nDCG@k of a ranking, best first, with gains of 0 or 1 (Järvelin & Kekäläinen 2002).

    `relevant` is how many relevant items there are in all.
    """
    found = sum(1 / math.log2(rank + 2) for rank, gain in enumerate(gains[:k]) if gain)
    best = sum(1 / math.log2(rank + 2) for rank in range(min(k, relevant)))
    return found / best if best else 0.0


def recall(gains: Sequence[bool], relevant: int, k: int) -> float:
    """The share of the relevant items that stand among the first k."""
    return sum(gains[:k]) / relevant if relevant else 0.0


# --- statistics over questions, weighted ------------------------------------------------------


def mean(weights: Array, values: Array) -> Array:
    """Weighted means, shape (rounds,)."""
    return _divide(weights @ values, weights.sum(axis=1))


def quantile(weights: Array, values: Array, share: float) -> Array:
    """The smallest value such that `share` of the weight is on values up to it."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[:, order], axis=1)
    total = reached[:, -1:]
    # Counts are whole numbers, so a hair's breadth of rounding must not skip a value.
    first = np.argmax(reached >= share * total - 1e-9, axis=1)
    found: Array = np.where(total[:, 0] > 0, values[order][first], np.nan)
    return found


def auroc(weights: Array, scores: Array, positive: Array) -> Array:
    """How often a positive scores above a negative; a tie counts half (Hanley & McNeil 1982).

    `positive` holds 1.0 and 0.0.
    """
    order, starts = _ties(scores)
    up = np.add.reduceat((weights * positive)[:, order], starts, axis=1)
    down = np.add.reduceat((weights * (1 - positive))[:, order], starts, axis=1)
    below = np.cumsum(down, axis=1) - down
    return _divide((up * (below + down / 2)).sum(axis=1), up.sum(axis=1) * down.sum(axis=1))


def risk_coverage(weights: Array, confidence: Array, right: Array) -> tuple[Array, Array]:
    """Coverage and risk at every threshold, the strictest first; both (rounds, thresholds).

    Coverage is the share of questions with at least the threshold's confidence, risk the share
    of wrong ones among them (El-Yaniv & Wiener 2010). Equal confidences pass a threshold together.
    """
    order, starts = _ties(-confidence)
    covered = np.cumsum(np.add.reduceat(weights[:, order], starts, axis=1), axis=1)
    wrong = np.add.reduceat((weights * (1 - right))[:, order], starts, axis=1)
    return _divide(covered, covered[:, -1:]), _divide(np.cumsum(wrong, axis=1), covered)


def area_under_risk(weights: Array, confidence: Array, right: Array) -> Array:
    """The area under the risk-coverage curve: 0 is perfect, the error rate is no better than luck.

    A step function: the risk of a threshold holds for the questions that it adds.
    """
    coverage, risk = risk_coverage(weights, confidence, right)
    steps = np.diff(coverage, axis=1, prepend=0.0)
    # Before the first question that was drawn, the step is 0 and the risk undefined.
    area: Array = np.where(steps > 0, steps * risk, 0.0).sum(axis=1)
    return np.where(np.isnan(coverage[:, -1]), np.nan, area)


def calibration(
    weights: Array, confidence: Array, right: Array, bins: int = 10
) -> tuple[Array, Array, Array]:
    """Weight, mean confidence and share of right answers in equal bins of confidence.

    All three have shape (rounds, bins); a bin without weight holds NaN in the last two.
    """
    members = np.eye(bins)[np.clip((confidence * bins).astype(int), 0, bins - 1)]
    size = weights @ members
    stated = _divide(weights @ (members * confidence[:, None]), size)
    return size, stated, _divide(weights @ (members * right[:, None]), size)


def calibration_error(weights: Array, confidence: Array, right: Array, bins: int = 10) -> Array:
    """The mean distance of confidence from the share of right answers (Guo et al. 2017)."""
    size, stated, seen = calibration(weights, confidence, right, bins)
    gaps = np.where(size > 0, size * np.abs(stated - seen), 0.0)
    return _divide(gaps.sum(axis=1), size.sum(axis=1))


def _ties(scores: Array) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """The ascending order of the scores, and where in it each distinct score begins."""
    order = np.argsort(scores, kind="stable")
    _, starts = np.unique(scores[order], return_index=True)
    return order, starts


def _divide(part: Array, whole: Array) -> Array:
    """`part / whole`, NaN where the whole is 0."""
    part, whole = np.broadcast_arrays(part, whole)
    divided: Array = np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
    return divided


# --- the bootstrap ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95 % interval; all three NaN where it is not defined."""

    value: float
    low: float
    high: float


def bootstrap(
    statistics: Sequence[Statistic],
    clusters: Sequence[Hashable],
    rounds: int = 2000,
    seed: int = 0,
) -> list[Estimate]:
    """Each statistic with its percentile bootstrap interval (Efron 1979), same draws for all.

    `clusters` says for each question which others it stands or falls with: the French and the
    English wording of a question are drawn together. For a paired difference, pass a statistic
    that subtracts.
    """
    values = [float(statistic(np.ones((1, len(clusters))))[0]) for statistic in statistics]
    drawn: list[list[Array]] = [[] for _ in statistics]
    for weights in _draws(clusters, rounds, seed):
        for found, statistic in zip(drawn, statistics, strict=True):
            found.append(statistic(weights))
    return [
        _estimate(value, np.concatenate(found)) for value, found in zip(values, drawn, strict=True)
    ]


def _estimate(value: float, drawn: Array) -> Estimate:
    if math.isnan(value):
        return Estimate(math.nan, math.nan, math.nan)
    low, high = np.percentile(drawn[~np.isnan(drawn)], [2.5, 97.5])
    return Estimate(value, float(low), float(high))


def _draws(clusters: Sequence[Hashable], rounds: int, seed: int) -> Iterator[Array]:
    """How often each question is drawn, in blocks of rounds that fit into memory."""
    numbers = {cluster: n for n, cluster in enumerate(dict.fromkeys(clusters))}
    cluster = np.array([numbers[each] for each in clusters])
    size = len(numbers)
    rng = np.random.default_rng(seed)
    block = max(1, min(rounds, _BLOCK // size))
    for start in range(0, rounds, block):
        height = min(block, rounds - start)
        drawn = rng.integers(size, size=(height, size)) + size * np.arange(height)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=height * size).reshape(height, size)
        yield counts[:, cluster].astype(float)
