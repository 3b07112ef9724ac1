"""The searchable indexes of one generation of the catalog: nearest vectors and words.

They live in a folder named after the generation and hold nothing that the catalog does not: a
folder that is missing, damaged or behind is made again from it. Each folder lists its files with
their checksums, written last, so damage is noticed before FAISS or tantivy trip over it.
"""

import json
import os
import shutil
import tempfile
import uuid
import weakref
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from .catalog import Catalog
from .errors import IndexFolderError
from .vectors import FaissStore
from .words import WordIndex

_TRAINED_ON = "vectors_trained_on"
_SUMS = "sums.json"
_CHUNK_BYTES = 1 << 20
_VECTORS_AT_ONCE = 50_000
# What FAISS, tantivy and the system raise where files are damaged or cannot be written.
_FAILURES = (RuntimeError, ValueError, OSError)


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Derived:
    """The vectors and words of `generation`, open for searching."""

    generation: str
    vectors: FaissStore
    words: WordIndex


def open_derived(folder: Path, catalog: Catalog) -> Derived:
    """The derived indexes of the catalog's present generation, made again if they must be.

    Who may not write in `folder` makes them for itself in a temporary place. Raises
    IndexFolderError if there is no room for that either.
    """
    place = folder / catalog.generation
    with suppress(*_FAILURES):
        if _is_whole(place):
            return _load(place, catalog)
    with suppress(*_FAILURES):
        # Under a name of its own: another reader may be making the same again.
        made = folder / f"{catalog.generation}.{uuid.uuid4().hex}"
        return _made_again(made, place, catalog)
    try:
        with _temporary() as made:
            _build(made, catalog)
            return _kept(_load(made, catalog), made)
    except _FAILURES as error:
        raise IndexFolderError(
            f"The search indexes in {folder} are damaged and cannot be made again"
            f" ({_reason(error)}); make room on the disk."
        ) from error


def derive(
    folder: Path,
    catalog: Catalog,
    before: str,
    first_new_key: int,
    removed_documents: Sequence[int],
    removed_passages: Sequence[int],
) -> None:
    """Make the derived indexes of the catalog's uncommitted generation from those of `before`.

    What was added has passage keys from `first_new_key` on. Raises IndexFolderError, and leaves
    nothing behind, if they cannot be written.
    """
    place = folder / catalog.generation
    try:
        with suppress(*_FAILURES):
            if _is_whole(folder / before) and _changed(
                folder / before, place, catalog, first_new_key, removed_documents, removed_passages
            ):
                return
        shutil.rmtree(place, ignore_errors=True)
        _build(place, catalog)
        catalog.put_setting(_TRAINED_ON, str(catalog.counts()[1]))
    except BaseException as error:
        shutil.rmtree(place, ignore_errors=True)
        if isinstance(error, _FAILURES):
            raise IndexFolderError(
                f"{place} cannot be written ({_reason(error)}); nothing was changed."
            ) from error
        raise


def discard_derived(folder: Path, keep: str) -> None:
    """Remove the derived indexes of other generations, and of those who died making them.

    What a reader may just be making of the generation to keep has a longer name, and stays.
    """
    for place in folder.iterdir():
        if not place.name.startswith(keep):
            # A reader that has a file open keeps it; one that comes too late makes its own.
            shutil.rmtree(place, ignore_errors=True)


def derived_problems(folder: Path, catalog: Catalog) -> list[str]:
    """What keeps the derived indexes from holding what the catalog holds, a sentence each."""
    place = folder / catalog.generation
    again = "it is made again when the index is opened"
    try:
        if not _is_whole(place):
            return [f"{place} is damaged or missing; {again}."]
        derived = _load(place, catalog)
    except _FAILURES as error:
        return [f"{place} cannot be read ({_reason(error)}); {again}."]
    wanted = catalog.keys()
    return [
        f"{place}: the {what} are not those of the catalog's passages; remove that folder, {again}."
        for what, keys in (
            ("vectors", derived.vectors.keys()),
            ("words", derived.words.keys()),
        )
        if sorted(keys) != wanted
    ]


def _load(place: Path, catalog: Catalog) -> Derived:
    if os.access(place / "words", os.W_OK):
        return _opened(catalog, place / "vectors.faiss", place / "words")
    with _temporary() as made:  # tantivy writes a lock even to read
        _copy_by_link(place / "words", made / "words", os.symlink)
        return _kept(_opened(catalog, place / "vectors.faiss", made / "words"), made)


