"""Fits the extractive reader: short spans, sentences, confidence; writes `qa/reader.json`.

    python -m training.reader DATA INDEX     # INDEX made of DATA/corpora/wikinews-fr

Three convex fits, each on what the one before it gives (see `qa/extractive.py`):

1. spans: the log-likelihood of the marked answer among all spans of its sentence, on
   wikinews-train and xquad-en;
2. sentences: the log-likelihood of the sentences that hold the marked evidence among those read;
3. confidence: whether the best sentence meets the evidence, per language. Questions whose article
   or evidence was taken out of what was found stand for the unanswerable ones, beside the marked
   near misses.

Knows the questions' form and nothing of the encoder: run it again when that changes, because
nearness is one of the features.
"""

import argparse
import gzip
import json
import random
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
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
    sentence_spans,
)
from qa.extractive import Sentence, confidence_features, sentences_of
from qa.question import Question, understand
from qa.retriever import Retriever
from qa.spans import MAX_TOKENS, SpanModel, asked_words, span_features, tokens

_FREQUENT_WORD = 15
_RARE_FEATURE = 5
_READ = 8
_TARGET = Path(__file__).parents[1] / "qa/reader.json"


@dataclass(frozen=True, slots=True)
class Marked:
    """A question with the place of its answer and evidence; None where the documents are silent."""

    question: Question
    document_id: str | None
    answer: tuple[int, int]
    evidence: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Case:
    """A question as the reader meets it, with which of its sentences hold the evidence."""

    question: Question
    document_id: str | None
    hits: list[Hit]
    sentences: list[Sentence]
    right: NDArray[np.bool_]


def fit(data: Path, index: Index) -> dict[str, Any]:
    """Fit all three models; returns what `reader.json` holds."""
    marked = read_marked(data / "questions/wikinews-train.jsonl")
    texts = {entry.id: index.document(entry.id).text for entry in index.entries()}  # type: ignore[union-attr]
    examples = [example for one in marked for example in _in_sentence(one, texts)]
    examples += _xquad(data / "questions/xquad-en.jsonl.gz")
    words, weights = fit_spans(examples)
    cases = gather(marked, index, SpanModel(weights, words))
    sentence_weights = fit_sentences(cases)
    confidence_weights = fit_confidence(cases, sentence_weights)
    # The encoder was trained with the questions fitted on, so that they are found too well: where
    # to fall silent is read off others.
    others = read_marked(data / "questions/wikinews-dev.jsonl")
    asked = gather(others, index, SpanModel(weights, words), harder=False)
    threshold = choose_threshold(asked, sentence_weights, confidence_weights)
    return {
        "span_words": sorted(words),
        "span_weights": dict(sorted(weights.items())),
        "sentence_weights": _rounded(sentence_weights),
        "confidence_weights": {
            language: _rounded(weights) for language, weights in confidence_weights.items()
        },
        "threshold": round(threshold, 4),
    }


def read_marked(path: Path) -> list[Marked]:
    """The questions of a file of the form of `wikinews-train.jsonl`, French and English."""
    marked = []
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        spans = [
            (row[f"{name}_start"], row[f"{name}_start"] + len(row[name]))
            for name in ("answer", "evidence")
        ]
        for language in LANGUAGES:
            question = understand(row[f"question_{language}"])
            document_id = row["doc"] if row["answerable"] else None
            marked.append(Marked(question, document_id, spans[0], spans[1]))
    return marked


# -- spans --------------------------------------------------------------------------------------

Example = tuple[Question, str, int, int]


def _in_sentence(marked: Marked, texts: dict[str, str]) -> list[Example]:
    if marked.document_id is None:
        return []
    text = texts[marked.document_id]
    start, end = marked.answer
    return [
        (marked.question, text[a:b], start - a, end - a)
        for a, b in sentence_spans(text)
        if a <= start and end <= b
    ]


