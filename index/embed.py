"""Texts to vectors, behind one small protocol.

`Embedder` is what the index and the retriever need of an encoder; `SentenceTransformerEmbedder`
gives it over any model in the form of sentence-transformers. The model is loaded at the first
text, so that opening an index or asking for help costs nothing.
"""

import hashlib
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from .bert import ROUNDING, BertEncoder, is_bert_encoder
from .errors import EncoderError
from .types import Span

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Vectors = NDArray[np.float32]

# Made by training/; its README.md is the model card.
_BUILT_IN = Path(__file__).with_name("encoder")
_BUILT_IN_NAME = "opcit-fr-en"
# Texts that sentence-transformers encodes together.
_BATCH_SIZE = 32
_CHUNK_BYTES = 1 << 18  # what fits a processor's cache


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

    @property
    def rounding(self) -> float:
        """How far `embed_passages` moves the cosine of a question and a passage, mostly."""

    def embed_passages(
        self, texts: list[str], spans: list[list[Span]]
    ) -> tuple[Vectors, list[Vectors]]:
        """Unit vectors of the texts, `(len(texts), dimension)`, and of the spans of each.

        These are `(len(spans of it), dimension)`. A span is read in its text where the model can
        do so, and else by itself.
        """

    def embed_exactly(self, texts: list[str]) -> Vectors:
        """The texts' vectors without that rounding, for few of them."""

    def embed_question(self, text: str) -> Vectors:
        """The unit vector of a question, of shape `(dimension,)`, without that rounding."""


def default_model() -> str:
    """The folder of the French-English encoder that comes with Opcit."""
    return str(_BUILT_IN)


class SentenceTransformerEmbedder:
    """An encoder in the form of sentence-transformers: a folder, or a name on the model hub.

    A folder is never looked up anywhere else, and one that `bert.py` can run does not load
    PyTorch. A hub name is taken from the local cache and fetched only when it is not there: naming
    it is the user's consent to that connection.

    Raises EncoderError if there is no such folder, and later if the model cannot be loaded.
    """

    def __init__(self, model: str) -> None:
        if model.startswith((".", "/", "~")) and not Path(model).is_dir():
            raise EncoderError(f"There is no folder {model}; give --model a folder or a hub name.")
        self.name = _BUILT_IN_NAME if model == default_model() else model
        self._source = model
        self._model: _Model | None = None
        self._loading = threading.Lock()
        self._fingerprint: str | None = None

    @property
    def dimension(self) -> int:
        return self._loaded().dimension

    @property
    def fingerprint(self) -> str:
        if self._fingerprint is None:
            folder = Path(self._source)
            # A hub name stands for its content; a folder's content can change under its name.
            self._fingerprint = _hash_folder(folder) if folder.is_dir() else self._source
        return self._fingerprint

    @property
    def rounding(self) -> float:
        return self._loaded().rounding

    def embed_passages(
        self, texts: list[str], spans: list[list[Span]]
    ) -> tuple[Vectors, list[Vectors]]:
        return self._loaded().passages(texts, spans)

    def embed_exactly(self, texts: list[str]) -> Vectors:
        return self._loaded().exactly(texts)

    def embed_question(self, text: str) -> Vectors:
        return self._loaded().question(text)

    def _loaded(self) -> "_Model":
        with self._loading:
            if self._model is None:
                self._model = _load(self._source)
            return self._model


class _Model(Protocol):
    """A loaded encoder; its methods are those of `Embedder`."""

    @property
    def dimension(self) -> int: ...

    @property
    def rounding(self) -> float: ...

    def passages(
        self, texts: list[str], spans: list[list[Span]]
    ) -> tuple[Vectors, list[Vectors]]: ...

    def exactly(self, texts: list[str]) -> Vectors: ...

    def question(self, text: str) -> Vectors: ...


class _PlainModel:
    """One of the commonest form, run by OpenVINO."""

    def __init__(self, encoder: BertEncoder) -> None:
        self.dimension = encoder.dimension
        self.rounding = ROUNDING if encoder.rounds else 0.0
        self.passages = encoder.encode
        self.exactly = encoder.encode_exactly
        self.question = encoder.encode_question


class _TorchModel:
    """Any other, run by sentence-transformers."""

    rounding = 0.0

    def __init__(self, model: "SentenceTransformer") -> None:
        dimension = model.get_embedding_dimension()
        if dimension is None:
            raise ValueError("the model does not say how long its vectors are")
        self._model = model
        self.dimension = dimension

    def passages(self, texts: list[str], spans: list[list[Span]]) -> tuple[Vectors, list[Vectors]]:
        each = [
            text[start:end] for text, some in zip(texts, spans, strict=True) for start, end in some
        ]
        ends = np.cumsum([len(texts), *map(len, spans)])
        vectors, *of_spans = np.split(self.exactly([*texts, *each]), ends[:-1])
        return vectors, of_spans

    def exactly(self, texts: list[str]) -> Vectors:
        # encode_document sorts the texts by length, so that a batch is hardly padded.
        vectors = self._model.encode_document(
            texts, batch_size=_BATCH_SIZE, normalize_embeddings=True, show_progress_bar=False
        )
        return np.asarray(vectors, dtype=np.float32).reshape(len(texts), self.dimension)

    def question(self, text: str) -> Vectors:
        vector = self._model.encode_query(
            [text], normalize_embeddings=True, show_progress_bar=False
        )
        return np.asarray(vector, dtype=np.float32).reshape(-1)


def _load(source: str) -> _Model:
    try:
        if is_bert_encoder(Path(source)):
            return _PlainModel(BertEncoder(Path(source)))
        return _TorchModel(_torch_model(source))
    except Exception as error:  # the loaders raise whatever a broken file makes them raise
        raise EncoderError(
            f"The encoder {source} cannot be loaded ({type(error).__name__}); "
            "give --model a sentence-transformers folder, or a hub name while online."
        ) from error


def _torch_model(source: str) -> "SentenceTransformer":
    # Importing torch takes seconds: only those who need it pay for it.
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        return SentenceTransformer(source, device="cpu", local_files_only=True)
    except OSError:
        if Path(source).is_dir():
            raise
        return SentenceTransformer(source, device="cpu")


def _hash_folder(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        # What a model card says changes no vector, nor what a file manager leaves.
        if path.is_file() and path.suffix != ".md" and not path.name.startswith("."):
            digest.update(name.encode())
            with path.open("rb") as file:
                while chunk := file.read(_CHUNK_BYTES):
                    digest.update(chunk)
    return digest.hexdigest()
