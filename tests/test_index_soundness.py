"""Damage: what is derived mends itself, what is not is told, and the last good copy comes back."""

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from conftest import ROOT, StemEmbedder

from index import Index, IndexFolderError, restore_index, verify_index
from index.catalog import Catalog
from index.derived import derived_problems

LIMIT = 1_000_000


@pytest.fixture
def folder(index: Index) -> Path:
    """The folder of an index of the three documents, with nobody at it."""
    return index.folder


def change(folder: Path, statement: str) -> None:
    connection = sqlite3.connect(folder / "catalog.sqlite")
    with connection:
        connection.executescript(statement)
    connection.close()


def derived(folder: Path) -> Path:
    (place,) = (folder / "derived").iterdir()
    return place


def overwrite_middle(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    put_in_place(path, bytes(content))


def cut_short(path: Path) -> None:
    put_in_place(path, path.read_bytes()[:1])


def put_in_place(path: Path, content: bytes) -> None:
    """A new file: an open index has the old one mapped, and a cut would end this process."""
    new = path.with_name("harmed")
    new.write_bytes(content)
    new.replace(path)


def test_a_sound_index_has_no_problems(folder: Path) -> None:
    assert verify_index(folder) == []


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("UPDATE passage SET start = start + 1 WHERE key = 1", "does not fit"),
        ("UPDATE passage SET text = 'x' WHERE key = 1", "does not fit"),
        ("UPDATE document SET text = 'x' WHERE key = 1", "does not fit"),
        ("UPDATE passage SET vector = zeroblob(2048) WHERE key = 1", "does not fit"),
        ("UPDATE passage SET vector = x'003C' WHERE key = 1", "does not fit"),
        ("UPDATE passage SET vector = x'00' WHERE key = 1", "is damaged"),
        ("UPDATE document SET text = CAST(x'FFFE' AS TEXT)", "is damaged"),
        ("UPDATE document SET date = 'tomorrow'", "is damaged"),
        ("DELETE FROM document WHERE key = 1", "is damaged"),
        ("DELETE FROM sentences WHERE passage = 1", "does not fit"),
        ("UPDATE sentences SET spans = x'0000000000000000' WHERE passage = 1", "does not fit"),
        ("UPDATE sentences SET vectors = x'00' WHERE passage = 1", "is damaged"),
        (
            "UPDATE passage SET key = key + 100; UPDATE sentences SET passage = passage + 100",
            "are not those of the catalog",
        ),
        ("UPDATE setting SET value = 'x' WHERE name = 'encoder_fingerprint'", "another encoder"),
        ("UPDATE setting SET value = 'x' WHERE name = 'generation'", "damaged or missing"),
    ],
)
def test_what_does_not_fit_together_is_found(folder: Path, statement: str, problem: str) -> None:
    change(folder, statement)
    problems = verify_index(folder)
    assert any(problem in sentence for sentence in problems), problems


def test_damage_in_any_derived_file_is_found_and_mended(
    folder: Path, embedder: StemEmbedder
) -> None:
    before = Index.open(folder, embedder).nearest("ministre", 3)
    files = [path for path in derived(folder).rglob("*") if path.is_file()]
    # A segment's files have other names when they are made again, and the same endings.
    names = {path.name if path.suffix == ".json" else f"*{path.suffix}" for path in files}
    assert len(names - {"*.lock"}) == 10
    for name in names - {"*.lock"}:
        for harm in (overwrite_middle, cut_short, Path.unlink):
            harm(next(derived(folder).rglob(name)))
            assert verify_index(folder) != []
            opened = Index.open(folder, embedder)
            assert opened.nearest("ministre", 3) == before
            assert [hit.passage.document_id for hit in opened.matching("museum", 3)] == [
                "sub/museum.md"
            ]
            assert verify_index(folder) == []