def _xquad(path: Path) -> list[Example]:
    examples = []
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for row in map(json.loads, file):
            text, answer = row["context"], row["answers"][0]
            if text.count(answer) != 1:
                continue  # which of the places was meant is not said
            start = text.index(answer)
            for a, b in sentence_spans(text):
                if a <= start and start + len(answer) <= b:
                    place = (start - a, start - a + len(answer))
                    examples.append((understand(row["question"]), text[a:b], *place))
    return examples


def fit_spans(
    examples: list[Example], *, epochs: int = 6, rate: float = 0.05, decay: float = 2e-3
) -> tuple[set[str], dict[str, float]]:
    """The words that the model may see, and its weights."""
    small = Counter(
        token.word
        for _, sentence, _, _ in examples
        for token in tokens(sentence, frozenset())
        if token.form == "#small"
    )
    words = {word for word, count in small.items() if count >= _FREQUENT_WORD}
    seen: Counter[str] = Counter()
    coded = []
    for question, sentence, start, end in examples:
        found = tokens(sentence, asked_words(question.text))
        first = next(i for i, token in enumerate(found) if token.end > start)
        last = max(i for i, token in enumerate(found) if token.start < end)
        if last - first >= MAX_TOKENS:
            continue
        roles = {
            role: [
                [name for f in one[role] for name in (f, f"{question.kind} {f}")]
                for one in span_features(found, frozenset(words))
            ]
            for role in ("first", "last", "inner")
        }
        lengths = [
            [f"length {n + 1}", f"{question.kind} length {n + 1}"] for n in range(MAX_TOKENS)
        ]
        coded.append((roles, lengths, first, last))
        seen.update(name for role in roles.values() for one in role for name in one)
        seen.update(name for one in lengths for name in one)
    numbers = {name: i for i, name in enumerate(n for n, c in seen.items() if c >= _RARE_FEATURE)}
    cases = [
        (
            *(_sparse(roles[r], numbers) for r in ("first", "last", "inner")),
            _sparse(lengths, numbers),
            first,
            last,
        )
        for roles, lengths, first, last in coded
    ]
    weights = torch.zeros(len(numbers), requires_grad=True)
    optimizer = torch.optim.Adam([weights], lr=rate)
    shuffled = random.Random(0)
    for epoch in range(epochs):
        shuffled.shuffle(cases)
        optimizer.param_groups[0]["lr"] = rate * (1 - epoch / epochs)
        for at in range(0, len(cases), 64):
            batch = cases[at : at + 64]
            loss = torch.stack([_span_loss(case, weights) for case in batch]).mean()
            loss = loss + decay * weights.square().sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    named = {name: round(weights[i].item(), 3) for name, i in numbers.items()}
    return words, {name: weight for name, weight in named.items() if abs(weight) >= 0.02}


def _sparse(rows: list[list[str]], numbers: dict[str, int]) -> tuple[int, Any, Any]:
    pairs = [(i, numbers[name]) for i, row in enumerate(rows) for name in row if name in numbers]
    where = torch.tensor([i for i, _ in pairs], dtype=torch.long)
    return len(rows), where, torch.tensor([number for _, number in pairs], dtype=torch.long)


def _span_loss(case: tuple[Any, ...], weights: torch.Tensor) -> torch.Tensor:
    *sparse, first, last = case
    begin, finish, inner, lengths = (
        torch.zeros(rows).index_add(0, where, weights[which]) for rows, where, which in sparse
    )
    up_to = torch.cat([torch.zeros(1), inner.cumsum(0)])
    places = torch.arange(len(begin))
    longer = places[None, :] - places[:, None]
    scores = begin[:, None] + finish[None, :] + up_to[1:][None, :] - up_to[:-1][:, None]
    scores = scores + lengths[longer.clamp(0, MAX_TOKENS - 1)]
    scores = scores.masked_fill((longer < 0) | (longer >= MAX_TOKENS), float("-inf"))
    return scores.flatten().logsumexp(0) - scores[first, last]


# -- sentences ----------------------------------------------------------------------------------


