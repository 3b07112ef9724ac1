"""The one truth of an index: a SQLite file with documents, passages, sentences and vectors.

Everything else in the index folder is derived from here and carries the `generation` it was
derived from. A change is one transaction that also sets the next generation, so a reader sees
either all of it or nothing. SQLite's own write lock is the lock of the index: there is one writer
at a time, and readers go on meanwhile.
"""

import json
import os
import sqlite3
import uuid
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import NamedTuple, TypeVar, cast
from urllib.parse import quote

import numpy as np

from .embed import Vectors
from .errors import CatalogDamagedError, IndexBusyError, IndexFolderError
from .types import Document, FileState, Language, Passage, Sentences

_SCHEMA = """
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS document (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    root TEXT NOT NULL,
    source TEXT NOT NULL UNIQUE,
    size INTEGER NOT NULL,
    modified INTEGER NOT NULL,
    content_hash TEXT NOT NULL,
    title TEXT NOT NULL,
    language TEXT NOT NULL,
    date TEXT,
    page_starts TEXT NOT NULL,
    text TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS document_state ON document(source, size, modified);
CREATE TABLE IF NOT EXISTS passage (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    document INTEGER NOT NULL REFERENCES document(key) ON DELETE CASCADE,
    start INTEGER NOT NULL,
    "end" INTEGER NOT NULL,
    text TEXT NOT NULL,
    vector BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS passage_of_document ON passage(document);
CREATE TABLE IF NOT EXISTS sentences (
    passage INTEGER PRIMARY KEY REFERENCES passage(key) ON DELETE CASCADE,
    spans BLOB NOT NULL,
    vectors BLOB NOT NULL
);
"""
_SELECT_ENTRY = (
    "SELECT key, id, root, source, title, language, date, size, modified, content_hash"
    " FROM document"
)
# How a stored path begins that lies in the index folder; no absolute path does.
_INSIDE = "."
# Half precision: half the file, and a unit vector keeps its cosine to six digits.
_STORED_VECTOR = np.float16
# Only the direction of a sentence's vector counts: each is stored on a scale of its own.
_STORED_SENTENCE = np.int8
_GREATEST = 127
_STORED_SPAN = np.dtype("<i4")
# How far the square of a unit vector's length may be from 1 after that.
_UNIT = 0.01
# Pages that a writer keeps at hand: 64 MB. With SQLite's 2, it reads most of them again and again.
_WRITER_CACHE = "PRAGMA cache_size = -64000"
# SQLite takes a bounded number of parameters in one statement.
_KEYS_A_QUERY = 500


class Entry(NamedTuple):
    """A document of the catalog without its text.

    A tuple, as the least to make when there are 50,000.
    """

    key: int
    id: str
    root: str
    source: str
    title: str
    language: Language
    date: date | None
    state: FileState


@dataclass(frozen=True, slots=True)
class PassageRow:
    """A passage as the derived indexes need it."""

    key: int
    document_key: int
    title: str
    language: Language
    passage: Passage


