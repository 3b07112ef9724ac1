"""Trains the cross-encoder that reads a passage with a question; writes `qa/reader/`.

    python -m training.reading DATA INDEX OUT   # INDEX made of DATA/corpora/wikinews-fr

It starts from the sentence encoder, whose word vectors it keeps, and learns two things at once from
a question and a passage: which sentence answers, or that none does, and where the shortest answer
begins and ends. Examples are drawn anew each time:

- asked: wikinews-train and `questions.jsonl` (written for this project, see `others.py`), over the
  marked text cut anew, over the same without its evidence, or over passages that a retriever found
  in vain;
- xquad-en, in the same ways;
- clozes: a sentence of such a passage, thinned out, its words partly replaced by kindred ones or by
  translations, with a question word in place of a name, a year or a number (after Lewis et al.
  2019, "Unsupervised Question Answering by Cloze Translation");
- crossed: a sentence in one language asked of the same paragraph of Europarl in the other;
- headings: that of a provision of law, in either language, asked of some provisions of that law.

A fifth of the texts is kept aside, for `training.reader`. Knows no index but for what it finds
in vain.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from index import (
    LANGUAGES,
    Index,
    Language,
    SentenceTransformerEmbedder,
    default_model,
    folded_words,
    sentence_spans,
)
from index.lexicon import related, translations
from qa.retriever import Retriever

from . import corpora
from .others import index_of, law_name, paragraph_name
from .others import texts as other_texts
from .student import Encoder, teacher_folder

OWN_QUESTIONS = Path(__file__).with_name("questions.jsonl")
_LONGEST = 288
_HEADS = ["null", "sentence", "first", "last"]
_BATCH = 16
_RATE = 1e-4
_EUROPARL = 25_000
_SAVED = 10  # minutes
_DATED = re.compile(r"\d{1,2} \w+ (?:19|20)\d\d|\b(?:19|20)\d\d\b")
_NAMED = re.compile(r"(?<=\w[ '’])[A-ZÀ-Ý][\w’-]+(?: (?:(?:de|du|of|al) )?[A-ZÀ-Ý][\w’-]+)*")
_COUNTED = re.compile(r"\b\d+(?:[  .,]\d+)*(?: [a-zà-ÿ]+)?")
_ASKING: dict[tuple[Language, str], str] = {
    ("fr", "name"): "qui|où|quel|quelle|de qui|dans quel pays|dans quelle ville",
    ("fr", "date"): "quand|en quelle année|depuis quand|quelle année",
    ("fr", "count"): "combien|combien de|à combien|quel nombre",
    ("en", "name"): "who|where|which|what|in which country|in which city|whose",
    ("en", "date"): "when|in which year|what year|since when",
    ("en", "count"): "how many|how much|how long|what number",
}
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Example:
    """A question and a passage with its sentences; `right` are the numbers of those that answer."""

    question: str
    text: str
    sentences: list[Span]
    right: list[int]
    answer: Span | None


def about(row: dict[str, Any]) -> str:
    """The text that a question is about, by name, whether or not it answers."""
    return row["doc"] or row.get("about") or row["question_fr"]


def kept_aside(name: str) -> bool:
    """Whether the questions about a text are kept from training, to fit on what was learnt."""
    name = re.sub(r"\.(fr|en)\.txt$", "", name)  # a text and its translation go together
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % 5 == 0


# -- examples -----------------------------------------------------------------------------------


def without(text: str, sentences: Sequence[Span], gone: Sequence[int]) -> str:
    """The text without some of its sentences."""
    return " ".join(text[a:b] for i, (a, b) in enumerate(sentences) if i not in gone)


def unanswered(question: str, text: str) -> Example:
    """A question that the text does not answer."""
    return Example(question, text, sentence_spans(text), [], None)


def cloze(text: str, source: Language, chance: random.Random) -> Example | None:
    """A question made of one of the text's sentences, in either language; None if none is fit."""
    sentences = sentence_spans(text)
    for k in chance.sample(range(len(sentences)), len(sentences)):
        start, end = sentences[k]
        found = [
            (place, kind)
            for kind, form in (("date", _DATED), ("name", _NAMED), ("count", _COUNTED))
            for place in form.finditer(text, start, end)
        ]
        if not found or not 40 <= end - start <= 350:
            continue
        place, kind = chance.choice(found)
        target = chance.choice(LANGUAGES)
        before = re.findall(r"\w+", text[start : place.start()])[-chance.randint(2, 14) :]
        after = re.findall(r"\w+", text[place.end() : end])[: chance.randint(2, 14)]
        share = chance.choice((0.15, 0.3, 0.45))
        words = [
            _as_asked(word, source, target, chance)
            for word in (*before, *after)
            if chance.random() > share and (len(word) > 3 or chance.random() > 0.4)
        ]
        if len(words) < 3:
            continue
        question = " ".join([chance.choice(_ASKING[target, kind].split("|")), *words, "?"])
        if chance.random() < 0.22:
            return unanswered(question, without(text, sentences, [k]))
        return Example(question, text, sentences, [k], place.span())
    return None


