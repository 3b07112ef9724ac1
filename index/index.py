"""The index: a folder that is created, updated, opened and searched.

    catalog.sqlite                      the truth (catalog.py)
    derived/<generation>/vectors.faiss  nearest vectors (vectors.py); if many, also vectors.coarse
    derived/<generation>/words/         BM25 (words.py)
    last-good.sqlite                    a copy of the catalog, a day old at most when it was written
    manifest.json                       how it was made; written last, so its presence means that
                                        the first update was completed

An update makes the derived indexes of the next generation beside the present ones, then commits
the catalog, which names that generation: the commit is the moment of change. Who dies before it
leaves a folder that nobody reads. A reader looks at the generation at each search, or once for all
that it asks (`Index.held`).
"""

import json
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path

import numpy as np

from .catalog import Catalog, Entry, last_good, of_another_version
from .derived import Derived, derive, discard_derived, open_derived
from .embed import Embedder
from .errors import CatalogDamagedError, EncoderError, FolderError, IndexFolderError
from .language import detect
from .load import find_files
from .sources import SourceState, source_state
from .split import SplitSettings, headed
from .types import Document, Filter, Hit, Passage, Selection, Span
from .update import Progress, UpdateReport, apply_plan, plan_update

FORMAT = 2
_MANIFEST = "manifest.json"
# The catalog's own word on whose vectors it holds: it changes in one transaction with them.
_MADE_WITH = "encoder_fingerprint"
_QUESTIONS_KEPT = 100
_FILTERS_KEPT = 64
# Seconds after which the copy of the catalog is made anew.
_COPY_AGE = 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class _Selected:
    """The documents that a filter admits, and their passages; None where that is all."""

    documents: Selection | None
    passages: Selection | None