class Catalog:
    """An open catalog. Use from one thread; open another for another thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._folder = str(path.parent.resolve())
        self._frozen = _state(path) if _is_read_only(path) else None
        self._connection = _connect(path)
        self._file = _identity(path)

    @classmethod
    def create(cls, path: Path) -> "Catalog":
        """A new, empty catalog at `path`, or the one that is there, with what it lacks."""
        catalog = cls(path)
        with catalog.writing():
            for statement in _SCHEMA.split(";\n"):
                catalog._execute(statement)
            if not catalog.generation:
                catalog.put_setting("generation", uuid.uuid4().hex)
        return catalog

    @classmethod
    def open(cls, path: Path) -> "Catalog":
        """The catalog at `path`. Raises IndexFolderError if it is missing or damaged."""
        if not path.is_file():
            mend = _last_copy(path) or "make it again with `opcit index DOCS --rebuild`."
            raise IndexFolderError(f"The catalog {path} is missing; {mend}")
        catalog = cls(path)
        try:
            with _told(path):
                if catalog.setting("generation") is None:
                    raise ValueError("no generation")
            if not catalog._rows("SELECT 1 FROM sqlite_master WHERE name = 'sentences'"):
                raise of_another_version(path.parent)
        except BaseException:
            catalog.close()  # left to later, that would remove the log of one put in its place
            raise
        return catalog

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @property
    def outlived(self) -> bool:
        """Whether this connection cannot see what was written since: open another.

        So it is if another file was put in the catalog's place, or if the folder may not be
        written: SQLite cannot lock there, and takes the file for one that never changes.
        """
        if _identity(self._path) != self._file:
            return True
        return self._frozen is not None and self._frozen != _state(self._path)

    # -- transactions ---------------------------------------------------------------------------

    @contextmanager
    def reading(self) -> Iterator[None]:
        """One consistent view of the catalog, whatever a writer commits meanwhile."""
        self._execute("BEGIN")
        try:
            yield
        finally:
            self._roll_back()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One change: committed whole at the end, or not at all.

        Raises IndexBusyError if another process is writing.
        """
        with _told(self._path):
            self._connection.execute(_WRITER_CACHE)
            try:
                self._connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if not error.sqlite_errorname.startswith("SQLITE_BUSY"):
                    raise
                raise IndexBusyError(
                    f"Another process is updating {self._path.parent}; try again when it is done."
                ) from error
        try:
            yield
            self._execute("COMMIT")
        except BaseException:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        with suppress(sqlite3.Error):  # what cannot be rolled back now is so at the next opening
            self._connection.rollback()

    def settle(self) -> None:
        """Bring what was committed from SQLite's log into the catalog file itself.

        If there is no room for it, it is as safe in the log.
        """
        with suppress(IndexFolderError):
            self._rows("PRAGMA wal_checkpoint(TRUNCATE)")

    def copy(self, to: Path) -> None:
        """Put a checked copy of the present state at `to`: whole, or not at all.

        Raises IndexFolderError if there is no room, or if what would be copied is damaged.
        """
        new = to.with_name(to.name + ".new")
        new.unlink(missing_ok=True)
        try:
            with _told(self._path):
                with closing(sqlite3.connect(new)) as connection:
                    self._connection.backup(connection)
                with closing(_connect_frozen(new)) as connection:
                    checked = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
                    if checked != "ok":
                        raise sqlite3.DatabaseError(checked)
            new.replace(to)
        finally:
            new.unlink(missing_ok=True)

    # -- settings -------------------------------------------------------------------------------

    def setting(self, name: str) -> str | None:
        """A value kept with `put_setting`, or None."""
        rows = self._rows("SELECT value FROM setting WHERE name = ?", name)
        return cast(str, rows[0][0]) if rows else None

    def put_setting(self, name: str, value: str) -> None:
        """Keep a value under a name."""
        self._execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", name, value)

    @property
    def generation(self) -> str:
        """The name of the present state; every committed change has another."""
        return self.setting("generation") or ""

    # -- writing --------------------------------------------------------------------------------

    def add(
        self,
        document: Document,
        root: str,
        state: FileState,
        passages: list[Passage],
        vectors: Vectors,
        sentences: list[Sentences],
    ) -> None:
        """Add a document with its passages, and each one's vector and sentences.

        `vectors` is of shape `(len(passages), dimension)`.
        """
        cursor = self._execute(
            "INSERT INTO document (id, root, source, size, modified, content_hash, title, language,"
            " date, page_starts, text) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            document.id,
            self._stored(root),
            self._stored(document.source),
            state.size,
            state.modified,
            state.content_hash,
            document.title,
            document.language,
            document.date.isoformat() if document.date else None,
            json.dumps(document.page_starts),
            document.text,
        )
        document_key = cursor.lastrowid
        keys = range(first := self.last_passage_key() + 1, first + len(passages))
        self._execute_many(
            "INSERT INTO passage VALUES (?, ?, ?, ?, ?, ?)",
            (
                (key, document_key, passage.start, passage.end, passage.text, vector.tobytes())
                for key, passage, vector in zip(
                    keys, passages, vectors.astype(_STORED_VECTOR), strict=True
                )
            ),
        )
        self._execute_many(
            "INSERT INTO sentences VALUES (?, ?, ?)",
            ((key, *_packed(some)) for key, some in zip(keys, sentences, strict=True)),
        )

    def remove(self, document_keys: Iterable[int]) -> None:
        """Remove documents and all that hangs on them."""
        self._execute_many("DELETE FROM document WHERE key = ?", ((key,) for key in document_keys))

    def touch(self, document_key: int, state: FileState) -> None:
        """Note that a file was written again with the same content."""
        self._execute(
            "UPDATE document SET size = ?, modified = ? WHERE key = ?",
            state.size,
            state.modified,
            document_key,
        )

    # -- reading --------------------------------------------------------------------------------

    def dated(self) -> list[tuple[int, str, date | None]]:
        """Key, id and date of every document."""
        rows = self._rows("SELECT key, id, date FROM document")
        with _told(self._path):
            return [(key, id_, _date(day)) for key, id_, day in rows]

    def sizes(self) -> Iterator[tuple[str, int, int, int]]:
        """The source of every document, its key, and the file's size and time when it was read."""
        rows = self._execute("SELECT source, key, size, modified FROM document")
        with _told(self._path):
            for source, key, size, modified in rows:
                yield self._path_of(source), key, size, modified

    def ids(self) -> set[str]:
        """The ids of all documents."""
        return {id_ for (id_,) in self._rows("SELECT id FROM document")}

    def entries(self, keys: Iterable[int] | None = None) -> list[Entry]:
        """The documents with these keys, or all, by id, without their texts."""
        if keys is None:
            rows = self._rows(_SELECT_ENTRY)
        else:
            rows = [
                row
                for some, marks in _shares(keys)
                for row in self._rows(f"{_SELECT_ENTRY} WHERE key IN ({marks})", *some)
            ]
        with _told(self._path):
            return sorted((self._entry(row) for row in rows), key=lambda entry: entry.id)

    def entry(self, document_id: str) -> Entry | None:
        """The entry of the document with this id, or None."""
        rows = self._rows(f"{_SELECT_ENTRY} WHERE id = ?", document_id)
        with _told(self._path):
            return self._entry(rows[0]) if rows else None

    def dates(self, document_ids: Iterable[str]) -> dict[str, date | None]:
        """The dates of the documents with these ids; an id that is gone is left out."""
        found: dict[str, date | None] = {}
        for some, marks in _shares(document_ids):
            rows = self._rows(f"SELECT id, date FROM document WHERE id IN ({marks})", *some)
            with _told(self._path):
                found.update({id_: _date(day) for id_, day in rows})
        return found

    def document(self, document_id: str) -> Document | None:
        """The document with this id, or None."""
        rows = self._rows(
            "SELECT id, text, title, source, language, date, page_starts FROM document"
            " WHERE id = ?",
            document_id,
        )
        if not rows:
            return None
        id_, text, title, source, language, day, pages = rows[0]
        with _told(self._path):
            read = _date(day), tuple(json.loads(pages))
        return Document(id_, text, title, self._path_of(source), language, *read)

    def counts(self) -> tuple[int, int]:
        """How many documents and how many passages there are."""
        rows = self._rows("SELECT (SELECT count(*) FROM document), (SELECT count(*) FROM passage)")
        return cast(tuple[int, int], rows[0])

    def passages(self, keys: Iterable[int]) -> dict[int, Passage]:
        """The passages with these keys; a key that is gone is left out."""
        found: dict[int, Passage] = {}
        for some, marks in _shares(keys):
            rows = self._rows(
                'SELECT passage.key, document.id, start, "end", passage.text FROM passage'
                " JOIN document ON document.key = passage.document"
                f" WHERE passage.key IN ({marks})",
                *some,
            )
            found.update({key: Passage(*fields) for key, *fields in rows})
        return found

    def sentences(self, passages: Iterable[Passage]) -> dict[Passage, Sentences]:
        """The sentences of these passages; a passage that is gone is left out."""
        found = {}
        for passage in passages:
            rows = self._rows(
                "SELECT spans, vectors FROM sentences"
                " JOIN passage ON passage.key = sentences.passage"
                " JOIN document ON document.key = passage.document"
                " WHERE document.id = ? AND passage.start = ?",
                passage.document_id,
                passage.start,
            )
            if rows:
                with _told(self._path):
                    found[passage] = _sentences(*rows[0])
        return found

    def last_passage_key(self) -> int:
        """The greatest key that a passage has or had; new ones get greater ones."""
        rows = self._rows("SELECT seq FROM sqlite_sequence WHERE name = 'passage'")
        return cast(int, rows[0][0]) if rows else 0

    def passage_rows(self, first: int = 0) -> Iterator[PassageRow]:
        """Every passage with a key from `first` on, by key."""
        rows = self._execute(
            'SELECT passage.key, document.key, title, language, document.id, start, "end",'
            " passage.text FROM passage JOIN document ON document.key = passage.document"
            " WHERE passage.key >= ? ORDER BY passage.key",
            first,
        )
        for key, document_key, title, language, *fields in rows:
            yield PassageRow(key, document_key, title, language, Passage(*fields))

    def keys(self, first: int = 0) -> list[int]:
        """The keys of all passages from `first` on, in order."""
        rows = self._rows("SELECT key FROM passage WHERE key >= ? ORDER BY key", first)
        return [key for (key,) in rows]

    def vectors_of(self, keys: Iterable[int]) -> tuple[list[int], Vectors]:
        """Of these keys those that passages have, and their vectors, `(len(keys), dimension)`."""
        rows = []
        for some, marks in _shares(keys):
            rows += self._rows(f"SELECT key, vector FROM passage WHERE key IN ({marks})", *some)
        flat = np.frombuffer(b"".join(vector for _, vector in rows), dtype=_STORED_VECTOR)
        vectors = flat.astype(np.float32).reshape(len(rows), -1 if rows else 1)
        return [key for key, _ in rows], vectors

    def passage_keys(self, document_keys: Iterable[int]) -> list[int]:
        """The keys of all passages of these documents."""
        keys: list[int] = []
        for some, marks in _shares(document_keys):
            rows = self._rows(f"SELECT key FROM passage WHERE document IN ({marks})", *some)
            keys.extend(key for (key,) in rows)
        return keys

    def problems(self, dimension: int | None) -> list[str]:
        """What in the catalog is not as it was written, a sentence each; reads all of it.

        Every passage must stand at its place in its document, and have sentences and a unit vector,
        of `dimension` numbers where that is known.
        """
        said = self._rows("PRAGMA integrity_check(1)") + self._rows("PRAGMA foreign_key_check")
        if said != [("ok",)]:
            return [f"The catalog {self._path} is damaged ({said[-1][0]})."]
        misplaced = []
        for (document_id,) in self._rows("SELECT id FROM document ORDER BY id"):
            document = self.document(document_id)
            rows = self._execute(
                'SELECT start, "end", passage.text, vector, spans, vectors FROM passage'
                " JOIN document ON document.key = passage.document"
                " LEFT JOIN sentences ON sentences.passage = passage.key WHERE document.id = ?",
                document_id,
            )
            with _told(self._path):
                if not all(_fits(row, document, dimension) for row in rows):
                    misplaced.append(document_id)
        return [
            f"{document_id}: a passage does not fit the document it was cut from, or its vectors."
            for document_id in misplaced
        ]

    def _entry(self, row: tuple) -> Entry:  # type: ignore[type-arg]
        key, id_, root, source, title, language, day, *state = row
        paths = self._path_of(root), self._path_of(source)
        return Entry(key, id_, *paths, title, language, _date(day), FileState(*state))

    def _stored(self, path: str) -> str:
        """A path as it is stored: from the index folder on if it lies there, to move with it."""
        inside = path.startswith(self._folder + os.sep)
        return _INSIDE + path[len(self._folder) :] if inside else path

    def _path_of(self, stored: str) -> str:
        return self._folder + stored[len(_INSIDE) :] if stored.startswith(_INSIDE) else stored

    # -- SQLite ---------------------------------------------------------------------------------

    def _execute(self, statement: str, *values: object) -> sqlite3.Cursor:
        with _told(self._path):
            return self._connection.execute(statement, values)

    def _execute_many(self, statement: str, rows: Iterable[tuple[object, ...]]) -> None:
        with _told(self._path):
            self._connection.executemany(statement, rows)

    def _rows(self, statement: str, *values: object) -> list[tuple]:  # type: ignore[type-arg]
        with _told(self._path):
            return self._execute(statement, *values).fetchall()