def _as_asked(word: str, source: Language, target: Language, chance: random.Random) -> str:
    """A word as a question in the target language might have it."""
    folded = folded_words(word)
    if len(folded) != 1:
        return word
    if source != target:
        found = translations(folded[0], source)
    else:
        found = related(folded[0], source) if chance.random() < 0.35 else {}
    return chance.choices([*found], [w**2 for w in found.values()])[0] if found else word


def crossed(row: dict[str, Any], chance: random.Random) -> Example | None:
    """A sentence of a parallel paragraph, asked of the paragraph in the other language."""
    source, target = chance.choice((("fr", "en"), ("en", "fr")))
    asked, sentences = sentence_spans(row[source]), sentence_spans(row[target])
    if not 2 <= len(asked) == len(sentences) <= 9:
        return None
    k = chance.randrange(len(asked))
    share = chance.choice((0, 0.2, 0.4))
    words = row[source][slice(*asked[k])].split()
    question = " ".join([word for word in words if chance.random() > share][:30]) + "?"
    if chance.random() < 0.22:
        return unanswered(question, without(row[target], sentences, [k]))
    return Example(question, row[target], sentences, [k], None)


def heading(law: list[dict[str, Any]], chance: random.Random) -> Example | None:
    """The heading of one of a law's provisions, asked of it among some others."""
    some = chance.sample(law, min(len(law), chance.randint(2, 5)))
    asked, language = chance.choice(some), chance.choice(LANGUAGES)
    question = asked[f"heading_{chance.choice(LANGUAGES)}"]
    if chance.random() < 0.22:
        return unanswered(question, "\n".join(r[f"text_{language}"] for r in some if r != asked))
    text, answer = "", (0, 0)
    for row in some:
        if row == asked:
            answer = (len(text), len(text) + len(row[f"text_{language}"]))
        text += row[f"text_{language}"] + "\n"
    sentences = sentence_spans(text)
    right = [i for i, (a, b) in enumerate(sentences) if a < answer[1] and answer[0] < b]
    return Example(question, text, sentences, right, None)