def _opened(catalog: Catalog, vectors: Path, words: Path) -> Derived:
    derived = Derived(catalog.generation, FaissStore.load(vectors), WordIndex.open(words))
    if not len(derived.vectors) == len(derived.words) == catalog.counts()[1]:
        raise RuntimeError(f"{vectors.parent} does not hold what the catalog holds")
    return derived


@contextmanager
def _temporary() -> Iterator[Path]:
    """A temporary folder, removed if what is done with it fails."""
    made = Path(tempfile.mkdtemp(prefix="opcit-"))
    try:
        yield made
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise


def _kept(derived: Derived, made: Path) -> Derived:
    """The same, whose temporary folder goes when it goes."""
    weakref.finalize(derived, shutil.rmtree, made, ignore_errors=True)
    return derived


def _made_again(made: Path, place: Path, catalog: Catalog) -> Derived:
    """Build in `made` and put that in the place of what is damaged."""
    try:
        _build(made, catalog)
        derived = _load(made, catalog)
        # Moved away rather than removed in place: another reader never finds half of it.
        damaged = made.with_suffix(".damaged")
        with suppress(OSError):
            place.rename(damaged)
        with suppress(OSError):  # another reader was faster
            made.rename(place)
        shutil.rmtree(damaged, ignore_errors=True)
        return derived
    finally:
        shutil.rmtree(made, ignore_errors=True)  # what has been opened stays open


def _build(place: Path, catalog: Catalog) -> None:
    (place / "words").mkdir(parents=True)
    WordIndex.create(place / "words").change(catalog.passage_rows(), removed=())
    keys = catalog.keys()
    # Trained on vectors of all documents, of which as many as one wants to hold at once.
    step = len(keys) // _VECTORS_AT_ONCE + 1
    store = FaissStore.build(*catalog.vectors_of(keys[::step]))
    _add(store, catalog, [key for number, key in enumerate(keys) if number % step])
    store.save(place / "vectors.faiss")
    _write_sums(place)


def _changed(
    old: Path,
    place: Path,
    catalog: Catalog,
    first_new_key: int,
    removed_documents: Sequence[int],
    removed_passages: Sequence[int],
) -> bool:
    """Make `place` from `old` and the difference; False if the vectors must be learnt again."""
    keys = catalog.keys(first_new_key)
    store = FaissStore.load(old / "vectors.faiss")
    store.remove(removed_passages)
    if not store.fits(len(keys), int(catalog.setting(_TRAINED_ON) or 0)):
        return False
    _add(store, catalog, keys)
    _copy_by_link(old / "words", place / "words")
    words = WordIndex.open(place / "words")
    words.change(catalog.passage_rows(first_new_key), removed_documents)
    store.save(place / "vectors.faiss")
    _write_sums(place)
    return True


def _add(store: FaissStore, catalog: Catalog, keys: Sequence[int]) -> None:
    """Let the store hold these passages' vectors, of which there may be more than fit in memory."""
    for start in range(0, len(keys), _VECTORS_AT_ONCE):
        store.add(*catalog.vectors_of(keys[start : start + _VECTORS_AT_ONCE]))


def _copy_by_link(source: Path, target: Path, link: Callable[[Path, Path], None] = os.link) -> None:
    """Copy a tantivy folder: its segments never change, so links do; its lists are copied."""
    target.mkdir(parents=True)
    for path in source.iterdir():
        if path.name.startswith(".tantivy"):
            continue  # locks, and the list of files that tantivy may delete: it is made anew
        try:
            if path.suffix == ".json":
                shutil.copy2(path, target / path.name)
            else:
                link(path.resolve(), target / path.name)
        except OSError:
            shutil.copy2(path, target / path.name)


# -- checksums ----------------------------------------------------------------------------------


def _is_whole(place: Path) -> bool:
    """Whether a folder's files are those that were listed when it was made."""
    try:
        noted = json.loads((place / _SUMS).read_text(encoding="utf-8"))
        return bool(noted == _sums(place))
    except (OSError, ValueError):
        return False


def _write_sums(place: Path) -> None:
    (place / _SUMS).write_text(json.dumps(_sums(place)), encoding="utf-8")


def _sums(place: Path) -> dict[str, int]:
    """The CRC-32 of each file; tantivy's locks come and go, and do not count."""
    return {
        path.relative_to(place).as_posix(): _sum(path)
        for path in sorted(place.rglob("*"))
        if path.is_file() and path.name != _SUMS and not path.name.startswith(".tantivy")
    }


def _sum(path: Path) -> int:
    value = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            value = zlib.crc32(chunk, value)
    return value


def _reason(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split())[:100]