def test_an_update_does_not_carry_damage_on(
    folder: Path, documents: Path, embedder: StemEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("index.vectors._FEW", 0)  # so that what is there is added to
    opened = Index.open(folder, embedder)
    overwrite_middle(derived(folder) / "vectors.faiss")
    (documents / "new.txt").write_text("Un volcan s'éveille en Islande.")
    opened.update(documents, max_bytes=LIMIT)
    assert verify_index(folder) == []
    whole = Index.create(folder.parent / "whole", embedder)
    whole.update(documents, max_bytes=LIMIT)
    for question in ("volcan", "ministre"):
        found = [hit.score for hit in opened.nearest(question, 4)]
        assert found == [hit.score for hit in whole.nearest(question, 4)]


# -- a folder that can only be read ---------------------------------------------------------------

READ_ONLY = f"""
import os, sys, tempfile
from pathlib import Path
sys.path.insert(0, {str(ROOT / "tests")!r})
from conftest import StemEmbedder
from index import Index, OpcitError, verify_index
folder, documents = Path(sys.argv[1]), Path(sys.argv[2])
index = Index.open(folder, StemEmbedder())
print([hit.passage.document_id for hit in index.matching("museum", 3)])
print(len(list(Path(tempfile.gettempdir()).glob("opcit-*"))), verify_index(folder) == [])
try:
    index.update(documents, max_bytes=10**6)
except OpcitError as error:
    print("cannot be" in str(error))
"""


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    """The temporary folder of the process that reads."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    return folder


def read_only(folder: Path, documents: Path, temporary: Path) -> list[str]:
    """What a process prints that may read the index, and not write to it."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    # No permission stops root, unless it gives up that power.
    weak = ["setpriv", "--inh-caps=-dac_override", "--bounding-set=-dac_override"]
    done = subprocess.run(
        [*(weak if os.geteuid() == 0 else []), sys.executable, "-c", READ_ONLY, folder, documents],
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(temporary)},
        capture_output=True,
        text=True,
        check=False,
    )
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_a_read_only_index_is_searched_and_not_updated(
    folder: Path, documents: Path, temporary: Path
) -> None:
    (documents / "new.txt").write_text("Un volcan s'éveille en Islande.")
    told = read_only(folder, documents, temporary)
    assert told == ["['sub/museum.md']", "1 True", "True"]
    assert [*temporary.iterdir()] == []


def test_a_damaged_read_only_index_is_made_again_elsewhere(
    folder: Path, documents: Path, temporary: Path
) -> None:
    overwrite_middle(derived(folder) / "vectors.faiss")
    told = read_only(folder, documents, temporary)
    assert told[:2] == ["['sub/museum.md']", "1 False"]
    assert [*temporary.iterdir()] == []


# -- the last good copy ---------------------------------------------------------------------------


def test_an_update_keeps_a_copy_once_a_day(
    folder: Path, documents: Path, embedder: StemEmbedder
) -> None:
    copy = folder / "last-good.sqlite"
    first = copy.read_bytes()
    index = Index.open(folder, embedder)
    (documents / "new.txt").write_text("Un volcan s'éveille en Islande.")
    index.update(documents, max_bytes=LIMIT)
    assert copy.read_bytes() == first
    yesterday = copy.stat().st_mtime - 25 * 60 * 60
    os.utime(copy, (yesterday, yesterday))
    index.update(documents, max_bytes=LIMIT)
    assert copy.read_bytes() != first
    assert not [path for path in folder.iterdir() if path.name.startswith("last-good.sqlite.")]


def test_damage_is_never_copied(folder: Path, documents: Path, embedder: StemEmbedder) -> None:
    copy = folder / "last-good.sqlite"
    good = copy.read_bytes()
    os.utime(copy, (0, 0))
    index = Index.open(folder, embedder)
    connection = sqlite3.connect(folder / "catalog.sqlite")
    connection.execute("PRAGMA writable_schema = ON")
    connection.execute("UPDATE sqlite_master SET rootpage = 3 WHERE name = 'passage_of_document'")
    connection.commit()
    connection.close()
    with pytest.raises(IndexFolderError, match="opcit restore"):
        index.update(documents, max_bytes=LIMIT)
    assert copy.read_bytes() == good


def test_a_damaged_catalog_names_the_copy_and_gets_it_back(
    folder: Path, documents: Path, embedder: StemEmbedder
) -> None:
    with pytest.raises(IndexFolderError, match="is not damaged"):
        restore_index(folder)
    (documents / "new.txt").write_text("Un volcan s'éveille en Islande.")
    Index.open(folder, embedder).update(documents, max_bytes=LIMIT)
    (folder / "catalog.sqlite").write_bytes(b"not a database" * 1000)
    with pytest.raises(IndexFolderError, match=r"is damaged .*last good copy.*`opcit restore`"):
        Index.open(folder, embedder)
    restore_index(folder)
    opened = Index.open(folder, embedder)
    assert opened.counts() == (3, 3)
    assert verify_index(folder) == []
    opened.update(documents, max_bytes=LIMIT)
    assert len(opened.matching("volcan", 3)) == 1
    (folder / "catalog.sqlite").unlink()
    (folder / "last-good.sqlite").unlink()
    with pytest.raises(IndexFolderError, match="no copy"):
        restore_index(folder)


