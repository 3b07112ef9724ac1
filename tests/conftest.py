"""What several tests share: a small real encoder, and folders of small real documents."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from chat_page import address, browser, index_folder, visitor  # noqa: F401 (fixtures)

from index.embed import Vectors
from index.words import stems

DIMENSION = 1024


class StemEmbedder:
    """An encoder one can compute by hand: a text's vector counts its stems, each in one place.

    A stem's place is a hash modulo the dimension. `embedded` lists every passage ever embedded.
    """

    name = "stems"
    fingerprint = "stems-1"
    dimension = DIMENSION

    def __init__(self) -> None:
        self.embedded: list[str] = []

    def embed_passages(self, texts: list[str]) -> Vectors:
        self.embedded.extend(texts)
        return np.stack([self.embed_question(text) for text in texts])

    def embed_question(self, text: str) -> Vectors:
        vector = np.full(DIMENSION, 1e-3, dtype=np.float32)
        for stem in stems(text, "fr"):
            vector[int(hashlib.sha256(stem.encode()).hexdigest(), 16) % DIMENSION] += 1
        return vector / np.float32(np.linalg.norm(vector))


ARTICLES = {
    "2022-01-14-kazakhstan.txt": (
        "Entretien entre la Chine et le Kazakhstan\n2022-01-14\n\n"
        "Le ministre chinois a téléphoné à son homologue kazakh. Le nouveau ministre des Affaires "
        "étrangères du Kazakhstan est Mukhtar Tileuberdi.\n"
    ),
    "2021-07-20-crue.txt": (
        "Crue de la Vire\n2021-07-20\n\n"
        "L'eau a atteint 3,5 mètres à Vire. Quarante-deux habitants ont été évacués.\n"
    ),
    "sub/museum.md": (
        "# The museum reopens\n\n*2023-05-02*\n\n"
        "The museum reopened on Tuesday. Its director, Anna Weiss, welcomed 1,200 visitors.\n"
    ),
}


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    """A folder with three documents, two in French and one in English."""
    folder = tmp_path / "documents"
    for name, text in ARTICLES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    return folder


@pytest.fixture
def embedder() -> StemEmbedder:
    return StemEmbedder()
