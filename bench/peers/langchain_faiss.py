"""langchain's FAISS store over its Hugging Face embeddings."""

from pathlib import Path

from langchain_community.vectorstores import FAISS
from langchain_huggingface import HuggingFaceEmbeddings
from peer import run


class Langchain:
    def __init__(self, encoder: str) -> None:
        self.embeddings = HuggingFaceEmbeddings(
            model_name=encoder,
            model_kwargs={"device": "cpu"},
            encode_kwargs={"normalize_embeddings": True},
        )

    def build(self, texts: list[str], store: Path) -> None:
        FAISS.from_texts(texts, self.embeddings).save_local(str(store))

    def open(self, store: Path) -> None:
        self.store = FAISS.load_local(
            str(store), self.embeddings, allow_dangerous_deserialization=True
        )

    def search(self, question: str, k: int) -> list[str]:
        return [found.page_content for found in self.store.similarity_search(question, k=k)]


if __name__ == "__main__":
    run(Langchain)