class Index:
    """An index folder. Any thread may search it; one process at a time may update it."""

    def __init__(self, folder: Path, embedder: Embedder, settings: SplitSettings) -> None:
        self.folder = folder
        self.embedder = embedder
        self._settings = settings
        self._local = threading.local()
        self._opening = threading.Lock()
        self._derived: Derived | None = None
        self._to_be_made = False
        self._any_encoder = False
        # A question is embedded to find passages, and its vector used again to read them.
        self._question_vector = lru_cache(_QUESTIONS_KEPT)(embedder.embed_question)
        # One filter serves a whole conversation, and two searches a question.
        self._selected = lru_cache(_FILTERS_KEPT)(self._select)

    @classmethod
    def open(cls, folder: Path, embedder: Embedder, *, any_encoder: bool = False) -> "Index":
        """The index in `folder`.

        Raises IndexFolderError if there is none that this version can read, and EncoderError if
        it was made with another encoder than `embedder`, unless `any_encoder` says that no text
        will be embedded.
        """
        manifest = read_manifest(folder)
        index = cls(folder, embedder, SplitSettings(**manifest["split"]))
        index._any_encoder = any_encoder
        with index._view():
            return index

    @classmethod
    def create(
        cls, folder: Path, embedder: Embedder, settings: SplitSettings | None = None
    ) -> "Index":
        """An index that its first `update` makes in `folder`.

        Takes up a folder whose first update was interrupted, and one to be rebuilt.
        """
        index = cls(folder, embedder, settings or SplitSettings())
        index._to_be_made = True
        return index

    @staticmethod
    def exists(folder: Path) -> bool:
        """Whether `folder` holds an index whose first update was completed."""
        return (folder / _MANIFEST).is_file()

    # -- searching ------------------------------------------------------------------------------

    def nearest(self, text: str, k: int, among: Filter | None = None) -> list[Hit]:
        """The at most `k` passages nearest in meaning, by cosine, best first."""
        vector = self._question_vector(text)
        with self._view() as (catalog, derived):
            passages = self._selected(derived.generation, among or Filter()).passages
            found = derived.vectors.search(vector, k, passages)
            if not found:
                return []
            # The store holds 8 bits a number, the catalog 16: enough to tell near ties apart.
            keys, vectors = catalog.vectors_of(key for key, _ in found)
            scores = vectors @ vector
            order = np.argsort(-scores, kind="stable")
            return _hits(catalog, [(keys[i], float(scores[i])) for i in order])

    def matching(self, text: str, k: int, among: Filter | None = None) -> list[Hit]:
        """The at most `k` passages that share the text's words, by BM25, best first."""
        with self._view() as (catalog, derived):
            documents = self._selected(derived.generation, among or Filter()).documents
            return _hits(catalog, derived.words.search(text, detect(text), k, documents))

    def _select(self, generation: str, among: Filter) -> "_Selected":
        """What a filter admits in a generation, said by what is left out where that is less."""
        del generation  # only tells what is kept from what is new
        if among == Filter():
            return _Selected(None, None)
        catalog: Catalog = self._local.catalog  # the one that the view holds at that generation
        keys: dict[bool, list[int]] = {True: [], False: []}
        for key, id_, day in catalog.dated():
            keys[among.admits(id_, day)].append(key)
        if not keys[False]:
            return _Selected(None, None)
        all_but = len(keys[False]) < len(keys[True])
        documents = keys[not all_but]
        passages = catalog.passage_keys(documents)
        return _Selected(
            Selection(np.array(documents, dtype=np.int64), all_but),
            Selection(np.array(passages, dtype=np.int64), all_but),
        )

    def headed(self, passages: list[Passage]) -> list[str]:
        """What is indexed of each passage: its text, which ends it, under its document's title."""
        with self._view() as (catalog, _):
            entries = [catalog.entry(passage.document_id) for passage in passages]
        return [
            headed(entry.title, passage) if entry else passage.text
            for passage, entry in zip(passages, entries, strict=True)
        ]

    @property
    def rounding(self) -> float:
        """How far the scores of `nearest` may be from the exact cosines."""
        return self.embedder.rounding

    def exact_nearness(self, text: str, passages: list[Passage]) -> list[float]:
        """The exact cosines of passages with a text; each takes as long as reading it."""
        vectors = self.embedder.embed_exactly(self.headed(passages))
        return [float(score) for score in vectors @ self._question_vector(text)]

    def sentence_nearness(self, text: str, passages: list[Passage]) -> list[dict[Span, float]]:
        """For each passage its sentences' places in it, and how near to the text each is.

        That is the cosine of what they mean as they are read in their passage.
        """
        vector = self._question_vector(text)
        with self._view() as (catalog, _):
            found = catalog.sentences(passages)
        near = {
            passage: dict(zip(some.spans, (some.vectors @ vector).tolist(), strict=True))
            for passage, some in found.items()
        }
        return [near.get(passage, {}) for passage in passages]

    def document(self, document_id: str) -> Document | None:
        """The document with this id as it was indexed, or None."""
        with self._view() as (catalog, _):
            return catalog.document(document_id)

    def entries(self) -> list[Entry]:
        """Every document by id, without its text."""
        with self._view() as (catalog, _):
            return catalog.entries()

    def entry(self, document_id: str) -> Entry | None:
        """The document with this id without its text, or None."""
        with self._view() as (catalog, _):
            return catalog.entry(document_id)

    def dates(self, document_ids: Iterable[str]) -> dict[str, date | None]:
        """The dates of the documents with these ids; an id that is gone is left out."""
        with self._view() as (catalog, _):
            return catalog.dates(document_ids)

    def counts(self) -> tuple[int, int]:
        """How many documents and how many passages are indexed."""
        with self._view() as (catalog, _):
            return catalog.counts()

    def source_state(self, document_id: str) -> SourceState:
        """Whether a document's file still reads as it did when it was indexed.

        A document that the index does not hold is "missing".
        """
        entry = self.entry(document_id)
        return "missing" if entry is None else source_state(entry)

    # -- updating -------------------------------------------------------------------------------

    def update(
        self,
        documents: Path,
        *,
        max_bytes: int,
        rebuild: bool = False,
        prefix: str = "",
        progress: Progress | None = None,
    ) -> UpdateReport:
        """Make the index hold what the folder `documents` holds now.

        Only files whose content is new are embedded; documents whose file vanished from that
        folder are removed; documents of other folders stay. What lies in the index folder itself
        is taken only if `documents` is a folder in it. With `rebuild`, everything is split and
        embedded again. The ids of new documents begin with `prefix`. `progress(done, total)`
        counts files. All of it becomes visible at once. Raises FolderError, IndexBusyError or
        EncoderError, and then changes nothing.
        """
        root, own = _real(documents), _real(self.folder)

        def files() -> list[str]:
            found = find_files(root, None if own in root.parents else own)
            if not found:
                raise FolderError(
                    f"There is nothing to index in {documents}: it holds no .txt, .md, .html, .pdf"
                    " or .docx file outside the index folder (`opcit forget` removes what was"
                    " indexed before)."
                )
            return found

        if self._to_be_made:
            files()  # before a folder is made for nothing
        return self._update(root, files, max_bytes, rebuild, progress, prefix)

    def forget(self, documents: Path) -> UpdateReport:
        """Remove every document that came from the folder `documents`, which may be gone.

        What lies in the index folder itself is removed only if `documents` is a folder in it.
        """
        return self._update(_real(documents), list, 0, rebuild=False, progress=None)

    def _update(
        self,
        root: Path,
        files: Callable[[], list[str]],
        max_bytes: int,
        rebuild: bool,
        progress: Progress | None,
        prefix: str = "",
    ) -> UpdateReport:
        made = self._to_be_made
        if made:
            self._make()
        catalog = self._catalog()
        with catalog.writing():
            if not rebuild and not made:
                self._check_encoder(catalog)
            before = catalog.generation
            first_new_key = catalog.last_passage_key() + 1
            made_with = catalog.setting(_MADE_WITH)
            rebuild = rebuild or made_with not in (None, self.embedder.fingerprint)
            # Listed while nobody else writes: else what another adds meanwhile would seem gone.
            plan = plan_update(catalog, root, files(), _real(self.folder), rebuild, prefix)
            removed_passages = catalog.passage_keys(plan.removed_keys)
            report = apply_plan(catalog, plan, self.embedder, self._settings, max_bytes, progress)
            changed = bool(plan.removed_keys or report.passages_embedded)
            catalog.put_setting(_MADE_WITH, self.embedder.fingerprint)
            if changed:
                catalog.put_setting("generation", uuid.uuid4().hex)
                derive(
                    self.folder / "derived",
                    catalog,
                    before,
                    first_new_key,
                    plan.removed_keys,
                    removed_passages,
                )
        # Also when nothing changed: an update that was killed may have left its own behind.
        discard_derived(self.folder / "derived", keep=catalog.generation)
        catalog.settle()
        self._write_manifest()
        # A copy of before a rebuild may be of another format, or of another encoder's vectors.
        self._keep_copy(catalog, anew=rebuild)
        return report

    def _make(self) -> None:
        try:
            (self.folder / "derived").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise IndexFolderError(
                f"The index folder {self.folder} cannot be made ({error.strerror}); choose another"
                " with --index DIR."
            ) from error
        Catalog.create(self.folder / "catalog.sqlite").close()
        self._to_be_made = False

    def _write_manifest(self) -> None:
        manifest = {
            "format": FORMAT,
            "encoder": self.embedder.name,
            "encoder_fingerprint": self.embedder.fingerprint,
            "dimension": self.embedder.dimension,
            "split": asdict(self._settings),
        }
        path = self.folder / _MANIFEST
        wanted = json.dumps(manifest, indent=2) + "\n"
        try:
            if path.is_file() and path.read_bytes() == wanted.encode():
                return
            written = path.with_suffix(".new")
            written.write_text(wanted, encoding="utf-8")
            written.replace(path)
        except OSError as error:
            raise IndexFolderError(
                f"{path} cannot be written ({error.strerror}); the documents are indexed, run the"
                " same command again once there is room."
            ) from error

    def _keep_copy(self, catalog: Catalog, *, anew: bool) -> None:
        """Keep a copy of the catalog, unless there is one of the last day and `anew` is False.

        Copying costs about as much as a small update; once a day nobody notices.
        """
        copy = last_good(self.folder / "catalog.sqlite")
        try:
            if anew or not copy.is_file() or time.time() - copy.stat().st_mtime > _COPY_AGE:
                catalog.copy(copy)
        except CatalogDamagedError:
            raise
        except (OSError, IndexFolderError):
            pass  # without room for it the index is as good, and the copy before is kept

    # -- one consistent view --------------------------------------------------------------------

    @contextmanager
    def held(self) -> Iterator[None]:
        """All that this thread asks inside is answered from one state; it must not update there."""
        with self._view():
            yield

    @contextmanager
    def _view(self) -> Iterator[tuple[Catalog, Derived]]:
        """The catalog held at one generation, and the derived indexes of that generation."""
        held: tuple[Catalog, Derived] | None = getattr(self._local, "view", None)
        if held is not None:
            yield held
            return
        catalog = self._catalog()
        with catalog.reading():
            generation = catalog.generation
            derived = self._derived
            if derived is None or derived.generation != generation:
                with self._opening:
                    derived = self._derived
                    if derived is None or derived.generation != generation:
                        self._check_encoder(catalog)
                        derived = open_derived(self.folder / "derived", catalog)
                        self._derived = derived
                        self._selected.cache_clear()
            self._local.view = catalog, derived
            try:
                yield catalog, derived
            finally:
                self._local.view = None

    def _check_encoder(self, catalog: Catalog) -> None:
        """Raise EncoderError if the catalog's vectors are another encoder's."""
        if self._any_encoder or catalog.setting(_MADE_WITH) == self.embedder.fingerprint:
            return
        encoder = read_manifest(self.folder)["encoder"]
        raise EncoderError(
            f"The index in {self.folder} was made with the encoder {encoder}, not with"
            f" {self.embedder.name} as it is now; run `opcit index DOCS --rebuild` to make it"
            " again."
        )

    def _catalog(self) -> Catalog:
        """This thread's own connection: SQLite's transactions belong to a connection."""
        catalog: Catalog | None = getattr(self._local, "catalog", None)
        if catalog is None or catalog.outlived:
            catalog = Catalog.open(self.folder / "catalog.sqlite")
            self._local.catalog = catalog
        return catalog


