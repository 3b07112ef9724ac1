"""Whether answers depend on the runtime: the first ten passages by OpenVINO and by PyTorch.

    python -m bench.agreement DOCS QUESTIONS

Indexes the folder twice with the same weights, as Opcit runs them and by plain
sentence-transformers, asks both all questions of a file in the evaluation's form, in both
languages, and prints for how many the first ten passages are the same set, and the same in the same
order, and the mean share of passages in common: by meaning alone, and by the whole retriever.
"""

import argparse
import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer

from index import Hit, Index, SentenceTransformerEmbedder, default_model
from qa import build_index, read_config
from qa.retriever import Retriever

from .passages import read_questions

K = 10
_DEPTH = 100  # as the retriever looks for


def passages_alone(folder: Path) -> Path:
    """Write the built-in encoder's layers for passages into a folder of their own.

    The form is that which sentence-transformers loads.
    """
    whole = Path(default_model())
    fewer = whole / "passages"
    shutil.copytree(whole, folder, ignore=shutil.ignore_patterns(fewer.name))
    config, layers = (json.loads((of / "config.json").read_text()) for of in (whole, fewer))
    (folder / "config.json").write_text(json.dumps(config | layers))
    weights, own = (load_file(of / "model.safetensors") for of in (whole, fewer))
    kept = {name: value for name, value in weights.items() if ".layer." not in name}
    save_file(kept | own, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


class PlainEmbedder:
    """The built-in encoder, run by sentence-transformers; it passes for the other."""

    def __init__(self, other: SentenceTransformerEmbedder, folder: Path) -> None:
        self.name, self.fingerprint, self.rounding = other.name, other.fingerprint, 0.0
        self._questions, self._passages = (
            SentenceTransformer(str(model), device="cpu", local_files_only=True)
            for model in (default_model(), passages_alone(folder))
        )
        self.dimension = self._questions.get_embedding_dimension()

    def embed_passages(
        self, texts: list[str], spans: list[list[tuple[int, int]]]
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        # Passages are only found here, not read.
        return self.embed_exactly(texts), [np.zeros((len(some), self.dimension)) for some in spans]

    def embed_exactly(self, texts: list[str]) -> np.ndarray:
        return self._passages.encode(texts, normalize_embeddings=True)

    def embed_question(self, text: str) -> np.ndarray:
        return self._questions.encode(text, normalize_embeddings=True)


def agreement(first: list[list[Hit]], second: list[list[Hit]]) -> str:
    """The three figures, over the questions."""
    pairs = [
        ([hit.passage for hit in a], [hit.passage for hit in b])
        for a, b in zip(first, second, strict=True)
    ]
    sets = np.mean([{*a} == {*b} for a, b in pairs])
    orders = np.mean([a == b for a, b in pairs])
    shares = np.mean([len({*a} & {*b}) / max(len(a), 1) for a, b in pairs])
    return f"same set {sets:.4f}, same order {orders:.4f}, mean overlap {shares:.4f}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.agreement", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("documents", type=Path)
    parser.add_argument("questions", type=Path)
    given = parser.parse_args()
    questions = read_questions(given.questions, 10**6)
    nearest, found = [], []
    with tempfile.TemporaryDirectory() as folder:
        config = read_config(model=None)
        fast, plain = Path(folder) / "fast", Path(folder) / "plain"
        embedder = SentenceTransformerEmbedder(default_model())
        build_index(given.documents, fast, config=config)
        slow = PlainEmbedder(embedder, Path(folder) / "passages")
        Index.create(plain, slow).update(given.documents, max_bytes=config.max_file_bytes)
        for index in (Index.open(fast, embedder), Index.open(plain, slow)):
            retriever = Retriever(index)
            nearest.append([index.nearest(question, _DEPTH)[:K] for question in questions])
            found.append([retriever.search(question, K) for question in questions])
    print(f"{len(questions)} questions, the first {K} passages")
    print("by meaning alone:      ", agreement(*nearest))
    print("by the whole retriever:", agreement(*found))


if __name__ == "__main__":
    main()
