"""Passages ranked by meaning and words, whatever the processor rounds."""

from pathlib import Path

import numpy as np
import pytest
from conftest import StemEmbedder
from numpy.typing import NDArray

from index import Index, Passage
from qa.retriever import Retriever

WORDS = "pont port phare quai digue grue voile mât rame ancre filet barque".split()
ROUNDING = 0.02


class Rounding(StemEmbedder):
    """Gives passages in a hurry other vectors than exactly."""

    rounding = ROUNDING

    def embed_passages(
        self, texts: list[str], spans: list[list[tuple[int, int]]]
    ) -> tuple[NDArray[np.float32], list[NDArray[np.float32]]]:
        vectors, of_spans = super().embed_passages(texts, spans)
        noise = np.random.default_rng(0).normal(0, ROUNDING / 4, vectors.shape)
        moved = (vectors + noise * (vectors > 0.05)).astype(np.float32)
        return moved / np.linalg.norm(moved, axis=1, keepdims=True), of_spans


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    """Forty documents of thirty words each, the same few."""
    chance = np.random.default_rng(1)
    for number in range(40):
        some = " ".join(chance.choice(WORDS, 30))
        (tmp_path / f"{number:02}.txt").write_text(f"Note {number}\n\nIci : {some}.\n", "utf-8")
    return tmp_path


def firsts(index: Index) -> list[set[Passage]]:
    """The first ten passages for questions of two words."""
    search = Retriever(index).search
    pairs = [(a, b) for a in WORDS for b in WORDS if a < b]
    return [{hit.passage for hit in search(f"Où sont {a} et {b} ?", 24)[:10]} for a, b in pairs]


def test_which_passages_come_first_does_not_depend_on_rounding(
    documents: Path, tmp_path: Path
) -> None:
    found = {}
    for name, embedder in {"exact": StemEmbedder(), "rounded": Rounding()}.items():
        index = Index.create(tmp_path / f".{name}", embedder)
        index.update(documents, max_bytes=10**6)
        found[name] = firsts(index)
    settled = np.mean([a == b for a, b in zip(found["exact"], found["rounded"], strict=True)])
    index.embedder.rounding = 0.0  # type: ignore[misc]
    left = np.mean([a == b for a, b in zip(found["exact"], firsts(index), strict=True)])
    assert left < 0.9
    assert settled > 0.95


def test_where_all_are_tied_none_is_embedded_again(documents: Path, tmp_path: Path) -> None:
    embedder = Rounding()
    index = Index.create(tmp_path / ".index", embedder)
    index.update(documents, max_bytes=10**6)
    embedder.embed_exactly = None  # type: ignore[assignment]
    assert len(Retriever(index).search("Ici", 40)) == 40
    assert Retriever(index).search("Ici", 0) == []