class Examples:
    """Draws examples from the data folder and from what a retriever found."""

    def __init__(self, data: Path, index: Index, seed: int = 0) -> None:
        self._chance = random.Random(seed)
        news = corpora.documents(data)
        rows = corpora.read_records(data / "questions/wikinews-train.jsonl")
        rows += corpora.read_records(OWN_QUESTIONS)
        others = other_texts(data, {about(row) for row in rows})
        self._texts = news | others
        self._asked = []
        with TemporaryDirectory() as folder:
            of_others = Retriever(index_of(others, Path(folder), index.embedder))
            of_news = Retriever(index)
            for row in rows:
                if not kept_aside(about(row)):
                    retriever = of_others if about(row) in others else of_news
                    for language in LANGUAGES:
                        question = row[f"question_{language}"]
                        hits = [hit.passage for hit in retriever.search(question, 12)]
                        self._asked.append((row, question, hits))
        marked = sorted({row["doc"] for row, _, _ in self._asked if row["doc"] in news})
        cuts = [cut.text for doc in marked for cut in corpora.cut(doc, self._texts[doc])]
        self._passages = [text for text in cuts if len(text) > 200]
        self._xquad = [
            row
            for row in corpora.read_records(data / "questions/xquad-en.jsonl.gz")
            if row["context"].count(row["answers"][0]) == 1
        ]
        lines = corpora.read_lines(data / "corpora/europarl-paragraphs.jsonl.xz")
        rows = [json.loads(line) for line, _ in zip(lines, range(_EUROPARL), strict=False)]
        self._parallel = [row for row in rows if not kept_aside(paragraph_name(row, "fr"))]
        self._laws = [
            law
            for law in corpora.laws(data).values()
            if len(law) > 1 and not kept_aside(law_name(law, "fr"))
        ]

    def draw(self, real: float) -> Example:
        """An example; with the chance `real` of a question that somebody wrote."""
        chance = self._chance
        while True:
            kind = chance.random()
            if chance.random() < real:
                found = self._of_asked() if kind < 0.8 else self._of_xquad()
            elif kind < 0.35:
                found = cloze(chance.choice(self._passages), "fr", chance)
            elif kind < 0.5:
                found = cloze(chance.choice(self._xquad)["context"], "en", chance)
            elif kind < 0.7:
                language = chance.choice(LANGUAGES)
                found = cloze(chance.choice(self._parallel)[language], language, chance)
            elif kind < 0.85:
                found = crossed(chance.choice(self._parallel), chance)
            else:
                found = heading(chance.choice(self._laws), chance)
            if found and found.sentences:
                if chance.random() < 0.25:
                    words = [word for word in found.question.split() if chance.random() > 0.12]
                    found = replace(found, question=" ".join(words) or found.question)
                return found

    def _of_xquad(self) -> Example:
        row, kind = self._chance.choice(self._xquad), self._chance.random()
        question, text, answer = row["question"], row["context"], row["answers"][0]
        other = self._chance.choice(self._xquad)["context"]
        start = text.index(answer)
        return self._answered(question, text, 0, (start, start + len(answer)), None, kind, other)

    def _of_asked(self) -> Example | None:
        chance = self._chance
        row, question, hits = chance.choice(self._asked)
        size = chance.choice((350, 500, 700, 900, 900))
        if row["answerable"] and chance.random() < 0.68:
            answer, evidence = (
                (row[f"{part}_start"], row[f"{part}_start"] + _length(row, part))
                for part in ("answer", "evidence")
            )
            for cut in corpora.cut(row["doc"], self._texts[row["doc"]], size):
                if cut.start <= answer[0] and answer[1] <= cut.end:
                    body = self._texts[row["doc"]][cut.start : cut.end]
                    text = self._titled(row["doc"], body, cut.start)
                    by = len(text) - len(body) - cut.start
                    spans = ((a + by, b + by) for a, b in (answer, evidence))
                    return self._answered(question, text, by + cut.start, *spans, chance.random())
            return None
        if not row["answerable"] and row.get("about") and chance.random() < 0.7:
            cut = chance.choice(corpora.cut(row["about"], self._texts[row["about"]], size))
            return unanswered(question, cut.text)
        start, end = row["evidence_start"], row["evidence_start"] + _length(row, "evidence")
        vain = [
            hit
            for hit in hits
            if hit.document_id != row["doc"] or hit.end <= start or end <= hit.start
        ]
        if not vain:
            return None
        hit = chance.choice(vain)
        return unanswered(question, self._titled(hit.document_id, hit.text, hit.start))

    def _answered(
        self,
        question: str,
        text: str,
        begin: int,
        answer: Span,
        evidence: Span | None,
        kind: float,
        other: str = "",
    ) -> Example:
        """The question over the text from `begin` on, or over the text without its evidence."""
        start, end = evidence or answer
        sentences = [(a + begin, b + begin) for a, b in sentence_spans(text[begin:])]
        right = [i for i, (a, b) in enumerate(sentences) if a < end and start < b]
        if kind < 0.22:
            return unanswered(question, text[:begin] + without(text, sentences, right))
        if kind < 0.29 and other and text[slice(*answer)] not in other:
            return unanswered(question, other)
        return Example(question, text, sentences, right, answer)

    def _titled(self, document: str, text: str, start: int) -> str:
        """A passage under its title, mostly, as it will be read."""
        title = self._texts[document].split("\n", 1)[0].strip()
        return text if start == 0 or self._chance.random() < 0.12 else f"{title}\n{text}"


def _length(row: dict[str, Any], part: str) -> int:
    """Our own rows hold no words of the articles, only how long they are."""
    return int(row[f"{part}_length"]) if f"{part}_length" in row else len(row[part])


