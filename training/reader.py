"""Fits what is made of the reader's readings: ranking and confidence; writes `qa/reader.json`.

    python -m training.reader DATA INDEX     # INDEX made of DATA/corpora/wikinews-fr

Two convex fits (see `qa/extractive.py`), on questions about articles that the cross-encoder was
not trained with (`examples.kept_aside`):

1. sentences: the log-likelihood of the sentences that hold the marked evidence among those read;
2. confidence, per language: whether the documents answer. Questions whose article or evidence was
   taken out of what was found stand for the unanswerable ones, beside the marked near misses and
   questions about one kind of text that are asked of another.

The encoder was trained with those questions, so that they are found too well. How sure to be (a
monotone change of the second, towards whether the best sentence meets the evidence: Platt 1999) and
where to fall silent are read off the questions of wikinews-dev.

Run it again when the encoder or the cross-encoder changes.
"""

import argparse
import json
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from index import (
    LANGUAGES,
    Hit,
    Index,
    Language,
    SentenceTransformerEmbedder,
    default_model,
    detect,
)
from qa.extractive import Sentence, confidence_features, sentences_of
from qa.reading import PassageReader
from qa.retriever import Retriever

from .examples import OWN_QUESTIONS, about, kept_aside
from .others import index_of, texts

_FOUND = 12  # passages, of which the reader takes the first
# The share of answerable questions that are to be answered.
_ANSWERED = 0.8
_TAKEN = 5  # of so many rows that were kept aside, one
_ELSEWHERE = 3  # of so many questions one is also asked where nothing is about it
_TARGET = Path(__file__).parents[1] / "qa/reader.json"


@dataclass(frozen=True, slots=True)
class Marked:
    """A question with the place of its answer and evidence; None where the documents are silent."""

    question: str
    document_id: str | None
    evidence: tuple[int, int]
    about: str


@dataclass(frozen=True, slots=True)
class Case:
    """A question as the reader meets it, with which of its sentences hold the evidence."""

    language: Language
    document_id: str | None
    sentences: list[Sentence]
    right: NDArray[np.bool_]


def fit(data: Path, index: Index) -> dict[str, Any]:
    """Fit both models; returns what `reader.json` holds."""
    reader = PassageReader()
    every = [
        one
        for path in (data / "questions/wikinews-train.jsonl", OWN_QUESTIONS)
        for one in read_marked(path)
    ]
    marked = [one for one in every if kept_aside(one.about)]
    # Both languages of a row stand together; a fifth of the rows is enough for so few weights.
    marked = [one for number, one in enumerate(marked) if number // 2 % _TAKEN == 0]
    others = texts(data, {one.about for one in every})
    of_news = [one for one in marked if one.about not in others]
    of_others = [one for one in marked if one.about in others]
    with TemporaryDirectory() as folder:
        other_index = index_of(others, Path(folder), index.embedder)
        cases = gather(of_news, index, reader) + gather(of_others, other_index, reader)
        # What one kind of text tells, the other is silent about.
        cases += gather(_elsewhere(of_others), index, reader, harder=False)
        cases += gather(_elsewhere(of_news), other_index, reader, harder=False)
    sentence_weights = fit_sentences(cases)
    dev = gather(read_marked(data / "questions/wikinews-dev.jsonl"), index, reader, harder=False)
    confidence_weights = fit_confidence(cases, dev, sentence_weights)
    threshold = choose_threshold(dev, sentence_weights, confidence_weights)
    return {
        "sentence_weights": _rounded(sentence_weights),
        "confidence_weights": {
            language: _rounded(weights) for language, weights in confidence_weights.items()
        },
        "threshold": round(threshold, 4),
    }


def _elsewhere(marked: list[Marked]) -> list[Marked]:
    """Some of the questions, as they are where no document is about them."""
    return [replace(one, document_id=None) for one in marked[::_ELSEWHERE]]


def read_marked(path: Path) -> list[Marked]:
    """The questions of a file of the form of `wikinews-train.jsonl`, French and English."""
    marked = []
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        start = row["evidence_start"]
        length = row["evidence_length"] if "evidence_length" in row else len(row["evidence"])
        document_id = row["doc"] if row["answerable"] else None
        for language in LANGUAGES:
            question = row[f"question_{language}"]
            marked.append(Marked(question, document_id, (start, start + length), about(row)))
    return marked


# -- sentences ----------------------------------------------------------------------------------


def gather(
    marked: list[Marked], index: Index, reader: PassageReader, *, harder: bool = True
) -> list[Case]:
    """Each question as the reader meets it and, where `harder`, some as if nothing answered.

    Of four answerable questions one is then read also without its article, and one without the
    passages that hold its evidence: the event is covered and the fact is not.
    """
    retriever = Retriever(index)
    cases = []
    for number, one in enumerate(marked):
        hits = retriever.search(one.question, _FOUND)
        cases.append(_case(one, hits, index, reader))
        turn = number // 2 % 4
        if harder and one.document_id is not None and turn in (1, 3):
            left = [
                hit
                for hit in hits
                if hit.passage.document_id != one.document_id
                or (turn == 3 and not _holds_evidence(hit, one))
            ]
            cases.append(_case(one, left, index, reader))
    return [case for case in cases if case.sentences]


def _holds_evidence(hit: Hit, one: Marked) -> bool:
    return hit.passage.start < one.evidence[1] and one.evidence[0] < hit.passage.end


def _case(one: Marked, hits: list[Hit], index: Index, reader: PassageReader) -> Case:
    sentences = sentences_of(one.question, hits, index, reader)
    right = [
        sentence.hit.passage.document_id == one.document_id
        and sentence.hit.passage.start + sentence.start < one.evidence[1]
        and one.evidence[0] < sentence.hit.passage.start + sentence.end
        for sentence in sentences
    ]
    return Case(detect(one.question), one.document_id, sentences, np.array(right, dtype=bool))


def fit_sentences(cases: list[Case], *, decay: float = 1e-3) -> NDArray[np.float64]:
    """The weights under which the sentences with the evidence are likeliest."""
    useful = [case for case in cases if case.right.any() and not case.right.all()]
    features = [torch.tensor(np.stack([s.features for s in case.sentences])) for case in useful]
    right = [torch.tensor(case.right) for case in useful]
    weights = torch.zeros(features[0].shape[1], dtype=torch.float64, requires_grad=True)

    def loss() -> torch.Tensor:
        terms = [
            (x @ weights).logsumexp(0) - (x @ weights)[y].logsumexp(0)
            for x, y in zip(features, right, strict=True)
        ]
        return torch.stack(terms).mean() + decay * weights.square().sum()

    return _minimise(loss, weights)


# -- confidence ---------------------------------------------------------------------------------


def fit_confidence(
    cases: list[Case],
    unlearnt: list[Case],
    sentence_weights: NDArray[np.float64],
    *,
    decay: float = 1e-3,
) -> dict[Language, NDArray[np.float64]]:
    """Logistic weights per language.

    They order questions by whether the documents answer, as learnt from `cases`; the probability
    they give is that the best sentence holds the evidence, as often as in `unlearnt`.
    """
    fitted: dict[Language, NDArray[np.float64]] = {}
    for language in LANGUAGES:
        known, answerable, _ = _outcomes(cases, language, sentence_weights)
        weights = _logistic_fit(known, answerable, decay)
        known, _, right = _outcomes(unlearnt, language, sentence_weights)
        line = np.column_stack([known @ weights, np.ones(len(known))])
        slope, offset = _logistic_fit(line, right, decay)
        fitted[language] = slope * weights
        fitted[language][-1] += offset
    return fitted


def _outcomes(
    cases: list[Case], language: Language, sentence_weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]:
    """What is known of the best sentences, whether there is an answer, and whether it is that."""
    some = [case for case in cases if case.language == language]
    best = [_of_the_best(case, sentence_weights) for case in some]
    answerable = np.array([case.document_id is not None for case in some])
    right = np.array([case.right[which] for case, (_, which) in zip(some, best, strict=True)])
    return np.stack([features for features, _ in best]), answerable, right


def _of_the_best(
    case: Case, sentence_weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], int]:
    """What is known of the sentence that the weights rank first, and which one it is."""
    scores = np.stack([s.features for s in case.sentences]) @ sentence_weights
    return confidence_features(case.sentences, scores), int(np.argmax(scores))


