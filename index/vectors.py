"""Nearest vectors: keys and unit vectors in, the best keys for a vector out.

`VectorStore` is what the index needs; `FaissStore` gives it with FAISS. A store is derived from
the catalog and can be thrown away; it knows keys, not passages.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import faiss
import numpy as np
from numpy.typing import NDArray

from .embed import Vectors
from .types import Selection

# A scalar quantizer learns each dimension's range from the vectors it is trained on, and cuts off
# what lies outside: it is trained again (the store rebuilt) while it has seen few, or when it is
# to hold this many times as many as it has seen.
_FEW = 10_000
_GROWTH_BEFORE_TRAINING = 1.25
# From this many on, a question is first compared with vectors of 4 bits for two numbers (product
# quantization, scanned in registers: André et al. 2017), which is nine times as fast, and with the
# 8-bit ones only of this many times those that are wanted. At a million the best ten stay the same
# as without, and so do 99.9 of the best hundred.
_COARSE_FROM = 100_000
_LOOKED_AT_TWICE = 10
_TRAINED_ON = 20_000
_DECODED = 50_000  # vectors at once
_FEW_LEFT_OUT = 1_000


class VectorStore(Protocol):
    """Holds vectors under integer keys and finds those with the greatest inner product."""

    def __len__(self) -> int:
        """How many vectors are held."""

    def add(self, keys: Sequence[int], vectors: Vectors) -> None:
        """Hold `vectors`, of shape `(len(keys), dimension)`, under new keys."""

    def remove(self, keys: Sequence[int]) -> None:
        """Let go of these keys; unknown ones are ignored."""

    def search(
        self, vector: Vectors, k: int, among: Selection | None = None
    ) -> list[tuple[int, float]]:
        """The at most `k` best `(key, inner product)`, best first, among those keys if given."""


class FaissStore:
    """FAISS with 8 bits a number: a quarter of the memory, the same neighbours in 99 of 100."""

    def __init__(
        self, index: "faiss.IndexIDMap2", coarse: "faiss.IndexPQFastScan | None" = None
    ) -> None:
        self._index = index
        self._coarse = coarse  # the same vectors in the same places, without keys

    @classmethod
    def build(cls, keys: Sequence[int], vectors: Vectors) -> "FaissStore":
        """A store trained on, and holding, `vectors` of shape `(len(keys), dimension)`."""
        quantizer = faiss.ScalarQuantizer.QT_8bit
        product = faiss.METRIC_INNER_PRODUCT
        inner = faiss.IndexScalarQuantizer(vectors.shape[1], quantizer, product)
        store = cls(faiss.IndexIDMap2(inner))
        if keys:
            store._index.train(vectors)
            store.add(keys, vectors)
        return store

    @classmethod
    def load(cls, path: Path) -> "FaissStore":
        """The store saved at `path`. Raises RuntimeError if the file is missing or damaged."""
        index = faiss.read_index(str(path))
        if not isinstance(index, faiss.IndexIDMap2):
            raise RuntimeError(f"{path} is no index of Opcit's")
        if not _beside(path).is_file():
            return cls(index)
        coarse = faiss.read_index(str(_beside(path)))
        if not isinstance(coarse, faiss.IndexPQFastScan):
            raise RuntimeError(f"{_beside(path)} is no index of Opcit's")
        return cls(index, coarse)

    def save(self, path: Path) -> None:
        """Write the store to `path` and, if it is large, to a second file beside it."""
        faiss.write_index(self._index, str(path))
        if self._coarse is not None:
            faiss.write_index(self._coarse, str(_beside(path)))

    def fits(self, more: int, trained_on: int) -> bool:
        """Whether `more` vectors can be added to a store that was built for `trained_on`."""
        will_hold = len(self) + more
        return trained_on >= _FEW and will_hold <= trained_on * _GROWTH_BEFORE_TRAINING

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def keys(self) -> list[int]:
        """The keys that are held, in the order of their places."""
        return [int(key) for key in faiss.vector_to_array(self._index.id_map)]

    def add(self, keys: Sequence[int], vectors: Vectors) -> None:
        self._index.add_with_ids(vectors, np.asarray(keys, dtype=np.int64))
        if self._coarse is not None:
            self._coarse.add(vectors)
        elif len(self) >= _COARSE_FROM and self._index.d % 2 == 0:
            self._coarsen()

    def remove(self, keys: Sequence[int]) -> None:
        gone = self._index.remove_ids(faiss.IDSelectorBatch(np.asarray(keys, dtype=np.int64)))
        if gone and self._coarse is not None:
            # FAISS leaves codes of what it removes behind the last, and mixes them into new ones.
            self._coarsen()

    def search(
        self, vector: Vectors, k: int, among: Selection | None = None
    ) -> list[tuple[int, float]]:
        k = min(k, len(self))
        if k == 0:
            return []
        asked = vector.reshape(1, -1)
        if self._coarse is not None:
            if among is None:
                return self._search_coarsely(asked, k)
            if among.all_but and len(among.keys) <= _FEW_LEFT_OUT:
                found = self._search_coarsely(asked, min(k + len(among.keys), len(self)))
                left_out = set(among.keys.tolist())
                return [(key, score) for key, score in found if key not in left_out][:k]
        parameters = None
        if among is not None:
            bits = np.packbits(np.bincount(among.keys, minlength=1) > 0, bitorder="little")
            these = faiss.IDSelectorBitmap(bits)  # type: ignore[arg-type, call-arg]
            selector = faiss.IDSelectorNot(these) if among.all_but else these
            parameters = faiss.SearchParameters(sel=selector)  # type: ignore[call-arg]
        return _found(*self._index.search(asked, k, params=parameters))

    def _search_coarsely(self, asked: Vectors, k: int) -> list[tuple[int, float]]:
        index = faiss.IndexRefine(self._coarse, self._index.index)
        twice = faiss.IndexRefineSearchParameters(k_factor=_LOOKED_AT_TWICE)  # type: ignore[call-arg]
        found = _found(*index.search(asked, k, params=twice))
        return [(self._index.id_map.at(place), score) for place, score in found]

    def _coarsen(self) -> None:
        """Make the coarse vectors of those that are held."""
        exact, count = self._index.index, len(self)
        dimension = self._index.d
        coarse = faiss.IndexPQFastScan(dimension, dimension // 2, 4, faiss.METRIC_INNER_PRODUCT)
        some = np.arange(0, count, max(1, count // _TRAINED_ON), dtype=np.int64)
        coarse.train(exact.reconstruct_batch(some))
        for start in range(0, count, _DECODED):
            coarse.add(exact.reconstruct_n(start, min(_DECODED, count - start)))
        self._coarse = coarse


def _beside(path: Path) -> Path:
    return path.with_suffix(".coarse")


def _found(scores: NDArray[np.float32], keys: NDArray[np.int64]) -> list[tuple[int, float]]:
    found = zip(keys[0].tolist(), scores[0].tolist(), strict=True)
    return [(key, score) for key, score in found if key >= 0]
