"""Reads the training texts: parallel pairs, and questions with the passages that answer them.

Knows the layout of the data folder (`parallel/`, `questions/`, `corpora/`) and how a document is
cut into passages for training and measuring. Knows no model and no vocabulary. The sets kept for
measuring (`dev-*`, `wikinews-dev`, `xquad-en`) are read here too, but only `measure` asks for them.
"""

from __future__ import annotations

import gzip
import json
import lzma
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

Pair = tuple[str, str]
"""A French text and its English translation."""

PASSAGE_CHARACTERS = 900


@dataclass(frozen=True, slots=True)
class Question:
    """A question in two languages; `answer_start` is None where the documents do not answer."""

    french: str
    english: str
    document: str
    answer: str
    answer_start: int | None


@dataclass(frozen=True, slots=True)
class Cut:
    """A passage of a document: `text` is what the encoder reads, its title first."""

    document: str
    start: int
    end: int
    text: str

    def holds(self, question: Question) -> bool:
        """Say whether the whole gold answer lies in this passage."""
        start = question.answer_start
        return (
            start is not None
            and self.document == question.document
            and self.start <= start
            and start + len(question.answer) <= self.end
        )


def read_lines(path: Path) -> Iterator[str]:
    """Yield the lines of a plain, gzip or xz text file, without their ends."""
    with _opened(path) as lines:
        for line in lines:
            yield line.rstrip("\n")


def _opened(path: Path) -> TextIO:
    if path.suffix == ".xz":
        return lzma.open(path, "rt", encoding="utf-8", newline="\n")
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8", newline="\n")
    return path.open(encoding="utf-8", newline="\n")


def read_records(path: Path) -> list[dict[str, Any]]:
    """Return the objects of a JSON-lines file."""
    return [json.loads(line) for line in read_lines(path)]


def all_pairs(path: Path) -> list[Pair]:
    """Return every pair of a `French TAB English` file."""
    split = (line.partition("\t") for line in read_lines(path))
    return [(french, english) for french, _, english in split]


def training_pairs(path: Path, longest: int = 1200) -> list[Pair]:
    """Return the pairs of a file that are fit to learn from.

    Pairs with an empty or overlong side (in characters), or with one side over three times as
    long as the other, are left out: most of those are wrongly aligned.
    """
    pairs = []
    for french, english in all_pairs(path):
        low, high = sorted((len(french), len(english)))
        if low > 0 and high <= longest and high <= 3 * low + 30:
            pairs.append((french, english))
    return pairs


def parallel_sources(data: Path) -> dict[str, list[Pair]]:
    """Return the training pairs of each file of `parallel/`, by name; `dev-` files are left out."""
    paths = sorted((data / "parallel").glob("*.tsv*"))
    named = {path.name.split(".")[0]: path for path in paths if not path.name.startswith("dev-")}
    return {name: training_pairs(path) for name, path in named.items()}


def documents(data: Path) -> dict[str, str]:
    """Return the text of each `wikinews-fr` document, by file name."""
    paths = sorted((data / "corpora" / "wikinews-fr").glob("*.txt"))
    return {path.name: path.read_bytes().decode("utf-8") for path in paths}


def laws(data: Path) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of `laws-headings` (a provision each, in both languages), by law."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in read_records(data / "parallel/laws-headings.jsonl.xz"):
        found.setdefault(row["file"], []).append(row)
    return found


def questions(path: Path) -> list[Question]:
    """Return the questions of a `wikinews-*.jsonl` file."""
    return [
        Question(
            french=row["question_fr"],
            english=row["question_en"],
            document=row.get("doc") or "",
            answer=row.get("answer") or "",
            answer_start=row["answer_start"] if row["answerable"] else None,
        )
        for row in read_records(path)
    ]


def cut(name: str, text: str, size: int = PASSAGE_CHARACTERS) -> list[Cut]:
    """Cut a document into passages of about `size` characters, on borders of paragraphs.

    The first line is the title and is prepended to each passage's text. A paragraph longer than
    `size` is a passage of its own. Offsets are code points of `text`.
    """
    title = text.split("\n", 1)[0].strip()
    spans: list[tuple[int, int]] = []
    for match in re.finditer(r"[^\n]+", text):
        if spans and match.end() - spans[-1][0] <= size:
            spans[-1] = (spans[-1][0], match.end())
        else:
            spans.append(match.span())
    return [
        Cut(name, start, end, text[start:end] if start == 0 else f"{title}\n{text[start:end]}")
        for start, end in spans
    ]


def sentences(text: str) -> list[str]:
    """Split a text roughly into sentences; good enough to make training pairs."""
    return [part for part in re.split(r"(?<=[.!?»])\s+(?=[A-ZÀ-Ý«])", text) if part.strip()]


def without(text: str, sentence: str) -> str:
    """Return the text without the first occurrence of one of its sentences."""
    return text.replace(sentence, "", 1).strip()


def joined(pairs: list[Pair], chance: random.Random) -> Pair:
    """Join neighbouring pairs of one source into a longer one, as a passage."""
    count = chance.randint(2, 5)
    start = chance.randrange(max(1, len(pairs) - count))
    chosen = pairs[start : start + count]
    return " ".join(pair[0] for pair in chosen), " ".join(pair[1] for pair in chosen)