def test_a_damaged_copy_is_not_put_back(folder: Path) -> None:
    (folder / "catalog.sqlite").write_bytes(b"not a database" * 1000)
    copy = folder / "last-good.sqlite"
    os.truncate(copy, copy.stat().st_size // 2)
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    with pytest.raises(IndexFolderError, match="is damaged too"):
        restore_index(folder)
    now = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    assert now == before


def test_an_update_during_verifying_raises_no_alarm(
    folder: Path, documents: Path, embedder: StemEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def updated_first(place: Path, catalog: Catalog) -> list[str]:
        monkeypatch.setattr("index.soundness.derived_problems", derived_problems)
        (documents / "new.txt").write_text("Un volcan s'éveille en Islande.")
        Index.open(folder, embedder).update(documents, max_bytes=LIMIT)
        return derived_problems(place, catalog)

    monkeypatch.setattr("index.soundness.derived_problems", updated_first)
    assert verify_index(folder) == []


def test_a_rebuild_leaves_no_older_copy_behind(
    folder: Path, documents: Path, embedder: StemEmbedder
) -> None:
    before = (folder / "last-good.sqlite").read_bytes()
    Index.create(folder, embedder).update(documents, max_bytes=LIMIT, rebuild=True)
    assert (folder / "last-good.sqlite").read_bytes() != before
    change(folder, "DROP TABLE sentences")
    with pytest.raises(IndexFolderError, match=r"another version .* --rebuild"):
        Index.open(folder, embedder)


def test_an_open_index_goes_on_with_the_catalog_that_was_put_back(
    folder: Path, documents: Path, embedder: StemEmbedder
) -> None:
    opened = Index.open(folder, embedder)
    (documents / "new.txt").write_text("Un volcan s'éveille en Islande.")
    opened.update(documents, max_bytes=LIMIT)
    assert opened.counts()[0] == 4
    (folder / "catalog.sqlite").rename(folder / "catalog.damaged")
    shutil.copyfile(folder / "last-good.sqlite", folder / "catalog.sqlite")
    assert opened.counts()[0] == 3
    opened.update(documents, max_bytes=LIMIT)
    assert Index.open(folder, embedder).counts()[0] == 4
    assert verify_index(folder) == []


@pytest.fixture
def later(folder: Path, documents: Path, embedder: StemEmbedder, tmp_path: Path) -> Path:
    """The folder one document after its last good copy, with nobody at it."""
    (documents / "new.txt").write_text("Un volcan s'éveille en Islande.")
    Index.open(folder, embedder).update(documents, max_bytes=LIMIT)
    return Path(shutil.copytree(folder, tmp_path / "later"))


@pytest.mark.parametrize(
    ("harm", "mend", "sentence"),
    [
        ("rm manifest.json", "", "is not damaged"),
        ("echo { >manifest.json", "", "is not damaged"),
        ("rm catalog.sqlite-wal; mkdir catalog.sqlite-wal", "rmdir *-wal", "cannot be used"),
    ],
)
def test_a_sound_catalog_is_not_replaced_by_an_older_one(
    later: Path, documents: Path, embedder: StemEmbedder, harm: str, mend: str, sentence: str
) -> None:
    subprocess.run(harm, shell=True, cwd=later, check=True)
    with pytest.raises(IndexFolderError, match=sentence):
        restore_index(later)
    subprocess.run(mend, shell=True, cwd=later, check=True)
    opened = Index.create(later, embedder)
    assert opened.update(documents, max_bytes=LIMIT).unchanged == 4


COMMIT = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("INSERT INTO setting VALUES ('kept', ?)", sys.argv[2:])
connection.commit()
os._exit(0)  # as killed: it stays in the log
"""


def test_a_damaged_catalog_keeps_its_log(later: Path) -> None:
    catalog, damaged = later / "catalog.sqlite", later / "catalog.damaged"
    for value in ("first", "second"):
        subprocess.run([sys.executable, "-c", COMMIT, catalog, value], check=True)
        os.truncate(catalog, catalog.stat().st_size // 2)
        restore_index(later)
        (told,) = verify_index(later)
        assert "is made again when the index is opened" in told
        with closing(sqlite3.connect(damaged)) as connection:
            kept = connection.execute("SELECT value FROM setting WHERE name = 'kept'").fetchall()
        assert kept == [(value,)]
    catalog.write_bytes(b"")
    restore_index(later)  # finds no log now
    assert {path.name for path in later.glob("catalog.*")} == {"catalog.sqlite", "catalog.damaged"}