def read_manifest(folder: Path) -> dict:  # type: ignore[type-arg]
    """How the index in `folder` was made.

    Raises IndexFolderError if there is none, if it is damaged, or if another version of Opcit wrote
    it.
    """
    path = folder / _MANIFEST
    if not path.is_file():
        raise IndexFolderError(f"There is no index in {folder}; make one with `opcit index DOCS`.")
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        known = manifest["format"] == FORMAT
        if known and not _is_complete(manifest):
            raise ValueError(path)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IndexFolderError(
            f"{path} is damaged; run `opcit index DOCS --rebuild` to make the index again."
        ) from error
    if not known:
        raise of_another_version(folder)
    return manifest  # type: ignore[no-any-return]


def _real(folder: Path) -> Path:
    """Where a folder really is; unlike `Path.resolve`, also of links in a circle, as they are."""
    return Path(os.path.realpath(folder))


def _is_complete(manifest: dict) -> bool:  # type: ignore[type-arg]
    """Whether a manifest holds what `_write_manifest` writes; may raise KeyError or TypeError."""
    split = asdict(SplitSettings(**manifest["split"]))
    names = manifest["encoder"], manifest["encoder_fingerprint"]
    numbers = manifest["dimension"], *split.values()
    return (
        split == manifest["split"]
        and all(isinstance(name, str) for name in names)
        and all(isinstance(number, int) and number > 0 for number in numbers)
    )


def _hits(catalog: Catalog, found: list[tuple[int, float]]) -> list[Hit]:
    passages = catalog.passages(key for key, _ in found)
    return [Hit(passages[key], score) for key, score in found]