# -- the model ----------------------------------------------------------------------------------


class Cross(nn.Module):
    """The encoder's BERT with four linear heads; its word vectors stay as they are."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.bert, self.tokenizer = encoder.bert, encoder.tokenizer
        width = self.bert.config.hidden_size
        for module in self.bert.encoder.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0  # drawing so many random numbers costs more than it brings
        # The encoder keeps fewer positions than a question and a passage need.
        rows = load_file(teacher_folder() / "model.safetensors")
        name = next(name for name in rows if name.endswith("position_embeddings.weight"))
        embeddings: Any = self.bert.embeddings
        own = embeddings.position_embeddings.weight.data
        places = nn.Embedding(_LONGEST, width)
        places.weight.data = torch.cat([own, rows[name][len(own) : _LONGEST].float()]).clone()
        embeddings.position_embeddings = places
        numbers = torch.arange(_LONGEST).expand(1, -1)
        embeddings.register_buffer("position_ids", numbers, persistent=False)
        embeddings.register_buffer("token_type_ids", torch.zeros_like(numbers), persistent=False)
        embeddings.word_embeddings.weight.requires_grad = False
        self.heads = nn.Linear(width, len(_HEADS))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(_LONGEST, strategy="only_second")

    def forward(self, batch: Sequence[Example]) -> tuple[list[Any], Tensor]:
        """The pairs as tokens, and their scores, shape (pairs, tokens, heads)."""
        pairs = self.tokenizer.encode_batch([(one.question, one.text) for one in batch])
        width = max(len(pair.ids) for pair in pairs)
        ids, mask, types = (torch.zeros(len(pairs), width, dtype=torch.long) for _ in range(3))
        for i, pair in enumerate(pairs):
            ids[i, : len(pair.ids)] = torch.tensor(pair.ids)
            types[i, : len(pair.ids)] = torch.tensor(pair.type_ids)
            mask[i, : len(pair.ids)] = 1
        states = self.bert(input_ids=ids, attention_mask=mask, token_type_ids=types)
        return pairs, self.heads(states.last_hidden_state).float()


def _inside(pair: Any, spans: Sequence[Span]) -> np.ndarray:
    """Which tokens of the passage lie in which span, shape (spans, tokens)."""
    offsets, second = np.array(pair.offsets), np.array(pair.type_ids) == 1
    first, last = offsets[:, 0], offsets[:, 1]
    begin, end = (np.array(side)[:, None] for side in zip(*spans, strict=True))
    return second & (last > first) & (last > begin) & (first < end)


def loss(model: Cross, batch: Sequence[Example]) -> tuple[Tensor, Tensor]:
    """Cross-entropies: of the sentences that answer, or none; and of the answer's two ends."""
    pairs, scores = model(batch)
    most = max(len(one.sentences) for one in batch)
    pool = torch.zeros(len(batch), most, scores.shape[1])
    right = torch.zeros(len(batch), most + 1, dtype=torch.bool)
    passage = torch.zeros(scores.shape[:2], dtype=torch.bool)
    ends = torch.full((len(batch), 2), -100)
    for i, (pair, one) in enumerate(zip(pairs, batch, strict=True)):
        held = torch.from_numpy(_inside(pair, one.sentences))
        pool[i, : len(held), : held.shape[1]] = held.float()
        passage[i, : len(pair.ids) - 1] = torch.tensor(pair.type_ids)[:-1] == 1
        right[i, 0] = not one.right
        for k in one.right:
            right[i, k + 1] = bool(held[k].any())
        tokens = np.flatnonzero(_inside(pair, [one.answer])[0]) if one.answer else []
        if len(tokens) and right[i, 1:].any():
            ends[i] = torch.tensor([tokens[0], tokens[-1]])
    count = pool.sum(dim=2)
    each = torch.bmm(pool, scores[:, :, 1:2]).squeeze(2) / count.clamp(min=1)
    choices = torch.cat([scores[:, 0, :1], each.masked_fill(count == 0, -1e4)], dim=1)
    known = right.any(dim=1)
    good = choices.masked_fill(~right, -1e9)
    sentence = (choices.logsumexp(1) - good.logsumexp(1))[known].mean()
    places = scores[:, :, 2:].masked_fill(~passage.unsqueeze(2), -1e4)
    span = sum(
        functional.cross_entropy(places[:, :, end], ends[:, end], reduction="sum") for end in (0, 1)
    )
    return sentence, torch.as_tensor(span) / 2 / len(batch)


