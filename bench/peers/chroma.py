"""A persistent collection of chroma, with its sentence-transformers embedding function."""

from pathlib import Path

import chromadb
from chromadb.utils.embedding_functions import SentenceTransformerEmbeddingFunction
from peer import run


class Chroma:
    def __init__(self, encoder: str) -> None:
        self.embed = SentenceTransformerEmbeddingFunction(
            model_name=encoder, device="cpu", normalize_embeddings=True
        )

    def build(self, texts: list[str], store: Path) -> None:
        client = chromadb.PersistentClient(str(store))
        collection = client.create_collection(
            "passages",
            embedding_function=self.embed,
            configuration={"hnsw": {"space": "cosine"}},
        )
        step = client.get_max_batch_size()
        for at in range(0, len(texts), step):
            some = texts[at : at + step]
            collection.add(ids=[str(at + i) for i in range(len(some))], documents=some)

    def open(self, store: Path) -> None:
        client = chromadb.PersistentClient(str(store))
        self.collection = client.get_collection("passages", embedding_function=self.embed)

    def search(self, question: str, k: int) -> list[str]:
        found = self.collection.query(query_texts=[question], n_results=k)
        return found["documents"][0]


if __name__ == "__main__":
    run(Chroma)
