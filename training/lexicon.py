"""Learns which words translate which: IBM Model 1 over sentence pairs (Brown et al. 1993).

Used to start each French word piece from the vectors of its English translations. Knows words
only (lowercase, without accents, split as the encoder's tokenizer splits); no order, no phrases.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from .corpora import Pair

Lexicon = dict[str, dict[str, float]]
"""For a word of one language, its likely translations with their probabilities."""

LIGATURES = str.maketrans({"œ": "oe", "Œ": "OE", "æ": "ae", "Æ": "AE"})


def words(text: str) -> list[str]:
    """Return the words and numbers of a text, lowercase and without accents."""
    bare = unicodedata.normalize("NFD", text.translate(LIGATURES).lower())
    return re.findall(r"[^\W_]+", "".join(c for c in bare if unicodedata.category(c) != "Mn"))


def word_numbers(sides: Iterable[Sequence[str]], rarest: int) -> dict[str, int]:
    """Number the words seen at least `rarest` times; 0 is kept for "no word"."""
    counts = Counter(word for side in sides for word in side)
    kept = (word for word, count in counts.most_common() if count >= rarest)
    return {word: number for number, word in enumerate(kept, start=1)}


def learn(
    pairs: Sequence[Pair], rounds: int = 5, longest: int = 20, rarest: int = 3
) -> tuple[Lexicon, Lexicon]:
    """Return p(English | French) and p(French | English), each cut at its eight best.

    Only pairs of at most `longest` words a side count: they are the most telling per unit of time.
    """
    split = [(words(french), words(english)) for french, english in pairs]
    split = [(f, e) for f, e in split if 0 < len(f) <= longest and 0 < len(e) <= longest]
    french = word_numbers((f for f, _ in split), rarest)
    english = word_numbers((e for _, e in split), rarest)
    coded = [
        (
            np.array([french[w] for w in f if w in french], dtype=np.int64),
            np.array([english[w] for w in e if w in english], dtype=np.int64),
        )
        for f, e in split
    ]
    forward = _expectation_maximisation(coded, rounds)
    backward = _expectation_maximisation([(e, f) for f, e in coded], rounds)
    return _table(*forward, french, english), _table(*backward, english, french)


def _expectation_maximisation(
    coded: Sequence[tuple[np.ndarray, np.ndarray]], rounds: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return aligned arrays: source word, target word, p(target | source)."""
    sources, targets, places = [], [], []
    place = 0
    for source, target in coded:
        with_none = np.append(source, 0)  # a target word may come from no source word at all
        sources.append(np.tile(with_none, len(target)))
        targets.append(np.repeat(target, len(with_none)))
        places.append(np.repeat(np.arange(place, place + len(target)), len(with_none)))
        place += len(target)
    source, target = np.concatenate(sources), np.concatenate(targets)
    occurrence = np.concatenate(places)
    width = int(target.max()) + 1
    keys, entry = np.unique(source * width + target, return_inverse=True)
    key_source, key_target = keys // width, keys % width
    probability = np.full(len(keys), 1.0)
    for _ in range(rounds):
        weight = probability[entry]
        weight /= np.bincount(occurrence, weight)[occurrence]
        counts = np.bincount(entry, weight, minlength=len(keys))
        probability = counts / np.bincount(key_source, counts)[key_source]
    return key_source, key_target, probability


def _table(
    source: np.ndarray,
    target: np.ndarray,
    probability: np.ndarray,
    source_words: dict[str, int],
    target_words: dict[str, int],
    best: int = 8,
    least: float = 0.02,
) -> Lexicon:
    source_names, target_names = ["", *source_words], ["", *target_words]
    likely = np.flatnonzero((probability >= least) & (source > 0))
    order = likely[np.lexsort((-probability[likely], source[likely]))]
    table: Lexicon = {}
    for i in order:
        translations = table.setdefault(source_names[source[i]], {})
        if len(translations) < best:
            translations[target_names[target[i]]] = round(float(probability[i]), 4)
    return table


def write(path: Path, lexicon: Lexicon) -> None:
    """Write a lexicon as JSON."""
    path.write_text(json.dumps(lexicon, ensure_ascii=False), encoding="utf-8")


def read(path: Path) -> Lexicon:
    """Read a lexicon written by `write`."""
    lexicon: Lexicon = json.loads(path.read_text(encoding="utf-8"))
    return lexicon
