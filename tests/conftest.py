"""What several tests share: a small real encoder, small real documents, and the real server."""

import hashlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which

import numpy as np
import pytest
from chat_page import CHROMIUM, ROOT, SAMPLES, Visitor
from hypothesis import settings
from playwright.sync_api import Browser, sync_playwright

from index import Index
from index.embed import Vectors
from index.words import stems
from qa import build_index

DIMENSION = 1024
# A busy machine is no failure.
settings.register_profile("opcit", deadline=None)
settings.load_profile("opcit")


class StemEmbedder:
    """An encoder one can compute by hand: a text's vector counts its stems, each in one place.

    A stem's place is a hash modulo the dimension. `embedded` lists every passage ever embedded.
    """

    name = "stems"
    fingerprint = "stems-1"
    dimension = DIMENSION
    rounding = 0.0

    def __init__(self) -> None:
        self.embedded: list[str] = []

    def embed_passages(
        self, texts: list[str], spans: list[list[tuple[int, int]]]
    ) -> tuple[Vectors, list[Vectors]]:
        self.embedded.extend(texts)
        each = zip(texts, spans, strict=True)
        of_spans = [self.embed_exactly([text[a:b] for a, b in some]) for text, some in each]
        return self.embed_exactly(texts), of_spans

    def embed_exactly(self, texts: list[str]) -> Vectors:
        return np.array([self.embed_question(text) for text in texts]).reshape(-1, DIMENSION)

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


@pytest.fixture
def index(tmp_path: Path, documents: Path, embedder: StemEmbedder) -> Index:
    """An index of the three documents."""
    made = Index.create(tmp_path / "index", embedder)
    made.update(documents, max_bytes=1_000_000)
    return made


@pytest.fixture(scope="session")
def sample_index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index folder of the sample documents; tests that change it take another."""
    folder = tmp_path_factory.mktemp("samples") / ".opcit"
    build_index(SAMPLES, folder)
    return folder


@pytest.fixture(scope="session")
def chat_address(sample_index: Path) -> Iterator[str]:
    """The chat over the samples, with MCP tools, for tests that change nothing in it."""
    with running(sample_index, mcp=True) as address:
        yield address


@pytest.fixture(scope="module")
def index_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index folder of the sample documents that the tests of one file may change."""
    folder = tmp_path_factory.mktemp("place") / ".opcit"
    build_index(SAMPLES, folder)
    return folder


@pytest.fixture(scope="module")
def address(index_folder: Path) -> Iterator[str]:
    """The chat over it, with the slash that ends a page's address."""
    with running(index_folder) as origin:
        yield f"{origin}/"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = which("chromium") or which("chromium-browser")
    if chromium is None:
        pytest.fail("These tests need Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM)
        yield launched
        launched.close()


@pytest.fixture
def visitor(browser: Browser, address: str) -> Iterator[Visitor]:
    visitor = Visitor(browser, address)
    yield visitor
    visitor.leave()


@contextmanager
def running(index_folder: Path, port: int | None = None, **settings: object) -> Iterator[str]:
    """The chat over an index, in a process of its own as `python app.py` starts it.

    Yields its address, on a free port where none is given; the settings are those of `qa.Config`.
    """
    port = port or free_port()
    start = (
        "import json, sys; from app import serve; from qa import read_config;"
        " serve(read_config(**json.loads(sys.argv[1])), open_browser=False)"
    )
    given = json.dumps({"index": str(index_folder), "port": port, **settings})
    with subprocess.Popen(
        [sys.executable, "-c", start, given],
        cwd=index_folder.parent,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stderr
        said = []
        for line in server.stderr:
            said.append(line)
            if f":{port} (" in line:
                break
        else:
            pytest.fail(f"The server did not start: {''.join(said)}")
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