_T = TypeVar("_T")


def _packed(sentences: Sentences) -> tuple[bytes, bytes]:
    """A passage's sentences as they are stored."""
    greatest = np.abs(sentences.vectors).max(axis=1, keepdims=True, initial=1e-12)
    whole = np.rint(sentences.vectors * (_GREATEST / greatest)).astype(_STORED_SENTENCE)
    return np.array(sentences.spans, dtype=_STORED_SPAN).tobytes(), whole.tobytes()


def _sentences(spans: bytes, vectors: bytes) -> Sentences:
    """What `_packed` made bytes of. Raises ValueError for what it never made."""
    places = np.frombuffer(spans, dtype=_STORED_SPAN).reshape(-1, 2).tolist()
    whole = np.frombuffer(vectors, dtype=_STORED_SENTENCE).astype(np.float32)
    whole = whole.reshape(len(places), -1 if places else 0)
    lengths = np.linalg.norm(whole, axis=1, keepdims=True)
    return Sentences([(start, end) for start, end in places], whole / np.maximum(lengths, 1))


def _shares(values: Iterable[_T]) -> Iterator[tuple[list[_T], str]]:
    """The values in shares that one query takes, each with its question marks."""
    wanted = list(values)
    for at in range(0, len(wanted), _KEYS_A_QUERY):
        some = wanted[at : at + _KEYS_A_QUERY]
        yield some, ",".join("?" * len(some))


