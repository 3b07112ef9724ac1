"""Plain sentence-transformers with an exact FAISS index: what the others are compared with."""

import json
from pathlib import Path

import faiss
from peer import run
from sentence_transformers import SentenceTransformer


class Plain:
    def __init__(self, encoder: str) -> None:
        self.model = SentenceTransformer(encoder, device="cpu")

    def build(self, texts: list[str], store: Path) -> None:
        vectors = self.model.encode(texts, normalize_embeddings=True)
        index = faiss.IndexFlatIP(vectors.shape[1])
        index.add(vectors)
        faiss.write_index(index, str(store / "vectors.faiss"))
        (store / "texts.json").write_text(json.dumps(texts), encoding="utf-8")

    def open(self, store: Path) -> None:
        self.index = faiss.read_index(str(store / "vectors.faiss"))
        self.texts = json.loads((store / "texts.json").read_text(encoding="utf-8"))

    def search(self, question: str, k: int) -> list[str]:
        vector = self.model.encode([question], normalize_embeddings=True)
        return [self.texts[i] for i in self.index.search(vector, k)[1][0]]


if __name__ == "__main__":
    run(Plain)
