"""txtai's embeddings database, with the texts in it, its encoder run by sentence-transformers."""

from pathlib import Path

from peer import run
from txtai import Embeddings


class Txtai:
    def __init__(self, encoder: str) -> None:
        self.embeddings = Embeddings(
            path=encoder, method="sentence-transformers", content=True, gpu=False
        )

    def build(self, texts: list[str], store: Path) -> None:
        self.embeddings.index(texts)
        self.embeddings.save(str(store))

    def open(self, store: Path) -> None:
        self.embeddings.load(str(store))

    def search(self, question: str, k: int) -> list[str]:
        return [found["text"] for found in self.embeddings.search(question, k)]


if __name__ == "__main__":
    run(Txtai)
