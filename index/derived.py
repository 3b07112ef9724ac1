"""The searchable indexes of one generation of the catalog: nearest vectors and words.

They live in a folder named after the generation and hold nothing that the catalog does not: a
folder that is missing, damaged or behind is made again from it.
"""

import os
import shutil
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .catalog import Catalog
from .vectors import FaissStore
from .words import WordIndex

_TRAINED_ON = "vectors_trained_on"


@dataclass(frozen=True, slots=True)
class Derived:
    """The vectors and words of `generation`, open for searching."""

    generation: str
    vectors: FaissStore
    words: WordIndex


def open_derived(folder: Path, catalog: Catalog) -> Derived:
    """The derived indexes of the catalog's present generation, made again if they must be."""
    place = folder / catalog.generation
    with suppress(RuntimeError, ValueError, OSError):  # what FAISS and tantivy raise on damage
        derived = _load(place, catalog.generation)
        passages = catalog.counts()[1]
        if len(derived.vectors) == len(derived.words) == passages:
            return derived
    # Under a name of its own first: another reader may be making the same again.
    made = folder / f"{catalog.generation}.{uuid.uuid4().hex}"
    _build(made, catalog)
    shutil.rmtree(place, ignore_errors=True)
    with suppress(OSError):
        made.replace(place)
    return _load(place if place.exists() else made, catalog.generation)


def derive(
    folder: Path,
    catalog: Catalog,
    before: str,
    first_new_key: int,
    removed_documents: Sequence[int],
    removed_passages: Sequence[int],
) -> None:
    """Make the derived indexes of the catalog's uncommitted generation from those of `before`.

    What was added has passage keys from `first_new_key` on.
    """
    place = folder / catalog.generation
    keys, vectors = catalog.vectors(first_new_key)
    trained_on = int(catalog.setting(_TRAINED_ON) or 0)
    with suppress(RuntimeError, ValueError, OSError):
        store = FaissStore.load(folder / before / "vectors.faiss")
        store.remove(removed_passages)
        if store.fits(len(keys), trained_on):
            if keys:
                store.add(keys, vectors)
            _copy_by_link(folder / before / "words", place / "words")
            words = WordIndex.open(place / "words")
            words.change(catalog.passage_rows(first_new_key), removed_documents)
            store.save(place / "vectors.faiss")
            return
    shutil.rmtree(place, ignore_errors=True)
    _build(place, catalog)
    catalog.put_setting(_TRAINED_ON, str(catalog.counts()[1]))


def discard_derived(folder: Path, keep: str) -> None:
    """Remove the derived indexes of other generations, and of those who died making them.

    What a reader may just be making of the generation to keep has a longer name, and stays.
    """
    for place in folder.iterdir():
        if not place.name.startswith(keep):
            # A reader that has a file open keeps it; one that comes too late makes its own.
            shutil.rmtree(place, ignore_errors=True)


def _load(place: Path, generation: str) -> Derived:
    vectors = FaissStore.load(place / "vectors.faiss")
    return Derived(generation, vectors, WordIndex.open(place / "words"))


def _build(place: Path, catalog: Catalog) -> None:
    (place / "words").mkdir(parents=True)
    WordIndex.create(place / "words").change(catalog.passage_rows(), removed=())
    keys, vectors = catalog.vectors()
    FaissStore.build(keys, vectors).save(place / "vectors.faiss")


def _copy_by_link(source: Path, target: Path) -> None:
    """Copy a tantivy folder: its segments never change, so links do; its lists are copied."""
    target.mkdir(parents=True)
    for path in source.iterdir():
        if path.name.startswith(".tantivy"):
            continue  # locks, and the list of files that tantivy may delete: it is made anew
        try:
            if path.suffix == ".json":
                shutil.copy2(path, target / path.name)
            else:
                os.link(path, target / path.name)
        except OSError:
            shutil.copy2(path, target / path.name)
