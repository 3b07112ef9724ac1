"""How many passages a second an encoder takes, as a ratio to the teacher in sentence-transformers.

    python -m training.speed FOLDER --data DATA

The three ways take turns over the same passages of 200 tokens (of FOLDER's tokenizer), so that a
busy machine slows all of them; the ratios are those of each round. Seconds are processor seconds
of this process, all threads together, and wall seconds.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer

from index import SentenceTransformerEmbedder

from . import corpora
from .student import teacher_folder

TOKENS = 200
PASSAGES = 128
ROUNDS = 5

Encode = Callable[[list[str]], object]


def passages(data: Path, language: str, tokenizer: Tokenizer) -> list[str]:
    """Return texts of the European Parliament, cut at 200 tokens."""
    found = []
    for row in corpora.read_records(data / "corpora" / "europarl-paragraphs.jsonl.xz"):
        coded = tokenizer.encode(row[language])
        if len(coded.ids) > TOKENS:
            found.append(row[language][: coded.offsets[TOKENS - 2][1]])
        if len(found) == PASSAGES:
            break
    return found


def seconds(encode: Encode, texts: list[str]) -> tuple[float, float]:
    """Return the processor and the wall seconds of one call."""
    processor, wall = time.process_time(), time.monotonic()
    encode(texts)
    return time.process_time() - processor, time.monotonic() - wall


def ratios(first: Sequence[float], other: Sequence[float]) -> str:
    """Return the median and the range of how many times faster `other` is, round by round."""
    each = [a / b for a, b in zip(first, other, strict=True)]
    return f"{statistics.median(each):5.2f} [{min(each):.2f} {max(each):.2f}]"


def main() -> None:
    """Print a row for each language and way."""
    parser = argparse.ArgumentParser(prog="python -m training.speed", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="see README.md")
    given = parser.parse_args()
    embedder = SentenceTransformerEmbedder(str(given.folder.resolve()))
    ways: dict[str, Encode] = {
        "teacher, sentence-transformers": SentenceTransformer(str(teacher_folder())).encode,
        "encoder, sentence-transformers": SentenceTransformer(str(given.folder)).encode,
        "encoder, as the index runs it": lambda texts: embedder.embed_passages(
            texts, [[]] * len(texts)
        ),
    }
    tokenizer = Tokenizer.from_file(str(given.folder / "tokenizer.json"))
    tokenizer.no_truncation()
    for language in ("fr", "en"):
        texts = passages(given.data, language, tokenizer)
        for encode in ways.values():
            encode(texts[:16])  # the first call compiles and loads
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        for _ in range(ROUNDS):
            for name, encode in ways.items():
                taken[name].append(seconds(encode, texts))
        first = next(iter(taken.values()))
        for name, times in taken.items():
            rate = PASSAGES / statistics.median(wall for _, wall in times)
            processor = ratios([p for p, _ in first], [p for p, _ in times])
            wall = ratios([w for _, w in first], [w for _, w in times])
            print(f"{language}  {name:32} {rate:6.1f}/s  processor {processor}  wall {wall}")


if __name__ == "__main__":
    main()