def _fits(
    row: tuple[int, int, str, bytes, bytes | None, bytes | None],
    document: Document | None,
    dimension: int | None,
) -> bool:
    start, end, text, stored, spans, stored_sentences = row
    if spans is None or stored_sentences is None:
        return False
    vector = np.frombuffer(stored, dtype=_STORED_VECTOR).astype(np.float32)
    sentences = _sentences(spans, stored_sentences)
    return (
        document is not None
        and 0 <= start < end
        and document.text[start:end] == text
        and dimension in (None, len(vector))
        and sentences.vectors.shape[1] == len(vector)
        and all(0 <= first < last <= len(text) for first, last in sentences.spans)
        and abs(float(vector @ vector) - 1) < _UNIT
    )


def _date(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


# What SQLite says of a file that is well, but out of reach, or without room.
_OUT_OF_REACH = ("SQLITE_BUSY", "SQLITE_CANTOPEN", "SQLITE_FULL", "SQLITE_IOERR", "SQLITE_LOCKED",
                 "SQLITE_NOMEM", "SQLITE_PERM", "SQLITE_READONLY")  # fmt: skip


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """What SQLite refuses, and values that nobody wrote, told in a sentence."""
    try:
        yield
    except (sqlite3.Error, ValueError) as error:
        if getattr(error, "sqlite_errorname", "").startswith(_OUT_OF_REACH):
            raise IndexFolderError(
                f"The catalog {path} cannot be used ({error}); nothing in it was changed."
            ) from error
        mend = _last_copy(path) or f"remove {path.parent} and run `opcit index DOCS` again."
        raise CatalogDamagedError(f"The catalog {path} is damaged ({error}); {mend}") from error


def of_another_version(folder: Path) -> IndexFolderError:
    """The refusal of an index in another form than this version's."""
    return IndexFolderError(
        f"The index in {folder} was made by another version of Opcit; run"
        " `opcit index DOCS --rebuild` to make it again."
    )


def last_good(path: Path) -> Path:
    """Where the last good copy of the catalog at `path` is kept, if there is one."""
    return path.with_name("last-good.sqlite")


def _last_copy(path: Path) -> str:
    copy = last_good(path)
    if not copy.is_file():
        return ""
    made = datetime.fromtimestamp(copy.stat().st_mtime)
    return f"put back its last good copy, of {made:%Y-%m-%d %H:%M}, with `opcit restore`."


def _connect(path: Path) -> sqlite3.Connection:
    with _told(path):
        if _is_read_only(path):
            return _connect_frozen(path)
        # isolation_level None: transactions begin where this module says, not behind its back.
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA foreign_keys = ON")
            # Readers go on while a writer writes; a commit survives a killed process.
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA busy_timeout = 2000")
        except sqlite3.Error:
            connection.close()
            raise
    return connection


def _connect_frozen(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(
        f"file:{quote(str(path))}?immutable=1",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
    )


def _is_read_only(path: Path) -> bool:
    """Whether the catalog can only be read, and nobody writes to it now: SQLite's log is gone."""
    return path.exists() and not os.access(path.parent, os.W_OK) and not _log(path).exists()


def _identity(path: Path) -> tuple[int, int] | None:
    """Which file lies at `path`."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _state(path: Path) -> tuple[bool, int, int]:
    status = path.stat()
    return _log(path).exists(), status.st_size, status.st_mtime_ns


def _log(path: Path) -> Path:
    return path.with_name(path.name + "-wal")
