"""Measures an encoder on the development sets, alone: no words, no fusion, no reader.

Sentence match over newstest, passages for questions over Wikinews and XQuAD. Takes any object that
turns texts into unit vectors; knows nothing of how it was trained.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from . import corpora

Encode = Callable[[Sequence[str]], np.ndarray]
"""Turns n texts into an array (n, width) of unit vectors."""


def sentence_match(encode: Encode, pairs: Sequence[corpora.Pair]) -> float:
    """Return R@1: how often a French sentence's nearest English one is its translation.

    A translation that occurs more than once counts wherever it stands.
    """
    english = [text for _, text in pairs]
    nearest = (encode([text for text, _ in pairs]) @ encode(english).T).argmax(axis=1)
    return float(np.mean([english[i] == text for i, text in zip(nearest, english, strict=True)]))


def ndcg(scores: np.ndarray, relevant: Sequence[set[int]], depth: int = 10) -> float:
    """Return the mean nDCG with binary gain (Järvelin & Kekäläinen 2002) of the score rows."""
    values = []
    for row, right in zip(scores, relevant, strict=True):
        ranking = np.argsort(-row, kind="stable")[:depth]
        gain = sum(1 / np.log2(rank + 2) for rank, i in enumerate(ranking) if int(i) in right)
        ideal = sum(1 / np.log2(rank + 2) for rank in range(min(depth, len(right))))
        values.append(gain / ideal if right else 0.0)
    return float(np.mean(values))


def wikinews(encode: Encode, data: Path) -> dict[str, float]:
    """Return nDCG@10 of the passage that holds the gold answer, for each question language."""
    path = data / "questions" / "wikinews-dev.jsonl"
    asked = [question for question in corpora.questions(path) if question.answer_start is not None]
    texts = corpora.documents(data)
    cuts = [cut for name, text in texts.items() for cut in corpora.cut(name, text)]
    relevant = [{i for i, cut in enumerate(cuts) if cut.holds(question)} for question in asked]
    passages = encode([cut.text for cut in cuts])
    return {
        "passages": len(cuts),
        "unreachable": sum(not right for right in relevant),
        "fr": ndcg(encode([question.french for question in asked]) @ passages.T, relevant),
        "en": ndcg(encode([question.english for question in asked]) @ passages.T, relevant),
    }


def xquad(encode: Encode, data: Path) -> float:
    """Return nDCG@10 over XQuAD English, each unique context a passage."""
    rows = corpora.read_records(data / "questions" / "xquad-en.jsonl.gz")
    contexts = list(dict.fromkeys(row["context"] for row in rows))
    places = {context: i for i, context in enumerate(contexts)}
    scores = encode([row["question"] for row in rows]) @ encode(contexts).T
    return ndcg(scores, [{places[row["context"]]} for row in rows])


def all_measures(encode: Encode, data: Path) -> dict[str, float]:
    """Return every measure of the model card by name."""
    news = wikinews(encode, data)
    return {
        "newstest2013 fr-en R@1": sentence_match(
            encode, corpora.all_pairs(data / "parallel" / "dev-newstest2013.tsv.gz")
        ),
        "flores-devtest fr-en R@1": sentence_match(
            encode, corpora.all_pairs(data / "parallel" / "dev-flores-devtest.tsv.gz")
        ),
        "wikinews-dev fr nDCG@10": news["fr"],
        "wikinews-dev en nDCG@10": news["en"],
        "wikinews-dev passages": news["passages"],
        "wikinews-dev questions without passage": news["unreachable"],
        "xquad-en nDCG@10": xquad(encode, data),
    }


NEAR = (
    ("Où est né Émile Zola ?", "ou est ne emile zola ?"),
    ("le ministre de l'Éducation nationale", "LE MINISTRE DE L'ÉDUCATION NATIONALE"),
    ("le chœur et l'œuvre de Cœur-Joie", "le choeur et l'oeuvre de Coeur-Joie"),
    ("l’usine d’Aulnay", "l'usine d'Aulnay"),
    ("l'hôpital de Lyon", "hôpital de Lyon"),
    ("Le président a démissionné hier.", "The president resigned yesterday."),
    ("Un séisme a frappé le Mexique.", "An earthquake hit Mexico."),
    ("trois milliards d'euros", "3 milliards d'euros"),
    ("Angela Merkel a rencontré le pape.", "Angela Merkel met the Pope."),
)
"""Pairs of texts that mean the same, typed or said differently."""

APART = (
    ("3 milliards d'euros", "7 milliards d'euros"),
    ("Le vote a lieu le 12 mars 2017.", "Le vote a lieu le 25 mai 2018."),
    ("Le président a démissionné.", "Le président refuse de démissionner."),
    ("L'Allemagne bat le Brésil.", "Le Brésil bat l'Allemagne."),
    ("Un séisme a frappé le Mexique.", "Un séisme a frappé le Japon."),
    ("Jean Dupont est élu maire.", "Pierre Martin est élu maire."),
)
"""Pairs of texts that look alike and mean different things."""


def probes(encode: Encode) -> list[tuple[str, str, str, float]]:
    """Return each pair of `NEAR` and `APART` with its name and its cosine."""
    named = [("near", pair) for pair in NEAR] + [("apart", pair) for pair in APART]
    left = encode([pair[0] for _, pair in named])
    right = encode([pair[1] for _, pair in named])
    cosines = (left * right).sum(axis=1)
    return [(kind, *pair, float(c)) for (kind, pair), c in zip(named, cosines, strict=True)]
