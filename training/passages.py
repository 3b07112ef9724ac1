"""Trains the passages' encoder: fewer layers that give the vectors of all of them.

    python -m training.passages DATA OUT [--minutes M]

Questions are embedded one at a time, passages by the thousand; so these get four layers of the six,
trained until a passage's vector, and the states of its tokens, are those of the whole encoder
(Sanh et al. 2019 begin likewise, with a part of the teacher's layers). No label is used. What comes
before the layers is the encoder's own. Writes `OUT`, to be `index/encoder/passages`, every ten
minutes.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence
from transformers import BertModel

from index import default_model

from . import corpora
from .others import OWN_TEXTS
from .student import EIGHT_BITS, Encoder

LAYERS = (0, 2, 4, 5)
"""Of the whole encoder: where the others begin. Untrained, these come nearest to it."""

SHARES = {"paragraphs": 0.35, "laws": 0.15, "news": 0.15, "own": 0.15, "joined": 0.2}
_TOKENS = 3072  # of a batch, at most
_POOL = 1500  # passages that are sorted by length together
_RATE = 4e-4
_WARM_UP = 0.03
_SAVE_EVERY = 10.0  # minutes
_SEED = 5


def passages(data: Path, chance: random.Random) -> Iterator[str]:
    """Passages under a heading, as they are indexed, in both languages, without end.

    A third have some of their words replaced by any others, names made up of word pieces among
    them: the encoder is to be followed also where parliaments and laws have nothing to say.
    """
    vocabulary = Tokenizer.from_file(str(Path(default_model()) / "tokenizer.json")).get_vocab()
    words = sorted(piece for piece in vocabulary if piece.isalpha() and len(piece) > 2)
    rows = corpora.read_records(data / "corpora" / "europarl-paragraphs.jsonl.xz")
    laws = [row for law in corpora.laws(data).values() for row in law]
    asked = corpora.questions(data / "questions" / "wikinews-train.jsonl")
    texts = corpora.documents(data)
    # As in `distil`: articles of the measured questions, here and elsewhere, stay unseen.
    news = {name: texts[name] for name in sorted({question.document for question in asked} - {""})}
    own = {path.name: path.read_text(encoding="utf-8") for path in sorted(OWN_TEXTS.glob("*.txt"))}
    sources = list(corpora.parallel_sources(data).values())

    def documents(some: dict[str, str]) -> Callable[[], str]:
        names = list(some)

        def passage() -> str:
            name = chance.choice(names)
            size = chance.choice((900, 900, 900, 600, 300))
            return chance.choice(corpora.cut(name, some[name], size)).text

        return passage

    def paragraph() -> str:
        row, language = chance.choice(rows), chance.choice(("fr", "en"))
        heading = chance.choice(rows)[chance.choice(("fr", "en"))][: chance.randint(10, 80)]
        return chance.choice((f"{heading}\n", "")) + str(row[language])[:900]

    def law() -> str:
        row, language = chance.choice(laws), chance.choice(("fr", "en"))
        return f"{row[f'heading_{language}']}\n{row[f'text_{language}']}"[:1000]

    def joined() -> str:
        pairs = chance.choice(sources)
        side, start = chance.randrange(2), chance.randrange(len(pairs))
        return " ".join(pair[side] for pair in pairs[start : start + chance.randint(1, 8)])[:900]

    kinds = {
        "paragraphs": paragraph,
        "laws": law,
        "news": documents(news),
        "own": documents(own),
        "joined": joined,
    }
    while True:
        text = kinds[chance.choices(list(SHARES), list(SHARES.values()))[0]]()
        yield _strewn(text, words, chance) if chance.random() < 1 / 3 else text


def _strewn(text: str, words: Sequence[str], chance: random.Random) -> str:
    share = chance.uniform(0.05, 0.4)

    def other(match: re.Match[str]) -> str:
        if chance.random() >= share:
            return match[0]
        word = "".join(chance.choices(words, k=chance.choice((1, 1, 1, 2, 3))))
        return word.capitalize() if chance.random() < 0.4 else word

    return re.sub(r"\w+", other, text)


def batches(
    texts: Iterator[str], tokenizer: Tokenizer, chance: random.Random
) -> Iterator[tuple[Tensor, Tensor]]:
    """The tokens of texts of similar length, and a mask of them, (texts, tokens) each."""
    while True:
        coded = tokenizer.encode_batch_fast([next(texts) for _ in range(_POOL)])
        pool: list[list[list[int]]] = [[]]
        for row in sorted((one.ids for one in coded), key=len):
            if (len(pool[-1]) + 1) * len(row) > _TOKENS:
                pool.append([])
            pool[-1].append(row)
        chance.shuffle(pool)
        for rows in pool:
            ids = [torch.tensor(row) for row in rows]
            mask = [torch.ones(len(row)) for row in rows]
            yield pad_sequence(ids, batch_first=True), pad_sequence(mask, batch_first=True)


def loss_of(states: Tensor, wanted: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """How far passages' vectors are from the wanted ones, and the states of their tokens.

    Both as 1 - cosine; states have shape (passages, tokens, width), the mask (passages, tokens).
    """
    there = mask.unsqueeze(-1)
    means = [(each * there).sum(1) / there.sum(1) for each in (states, wanted)]
    vectors = 1 - functional.cosine_similarity(*means, dim=-1).mean()
    tokens = 1 - functional.cosine_similarity(states, wanted, dim=-1)
    return vectors, (tokens * mask).sum() / mask.sum()


def train(
    texts: Iterator[str],
    out: Path,
    minutes: float,
    report: Callable[[str], None],
    chance: random.Random,
    steps: float = float("inf"),
) -> list[float]:
    """Train for some minutes, or `steps` if that is less, and write the layers to `out`.

    Returns how far the vectors were, step by step.
    """
    torch.manual_seed(_SEED)
    folder = Path(default_model())
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    whole, fewer = (Encoder.load(folder).bert for _ in range(2))
    for bert in (whole, fewer):
        bert.set_attn_implementation("sdpa")
    fewer.encoder.layer = torch.nn.ModuleList([fewer.encoder.layer[i] for i in LAYERS])
    fewer.embeddings.requires_grad_(False)
    parameters = [value for value in fewer.parameters() if value.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=_RATE, weight_decay=0.01, fused=True)
    begun = saved = time.monotonic()
    losses: list[float] = []
    for ids, mask in batches(texts, tokenizer, chance):
        done = max((time.monotonic() - begun) / 60 / minutes, len(losses) / steps)
        if done >= 1:
            break
        for group in optimiser.param_groups:
            group["lr"] = _RATE * min(done / _WARM_UP + 0.05, 1.0) * (1 - done)
        with torch.autocast("cpu", torch.bfloat16):
            with torch.no_grad():
                wanted = whole(input_ids=ids, attention_mask=mask).last_hidden_state.float()
            given = fewer(input_ids=ids, attention_mask=mask).last_hidden_state.float()
        vectors, tokens = loss_of(given, wanted, mask)
        optimiser.zero_grad()
        (4 * vectors + tokens).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        losses.append(vectors.item())
        if len(losses) % 50 == 0:
            report(f"{done * minutes:5.1f} min: 1 - cosine {np.mean(losses[-50:]):.4f}")
        if time.monotonic() - saved > 60 * _SAVE_EVERY:
            save(fewer, out)
            saved = time.monotonic()
    save(fewer, out)
    return losses


def save(fewer: BertModel, out: Path) -> None:
    """Write the layers, feed-forward matrices as 8-bit floats and the rest as 16-bit ones."""
    out.mkdir(parents=True, exist_ok=True)
    weights = {
        name: value.to(torch.float8_e4m3fn if EIGHT_BITS.search(name) else torch.float16)
        for name, value in fewer.state_dict().items()
        if name.startswith("encoder.")
    }
    save_file(weights, out / "part.safetensors", metadata={"format": "pt"})
    (out / "part.safetensors").replace(out / "model.safetensors")
    config = json.dumps({"num_hidden_layers": len(LAYERS)}, indent=2)
    (out / "config.json").write_text(f"{config}\n")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.passages", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("data", type=Path, help="see README.md")
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=60)
    given = parser.parse_args()
    chance = random.Random(_SEED)
    texts = passages(given.data, chance)
    train(texts, given.out, given.minutes, lambda line: print(line, flush=True), chance)


if __name__ == "__main__":
    main()