def choose_threshold(
    cases: list[Case],
    sentence_weights: NDArray[np.float64],
    confidence_weights: dict[Language, NDArray[np.float64]],
) -> float:
    """The highest confidence at which enough answerable questions of each language are answered."""
    likely: dict[Language, list[float]] = {language: [] for language in LANGUAGES}
    for case in cases:
        if case.document_id is not None:
            known, _ = _of_the_best(case, sentence_weights)
            logit = float(known @ confidence_weights[case.language])
            likely[case.language].append(1 / (1 + np.exp(-logit)))
    return float(min(np.quantile(some, 1 - _ANSWERED) for some in likely.values()))


def _logistic_fit(
    x: NDArray[np.float64], y: NDArray[np.bool_], decay: float
) -> NDArray[np.float64]:
    """Logistic weights, none but the last below 0.

    Each feature speaks for an answer. Free weights fit a little better and then take the wrong side
    on documents unlike these, where features no longer go together.
    """
    inputs, wanted = torch.tensor(x), torch.tensor(y, dtype=torch.float64)
    roots = torch.full((x.shape[1],), 0.5, dtype=torch.float64, requires_grad=True)

    def weights() -> torch.Tensor:
        return torch.cat([roots[:-1].square(), roots[-1:]])

    def loss() -> torch.Tensor:
        error = torch.nn.functional.binary_cross_entropy_with_logits(inputs @ weights(), wanted)
        return error + decay * weights().square().sum()

    _minimise(loss, roots)
    return weights().detach().numpy()


def _minimise(loss: Any, weights: torch.Tensor) -> NDArray[np.float64]:
    optimizer = torch.optim.LBFGS([weights], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        value: torch.Tensor = loss()
        value.backward()
        return value

    optimizer.step(closure)
    return weights.detach().numpy()


def _rounded(weights: NDArray[np.float64]) -> list[float]:
    return [round(float(weight), 4) for weight in weights]


def main() -> None:
    """Fit the reader and write it."""
    parser = argparse.ArgumentParser(prog="python -m training.reader", description=__doc__)
    parser.add_argument("data", type=Path, help="see README.md")
    parser.add_argument("index", type=Path, help="an index of the folder's wikinews-fr")
    given = parser.parse_args()
    index = Index.open(given.index, SentenceTransformerEmbedder(default_model()))
    written = json.dumps(fit(given.data, index), ensure_ascii=False, indent=0) + "\n"
    _TARGET.write_text(written, encoding="utf-8")


if __name__ == "__main__":
    main()
