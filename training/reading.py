"""Trains the cross-encoder that reads a passage with a question; writes `qa/reader/`.

    python -m training.reading DATA INDEX OUT   # INDEX made of DATA/corpora/wikinews-fr

It starts from the sentence encoder, whose word vectors it keeps, and learns three things at once
from a question and its passages (`examples.py`): which sentence of a passage answers, or that none
does; which of all the passages' sentences does (shared normalisation, Clark & Gardner 2018); and
where the shortest answer begins and ends.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from index import Index, SentenceTransformerEmbedder, default_model

from .examples import Example, Examples, Span
from .student import Encoder, teacher_folder

_LONGEST = 288
_HEADS = ["null", "sentence", "first", "last"]
_BATCH = 16
_DRAWN = 72  # questions at once, of which like lengths are put together
_RATE = 1e-4
_DROPPED = 0.1  # of the numbers that a layer adds to a text's tokens
_MASKED = 0.06  # of the tokens, in every second text
_SAVED = 10  # minutes


class _Dropout(nn.Module):
    """Leaves out the same dimensions for all tokens of a text: few random numbers to draw."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        kept = torch.empty(len(x), 1, x.shape[-1], dtype=x.dtype).bernoulli_(1 - _DROPPED)
        return x * kept / (1 - _DROPPED)


class Cross(nn.Module):
    """The encoder's BERT with four linear heads; its word vectors stay as they are."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.bert, self.tokenizer = encoder.bert, encoder.tokenizer
        width = self.bert.config.hidden_size
        for layer in self.bert.encoder.layer:
            layer.attention.output.dropout = _Dropout()
            layer.output.dropout = _Dropout()
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
        if self.training:
            lost = (torch.rand(ids.shape) < _MASKED) & (torch.rand(len(ids), 1) < 0.5)
            hidden = self.tokenizer.token_to_id("[MASK]")
            ids[lost & (ids > hidden)] = hidden  # the special tokens come first and stay
        states = self.bert(input_ids=ids, attention_mask=mask, token_type_ids=types)
        return pairs, self.heads(states.last_hidden_state).float()


def _inside(pair: Any, spans: Sequence[Span]) -> np.ndarray:
    """Which tokens of the passage lie in which span, shape (spans, tokens)."""
    offsets, second = np.array(pair.offsets), np.array(pair.type_ids) == 1
    first, last = offsets[:, 0], offsets[:, 1]
    begin, end = (np.array(side)[:, None] for side in zip(*spans, strict=True))
    return second & (last > first) & (last > begin) & (first < end)


def loss(model: Cross, questions: Sequence[Sequence[Example]]) -> tuple[Tensor, Tensor, Tensor]:
    """Cross-entropies over the passages of some questions.

    Of the sentences of a passage that answer, or none; of the answer's two ends; of the sentences
    of all of a question's passages, where one answers, by how much likelier they are than none.
    """
    batch = [one for passages in questions for one in passages]
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
    none = scores[:, 0, :1]
    choices = torch.cat([none, each.masked_fill(count == 0, -1e4)], dim=1)
    sentence = _surprise(choices, right)[right.any(dim=1)].sum() / len(batch)
    places = scores[:, :, 2:].masked_fill(~passage.unsqueeze(2), -1e4)
    span = sum(
        functional.cross_entropy(places[:, :, end], ends[:, end], reduction="sum") for end in (0, 1)
    )
    evidence = (each - none).masked_fill(count == 0, -1e4)
    shared, at = torch.zeros(()), 0
    for passages in questions:
        own = slice(at, at + len(passages))
        if len(passages) > 1 and right[own, 1:].any():
            shared = shared + _surprise(evidence[own].flatten(), right[own, 1:].flatten())
        at += len(passages)
    return sentence, torch.as_tensor(span) / 2 / len(batch), shared / len(questions)


def _surprise(scores: Tensor, right: Tensor) -> Tensor:
    """Minus the logarithm of the share of the right ones, over the last axis."""
    return scores.logsumexp(-1) - scores.masked_fill(~right, -1e9).logsumexp(-1)


def train(model: Cross, examples: Examples, minutes: float, out: Path) -> None:
    """Train for so long; the rate rises for a twentieth of the time and falls to nothing.

    What was learnt is written to `out` every ten minutes.
    """
    body = [p for n, p in model.named_parameters() if n.startswith("bert") and p.requires_grad]
    groups = [{"params": body}, {"params": [*model.heads.parameters()]}]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.03, fused=True)
    began, step, saved = time.monotonic(), 0, 0.0
    waiting: list[list[list[Example]]] = []
    while (done := (time.monotonic() - began) / 60 / minutes) < 1:
        if not waiting:  # of like lengths, so that little is padded
            waiting = _batches([examples.draw(0.4 + 0.5 * done) for _ in range(_DRAWN)])
        for group, times in zip(optimizer.param_groups, (1, 8), strict=True):
            group["lr"] = times * _RATE * min(1, done / 0.05 + 0.02) * (1 - done)
        with torch.autocast("cpu", torch.bfloat16):
            sentence, span, shared = loss(model, waiting.pop())
        optimizer.zero_grad()
        (sentence + 0.7 * span + 0.5 * shared).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step += 1
        if step % 50 == 0:
            terms = [f"{term.item():.3f}" for term in (sentence, span, shared)]
            print(f"step {step}:", *terms, flush=True)
        if done * minutes > saved + _SAVED:
            saved = done * minutes
            save(model, out)


def _batches(drawn: list[list[Example]]) -> list[list[list[Example]]]:
    """The questions in batches of about `_BATCH` passages of like lengths, in random order."""
    drawn.sort(key=lambda passages: max(len(one.question) + len(one.text) for one in passages))
    batches: list[list[list[Example]]] = [[]]
    for passages in drawn:
        if sum(map(len, batches[-1])) + len(passages) > _BATCH:
            batches.append([])
        batches[-1].append(passages)
    random.shuffle(batches)
    return batches


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
