"""Opcit: files that it reads, splits and indexes for meaning and words, and its whole retriever.

More than the others do: each passage lies in a file of its own, and words are searched too. What
is found is not read together with the question, as `opcit ask` and `search` do after it.
"""

from pathlib import Path
from typing import Any

import numpy as np
from peer import run

from index import Index, SentenceTransformerEmbedder
from qa import build_index, read_config
from qa.retriever import Retriever


class Opcit:
    def __init__(self, encoder: str) -> None:
        self.encoder = encoder
        self.config = read_config(model=encoder)
        SentenceTransformerEmbedder(encoder).embed_passages(["?"], [[]])  # as others load theirs

    def build(self, texts: list[str], store: Path) -> None:
        documents = store / "documents"
        documents.mkdir()
        for number, text in enumerate(texts):
            (documents / f"{number}.txt").write_text(text, encoding="utf-8")
        report = build_index(documents, store / "index", config=self.config)
        if report.passages_embedded != len(texts):
            raise SystemExit(f"{len(texts)} texts became {report.passages_embedded} passages")

    def open(self, store: Path) -> None:
        embedder = SentenceTransformerEmbedder(self.encoder)
        self.retriever = Retriever(Index.open(store / "index", embedder))

    def search(self, question: str, k: int) -> list[str]:
        return [hit.passage.text for hit in self.retriever.search(question, k)]


def look_up(known: dict[str, Any]) -> None:
    """Opcit embeds a passage below its file's name, which the peers do not see.

    And its sentences, of which nothing is known here.
    """

    def embed_passages(
        _self: object, texts: list[str], spans: list[list[tuple[int, int]]]
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        vectors = np.stack([known[text.rpartition("\n")[2]] for text in texts])
        return vectors, [np.zeros((len(some), vectors.shape[1])) for some in spans]

    SentenceTransformerEmbedder.embed_passages = embed_passages


if __name__ == "__main__":
    run(Opcit, look_up)