def gather(
    marked: list[Marked], index: Index, spans: SpanModel, *, harder: bool = True
) -> list[Case]:
    """Each question as the reader meets it and, where `harder`, some as if nothing answered.

    Of four answerable questions one is then read also without its article, and one without the
    passages that hold its evidence: the event is covered and the fact is not.
    """
    retriever = Retriever(index)
    cases = []
    for number, one in enumerate(marked):
        hits = retriever.search(one.question.text, 3 * _READ)
        cases.append(_case(one, hits[:_READ], index, spans))
        turn = number // 2 % 4
        if harder and one.document_id is not None and turn in (1, 3):
            left = [
                hit
                for hit in hits
                if hit.passage.document_id != one.document_id
                or (turn == 3 and not _holds_evidence(hit, one))
            ]
            cases.append(_case(one, left[:_READ], index, spans))
    return [case for case in cases if case.sentences]


def _holds_evidence(hit: Hit, one: Marked) -> bool:
    return hit.passage.start < one.evidence[1] and one.evidence[0] < hit.passage.end


def _case(one: Marked, hits: list[Hit], index: Index, spans: SpanModel) -> Case:
    sentences = sentences_of(one.question, hits, index, spans)
    right = [
        sentence.hit.passage.document_id == one.document_id
        and sentence.hit.passage.start + sentence.start < one.evidence[1]
        and one.evidence[0] < sentence.hit.passage.start + sentence.end
        for sentence in sentences
    ]
    return Case(one.question, one.document_id, hits, sentences, np.array(right, dtype=bool))


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
    cases: list[Case], sentence_weights: NDArray[np.float64], *, decay: float = 1e-4
) -> dict[Language, NDArray[np.float64]]:
    """Logistic weights per language: whether the best sentence holds the evidence."""
    fitted: dict[Language, NDArray[np.float64]] = {}
    for language in LANGUAGES:
        known, right = [], []
        for case in cases:
            if case.question.language == language:
                features, best = _of_the_best(case, sentence_weights)
                known.append(features)
                right.append(case.right[best])
        fitted[language] = _logistic_fit(np.stack(known), np.array(right), decay)
    return fitted


def _of_the_best(
    case: Case, sentence_weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], int]:
    """What is known of the sentence that the weights rank first, and which one it is."""
    scores = np.stack([s.features for s in case.sentences]) @ sentence_weights
    return confidence_features(case.hits, case.sentences, scores), int(np.argmax(scores))


def choose_threshold(
    cases: list[Case],
    sentence_weights: NDArray[np.float64],
    confidence_weights: dict[Language, NDArray[np.float64]],
    *,
    slack: float = 0.03,
) -> float:
    """The confidence from which to answer.

    The sum of two shares is to be great: answerable questions answered, and others not answered.
    Of the thresholds that come within `slack` of the best the highest is taken, because a wrong
    answer costs more than a silence.
    """
    likely, answerable = [], []
    for case in cases:
        known, _ = _of_the_best(case, sentence_weights)
        likely.append(1 / (1 + np.exp(-known @ confidence_weights[case.question.language])))
        answerable.append(case.document_id is not None)
    x, y = np.array(likely), np.array(answerable)
    candidates = np.quantile(x, np.linspace(0.02, 0.98, 97))
    sums = np.array([(x[y] >= t).mean() + (x[~y] < t).mean() for t in candidates])
    return float(candidates[sums >= sums.max() - slack].max())


def _logistic_fit(
    x: NDArray[np.float64], y: NDArray[np.bool_], decay: float
) -> NDArray[np.float64]:
    inputs, wanted = torch.tensor(x), torch.tensor(y, dtype=torch.float64)
    weights = torch.zeros(x.shape[1], dtype=torch.float64, requires_grad=True)

    def loss() -> torch.Tensor:
        error = torch.nn.functional.binary_cross_entropy_with_logits(inputs @ weights, wanted)
        return error + decay * weights.square().sum()

    return _minimise(loss, weights)


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