def train(model: Cross, examples: Examples, minutes: float, out: Path) -> None:
    """Train for so long; the rate rises for a twentieth of the time and falls to nothing.

    What was learnt is written to `out` every ten minutes.
    """
    body = [p for n, p in model.named_parameters() if n.startswith("bert") and p.requires_grad]
    groups = [{"params": body}, {"params": [*model.heads.parameters()]}]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.03, fused=True)
    began, waiting, step, saved = time.monotonic(), [], 0, 0.0
    while (done := (time.monotonic() - began) / 60 / minutes) < 1:
        if not waiting:  # of like lengths, so that little is padded
            drawn = [examples.draw(0.4 + 0.5 * done) for _ in range(6 * _BATCH)]
            drawn.sort(key=lambda one: len(one.question) + len(one.text))
            waiting = [drawn[i : i + _BATCH] for i in range(0, len(drawn), _BATCH)]
            random.shuffle(waiting)
        for group, times in zip(optimizer.param_groups, (1, 8), strict=True):
            group["lr"] = times * _RATE * min(1, done / 0.05 + 0.02) * (1 - done)
        with torch.autocast("cpu", torch.bfloat16):
            sentence, span = loss(model, waiting.pop())
        optimizer.zero_grad()
        (sentence + 0.7 * span).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step += 1
        if step % 50 == 0:
            print(f"step {step}: {sentence.item():.3f} {span.item():.3f}", flush=True)
        if done * minutes > saved + _SAVED:
            saved = done * minutes
            save(model, out)


def load(model: Cross, folder: Path) -> None:
    """Take up the weights that `save` wrote."""
    kept = load_file(folder / "model.safetensors")
    named = {name if name.startswith("heads.") else f"bert.{name}": kept[name] for name in kept}
    floats = {name: value.float() for name, value in named.items()}
    lacking, foreign = model.load_state_dict(floats, strict=False)
    if foreign or any("word_embeddings" not in name for name in lacking):
        raise ValueError(f"{folder} holds no weights of a reader")


def save(model: Cross, out: Path) -> None:
    """Write `config.json` and `model.safetensors`: all but the word vectors.

    The feed-forward matrices as 8-bit floats, the rest as 16-bit ones.
    """
    kept = {}
    for name, value in model.bert.state_dict().items():
        wide = re.search(r"layer\.\d+\.(intermediate|output)\.dense\.weight", name)
        if "word_embeddings" not in name:
            kept[name] = value.to(torch.float8_e4m3fn if wide else torch.float16).contiguous()
    kept |= {f"heads.{name}": value for name, value in model.heads.state_dict().items()}
    out.mkdir(parents=True, exist_ok=True)
    save_file(kept, out / "model.new")
    (out / "model.new").replace(out / "model.safetensors")
    config = model.bert.config
    names = (
        "hidden_size num_attention_heads num_hidden_layers layer_norm_eps intermediate_size"
        " hidden_act model_type vocab_size"
    )
    plain = {name: getattr(config, name) for name in names.split()}
    plain |= {"max_position_embeddings": _LONGEST, "heads": _HEADS}
    (out / "config.json").write_text(json.dumps(plain, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    """Train the cross-encoder and write it."""
    parser = argparse.ArgumentParser(prog="python -m training.reading", description=__doc__)
    parser.add_argument("data", type=Path, help="see README.md")
    parser.add_argument("index", type=Path, help="an index of the folder's wikinews-fr")
    parser.add_argument("out", type=Path, help="the folder to write")
    parser.add_argument("--minutes", type=float, default=80)
    parser.add_argument("--start", type=Path, help="go on from the weights in this folder")
    given = parser.parse_args()
    random.seed(0)
    torch.manual_seed(0)
    index = Index.open(given.index, SentenceTransformerEmbedder(default_model()))
    model = Cross(Encoder.load(Path(default_model())))
    if given.start:
        load(model, given.start)
    model.train()
    train(model, Examples(given.data, index), given.minutes, given.out)
    save(model, given.out)


if __name__ == "__main__":
    main()
