"""The index folder: updates that touch only what changed, are whole, and outlive a kill."""

import json
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from conftest import ARTICLES, StemEmbedder

from index import (
    EncoderError,
    Filter,
    FolderError,
    Index,
    IndexBusyError,
    IndexFolderError,
    SplitSettings,
    read_manifest,
    sentence_spans,
    verify_index,
)
from index.load import find_files

LIMIT = 1_000_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "index"


@pytest.fixture
def index(folder: Path, documents: Path, embedder: StemEmbedder) -> Index:
    made = Index.create(folder, embedder)
    made.update(documents, max_bytes=LIMIT)
    return made


def found(index: Index, question: str) -> list[str]:
    return [hit.passage.document_id for hit in index.matching(question, 5)]


def test_what_was_indexed_is_found_at_its_place(index: Index) -> None:
    assert index.counts() == (3, 3)
    for search in (index.matching, index.nearest):
        hit = search("ministre du Kazakhstan", 1)[0]
        document = index.document(hit.passage.document_id)
        assert document is not None
        assert document.id == "2022-01-14-kazakhstan.txt"
        assert document.text == ARTICLES[document.id]
        assert document.text[hit.passage.start : hit.passage.end] == hit.passage.text
    assert found(index, "museum") == ["sub/museum.md"]


def test_nearness_is_that_of_the_vectors_in_the_catalog(index: Index) -> None:
    question = "ministre du Kazakhstan"
    asked = index.embedder.embed_question(question)
    for hit in index.nearest(question, 3):
        (vector,) = index.embedder.embed_exactly(index.headed([hit.passage]))
        assert hit.score == pytest.approx(float(asked @ vector), abs=2e-4)


def test_filters_by_document_and_date(index: Index) -> None:
    question = "ministre crue museum"
    assert len(found(index, question)) == 3
    for search in (index.matching, index.nearest):
        for among, expected in (
            (Filter(documents=frozenset({"sub/museum.md"})), {"sub/museum.md"}),
            (Filter(after=date(2022, 1, 14)), {"2022-01-14-kazakhstan.txt", "sub/museum.md"}),
            (Filter(before=date(2021, 12, 31)), {"2021-07-20-crue.txt"}),
            (Filter(documents=frozenset()), set()),
            (Filter(), {*ARTICLES}),
            (Filter(hidden=re.compile("sub/")), {*ARTICLES} - {"sub/museum.md"}),
            (
                Filter(after=date(2022, 1, 14), hidden=re.compile("sub/")),
                {"2022-01-14-kazakhstan.txt"},
            ),
        ):
            assert {hit.passage.document_id for hit in search(question, 5, among)} == expected


def test_an_unchanged_folder_embeds_nothing(
    index: Index, documents: Path, embedder: StemEmbedder
) -> None:
    before = len(embedder.embedded)
    (documents / "sub/museum.md").touch()
    report = index.update(documents, max_bytes=LIMIT)
    assert (report.unchanged, report.passages_embedded, len(embedder.embedded)) == (3, 0, before)


def test_one_changed_one_new_and_one_vanished_file(
    index: Index, folder: Path, documents: Path, embedder: StemEmbedder
) -> None:
    before = len(embedder.embedded)
    (documents / "2021-07-20-crue.txt").write_text("Crue de la Vire\n\nL'Orne aussi déborde.\n")
    (documents / "new.txt").write_text("Une nouvelle\n\nUn volcan s'éveille en Islande.\n")
    (documents / "sub/museum.md").unlink()
    report = index.update(documents, max_bytes=LIMIT)
    assert (report.changed, report.added) == (["2021-07-20-crue.txt"], ["new.txt"])
    assert (report.removed, report.unchanged) == (["sub/museum.md"], 1)
    assert len(embedder.embedded) - before == 2
    for opened in (index, Index.open(folder, embedder)):
        assert found(opened, "Orne déborde") == ["2021-07-20-crue.txt"]
        assert found(opened, "habitants évacués") == []
        assert found(opened, "volcan") == ["new.txt"]
        assert found(opened, "museum") == []
        assert len(opened.nearest("volcan", 10)) == 3


@pytest.mark.parametrize("few", [0, 10_000], ids=["adding", "training again"])
def test_many_small_updates_find_what_one_large_one_finds(
    folder: Path, tmp_path: Path, embedder: StemEmbedder, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("index.vectors._FEW", few)
    documents = tmp_path / "many"
    documents.mkdir()
    index = Index.create(folder, embedder)
    for number in range(30):
        (documents / f"{number:02}.txt").write_text(f"Titre\n\nLe mot unique{number} est ici.\n")
        index.update(documents, max_bytes=LIMIT)
    whole = Index.create(tmp_path / "whole", embedder)
    whole.update(documents, max_bytes=LIMIT)
    for number in range(30):
        assert found(index, f"unique{number}") == [f"{number:02}.txt"]
    if few:
        for number in range(30):
            small, large = (one.nearest(f"unique{number}", 3) for one in (index, whole))
            assert [hit.score for hit in small] == [hit.score for hit in large]


def test_more_vectors_than_are_held_at_once(
    folder: Path, tmp_path: Path, embedder: StemEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("index.vectors._FEW", 10)
    documents = tmp_path / "many"
    documents.mkdir()
    index = Index.create(folder, embedder)
    with monkeypatch.context() as few:
        few.setattr("index.derived._VECTORS_AT_ONCE", 7)
        for numbers in (range(40), range(40, 49)):  # built, then added to
            for number in numbers:
                (documents / f"{number}.txt").write_text(f"Le mot unique{number} est ici.\n")
            index.update(documents, max_bytes=LIMIT)
    assert verify_index(folder) == []
    whole = Index.create(tmp_path / "whole", embedder)
    whole.update(documents, max_bytes=LIMIT)
    for number in range(49):
        small, large = (one.nearest(f"unique{number}", 49) for one in (index, whole))
        assert [hit.score for hit in small] == pytest.approx([hit.score for hit in large], abs=1e-6)


def test_a_file_that_cannot_be_read_any_more_is_left_out(index: Index, documents: Path) -> None:
    (documents / "2021-07-20-crue.txt").write_bytes(b"\x00\x01\x02binary\x00")
    report = index.update(documents, max_bytes=LIMIT)
    assert report.removed == ["2021-07-20-crue.txt"]
    assert len(report.skipped) == 1
    assert found(index, "crue") == []


def test_a_folder_without_one_readable_file_makes_an_empty_index(
    folder: Path, tmp_path: Path, embedder: StemEmbedder
) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad/a.txt").write_bytes(b"")
    report = Index.create(folder, embedder).update(tmp_path / "bad", max_bytes=LIMIT)
    assert len(report.skipped) == 1
    opened = Index.open(folder, embedder)
    assert (opened.counts(), opened.matching("a", 3), opened.nearest("a", 3)) == ((0, 0), [], [])


def test_documents_of_another_folder_stay(index: Index, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "2021-07-20-crue.txt").write_text("Autre crue\n\nLe Rhin est monté.\n")
    assert index.update(other, max_bytes=LIMIT).added == ["other/2021-07-20-crue.txt"]
    assert index.counts()[0] == 4
    assert index.forget(other).removed == ["other/2021-07-20-crue.txt"]
    assert index.counts()[0] == 3


def test_an_index_folder_among_the_documents_is_none_of_them(
    documents: Path, embedder: StemEmbedder
) -> None:
    folder = documents / "idx"
    index = Index.create(folder, embedder)
    index.update(documents, max_bytes=LIMIT)
    mine = folder / "uploads/session-1"
    mine.mkdir(parents=True)
    (mine / "mine.txt").write_text("Mon volcan.")
    index.update(mine, max_bytes=LIMIT, prefix="session-1/")
    (mine / "left.txt").write_text("Ce qu'une mise à jour tuée a laissé.")
    (documents / "linked").symlink_to("idx/uploads")
    (documents / "linked.txt").symlink_to("idx/uploads/session-1/left.txt")
    for rebuild in (False, True):
        report = index.update(documents, max_bytes=LIMIT, rebuild=rebuild)
        assert (report.added, report.removed) == ([], [])
        roots = {entry.id: entry.root for entry in index.entries()}
        assert roots == {**dict.fromkeys(ARTICLES, str(documents)), "session-1/mine.txt": str(mine)}
    with pytest.raises(FolderError, match="nothing to index"):
        index.update(folder, max_bytes=LIMIT)
    (mine / "mine.txt").unlink()  # its copy goes first when somebody removes it
    assert index.update(documents, max_bytes=LIMIT).removed == []
    assert set(index.forget(documents).removed) == {*ARTICLES}
    assert index.update(mine, max_bytes=LIMIT, prefix="session-1/").removed == [
        "session-1/mine.txt"
    ]


def test_what_vanished_below_a_folder_is_removed_whoever_indexed_it(
    index: Index, documents: Path
) -> None:
    museum = documents / "sub/museum.md"
    museum.write_text("The museum closed.")
    (documents / ".notes").mkdir()
    (documents / ".notes/note.txt").write_text("Une note.")
    for folder in ("sub", ".notes"):
        index.update(documents / folder, max_bytes=LIMIT)
    museum.unlink()
    assert index.update(documents, max_bytes=LIMIT).removed == ["sub/museum.md"]
    assert len(index.entries()) == 3  # the hidden note is still there
    (documents / "2021-07-20-crue.txt").rename(documents / "sub/crue.txt")
    report = index.update(documents / "sub", max_bytes=LIMIT)
    assert (report.added, report.removed) == (["crue.txt"], [])
    assert index.update(documents, max_bytes=LIMIT).removed == ["2021-07-20-crue.txt"]


def test_what_another_process_adds_meanwhile_is_not_taken_for_gone(
    index: Index, documents: Path, embedder: StemEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def meanwhile(root: Path, besides: Path | None) -> list[str]:
        files = find_files(root, besides)
        monkeypatch.setattr("index.index.find_files", find_files)
        (documents / "new.txt").write_text("Un volcan s'éveille en Islande.")
        with suppress(IndexBusyError):
            Index.open(index.folder, embedder).update(documents, max_bytes=LIMIT)
        return files

    monkeypatch.setattr("index.index.find_files", meanwhile)
    assert index.update(documents, max_bytes=LIMIT).removed == []


def test_a_folder_that_is_gone_can_be_forgotten(
    index: Index, documents: Path, tmp_path: Path
) -> None:
    index.update(documents / "sub", max_bytes=LIMIT)
    (documents / "sub/museum.md").unlink()
    with pytest.raises(FolderError, match="opcit forget"):
        index.update(documents / "sub", max_bytes=LIMIT)
    assert index.forget(documents / "sub").removed == ["sub/museum.md"]
    kept = documents.rename(tmp_path / "moved")
    with pytest.raises(FolderError, match="opcit forget"):
        index.update(documents, max_bytes=LIMIT)
    assert index.forget(tmp_path / "document").removed == []
    assert index.forget(documents / "2021-07-20-crue.txt").removed == ["2021-07-20-crue.txt"]
    assert index.forget(documents).removed == ["2022-01-14-kazakhstan.txt"]
    assert index.counts() == (0, 0)
    assert len(index.update(kept, max_bytes=LIMIT).added) == 2


def test_a_rebuild_embeds_everything_with_the_new_encoder(
    index: Index, folder: Path, documents: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "b.txt").write_text("Autre\n\nLe Rhin est monté.\n")
    index.update(other, max_bytes=LIMIT)
    encoder = StemEmbedder()
    encoder.fingerprint = "stems-2"
    with pytest.raises(EncoderError, match="--rebuild"):
        Index.open(folder, encoder)
    Index.create(folder, encoder, SplitSettings(300)).update(
        documents, max_bytes=LIMIT, rebuild=True
    )
    assert len(encoder.embedded) == 4
    assert found(Index.open(folder, encoder), "Rhin") == ["b.txt"]


def test_a_rebuild_embeds_what_cannot_be_read_now(
    index: Index, folder: Path, documents: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del index
    encoder = StemEmbedder()
    encoder.fingerprint = "stems-2"
    scandir = os.scandir

    def refusing(path: str | int) -> Iterator[os.DirEntry[str]]:
        if str(path).endswith("sub"):
            raise PermissionError
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    again = Index.create(folder, encoder)
    assert len(again.update(documents, max_bytes=LIMIT, rebuild=True).skipped) == 1
    assert len(encoder.embedded) == 3
    assert found(again, "museum") == ["sub/museum.md"]


def test_killed_between_a_rebuild_and_its_manifest(
    index: Index, folder: Path, documents: Path, embedder: StemEmbedder
) -> None:
    del index
    old = (folder / "manifest.json").read_bytes()
    other = StemEmbedder()
    other.fingerprint = "stems-2"
    Index.create(folder, other).update(documents, max_bytes=LIMIT, rebuild=True)
    (folder / "manifest.json").write_bytes(old)
    with pytest.raises(EncoderError, match="--rebuild"):
        Index.open(folder, embedder)
    assert found(Index.open(folder, other), "museum") == ["sub/museum.md"]
    (folder / "manifest.json").unlink()
    report = Index.create(folder, embedder).update(documents, max_bytes=LIMIT)
    assert report.passages_embedded == 3
    assert found(Index.open(folder, embedder), "museum") == ["sub/museum.md"]


def test_the_state_of_a_source(index: Index, documents: Path) -> None:
    (documents / "2021-07-20-crue.txt").write_text("Autre chose")
    (documents / "sub/museum.md").unlink()
    states = {entry.id: index.source_state(entry.id) for entry in index.entries()}
    assert states == {
        "2021-07-20-crue.txt": "changed",
        "2022-01-14-kazakhstan.txt": "same",
        "sub/museum.md": "missing",
    }
    assert index.source_state("no such document") == "missing"


def damage(path: Path) -> None:
    path.write_bytes(b"damaged" + path.read_bytes()[7:])


@pytest.mark.parametrize(
    "harm",
    [
        lambda place: shutil.rmtree(place),
        lambda place: (place / "vectors.faiss").unlink(),
        lambda place: damage(place / "vectors.faiss"),
        lambda place: shutil.rmtree(place / "words"),
        lambda place: damage(place / "words" / "meta.json"),
    ],
    ids=["no derived", "no vectors", "bad vectors", "no words", "bad words"],
)
def test_what_is_derived_is_made_again(
    index: Index, folder: Path, documents: Path, embedder: StemEmbedder, harm: object
) -> None:
    del index
    (place,) = (folder / "derived").iterdir()
    harm(place)  # type: ignore[operator]
    opened = Index.open(folder, embedder)
    assert found(opened, "museum") == ["sub/museum.md"]
    assert opened.nearest("museum", 3)[0].passage.document_id == "sub/museum.md"
    (documents / "new.txt").write_text("Un volcan s'éveille en Islande.")
    opened.update(documents, max_bytes=LIMIT)
    assert found(Index.open(folder, embedder), "volcan") == ["new.txt"]


def test_an_open_index_notices_that_another_encoder_made_it_again(
    index: Index, folder: Path, documents: Path, embedder: StemEmbedder
) -> None:
    del index

    class Other(StemEmbedder):
        name = "other"
        fingerprint = "other-1"

    opened = Index.open(folder, embedder)
    Index.create(folder, Other()).update(documents, max_bytes=LIMIT, rebuild=True)
    for use in (
        lambda: opened.nearest("crue", 1),
        lambda: opened.update(documents, max_bytes=LIMIT),
    ):
        with pytest.raises(EncoderError, match="made with the encoder other, not with stems"):
            use()
    assert found(Index.open(folder, Other()), "crue") == ["2021-07-20-crue.txt"]


def test_an_index_of_an_earlier_format_is_made_again_with_all_it_held(
    index: Index, folder: Path, documents: Path, embedder: StemEmbedder, tmp_path: Path
) -> None:
    added = tmp_path / "added"
    added.mkdir()
    (added / "note.txt").write_text("Un volcan s'éveille en Islande.", "utf-8")
    index.update(added, max_bytes=LIMIT)
    with closing(sqlite3.connect(folder / "catalog.sqlite")) as connection, connection:
        connection.execute("DROP TABLE sentences")
    told = json.loads((folder / "manifest.json").read_text()) | {"format": 1}
    (folder / "manifest.json").write_text(json.dumps(told))
    with pytest.raises(IndexFolderError, match="--rebuild"):
        Index.open(folder, embedder)
    Index.create(folder, embedder).update(documents, max_bytes=LIMIT, rebuild=True)
    opened = Index.open(folder, embedder)
    (hit,) = opened.matching("volcan", 1)
    assert opened.sentence_nearness("volcan", [hit.passage])[0]
    assert verify_index(folder) == []
    assert opened.counts()[0] == 4


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        (lambda folder: shutil.rmtree(folder), "There is no index in"),
        (lambda folder: (folder / "manifest.json").unlink(), "opcit index DOCS"),
        (lambda folder: (folder / "manifest.json").write_text("{"), "is damaged"),
        (lambda folder: (folder / "manifest.json").write_text("[]"), "is damaged"),
        (lambda folder: (folder / "manifest.json").write_text('{"format": 99}'), "another version"),
        (lambda folder: (folder / "catalog.sqlite").unlink(), "is missing; put back"),
        (lambda folder: damage(folder / "catalog.sqlite"), "is damaged"),
    ],
)
def test_an_index_that_cannot_be_opened_says_how_to_mend_it(
    index: Index, folder: Path, embedder: StemEmbedder, harm: object, sentence: str
) -> None:
    del index
    harm(folder)  # type: ignore[operator]
    with pytest.raises(IndexFolderError, match=sentence):
        Index.open(folder, embedder)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("encoder", None),
        ("encoder_fingerprint", 1),
        ("dimension", None),
        ("dimension", "1024"),
        ("dimension", 0),
        ("split", None),
        ("split", [900, 200]),
        ("split", {"passage_characters": 900}),
        ("split", {"passage_characters": "900", "fragment_characters": 200}),
        ("split", {"passage_characters": 900, "fragment_characters": 200, "overlap": 0}),
    ],
)
def test_a_manifest_that_lacks_something_is_damaged(
    index: Index, folder: Path, name: str, value: object
) -> None:
    del index
    manifest = read_manifest(folder)
    assert name in manifest
    (folder / "manifest.json").write_text(json.dumps(manifest | {name: value}))
    with pytest.raises(IndexFolderError, match="is damaged; run `opcit index DOCS --rebuild`"):
        read_manifest(folder)
    del manifest[name]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(IndexFolderError, match="is damaged; run `opcit index DOCS --rebuild`"):
        read_manifest(folder)


def test_nothing_to_index_leaves_nothing_behind(
    folder: Path, tmp_path: Path, embedder: StemEmbedder
) -> None:
    with pytest.raises(FolderError):
        Index.create(folder, embedder).update(tmp_path / "nowhere", max_bytes=LIMIT)
    (tmp_path / "empty").mkdir()
    with pytest.raises(FolderError, match="nothing to index"):
        Index.create(folder, embedder).update(tmp_path / "empty", max_bytes=LIMIT)
    assert not folder.exists()


def test_a_second_writer_is_told_and_a_reader_goes_on(
    index: Index, folder: Path, documents: Path, embedder: StemEmbedder
) -> None:
    writer = sqlite3.connect(folder / "catalog.sqlite", isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    with pytest.raises(IndexBusyError, match="try again"):
        index.update(documents, max_bytes=LIMIT)
    assert found(Index.open(folder, embedder), "museum") == ["sub/museum.md"]
    writer.rollback()
    writer.close()


def test_an_open_index_sees_each_update_whole(
    index: Index, folder: Path, documents: Path, embedder: StemEmbedder
) -> None:
    """While one index updates, another answers from before or after, never from between."""
    reader = Index.open(folder, embedder)
    seen: list[int] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            seen.append(len(reader.matching("vague", 50)))

    thread = threading.Thread(target=read)
    thread.start()
    for round_ in range(5):
        for number in range(10):
            (documents / f"{round_}-{number}.txt").write_text(f"Une vague {number} arrive.")
        index.update(documents, max_bytes=LIMIT)
    while not seen or seen[-1] < 50:
        assert thread.is_alive()
        time.sleep(0.01)
    stop.set()
    thread.join()
    assert set(seen) <= {0, 10, 20, 30, 40, 50}


UPDATE = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from conftest import StemEmbedder
from index import Index
Index.open(Path({folder!r}), StemEmbedder()).update(Path({documents!r}), max_bytes=10**6,
    progress=lambda done, total: print(done, flush=True))
print("done", flush=True)
"""


def test_killed_at_any_moment_it_answers_as_before_or_after(
    index: Index, folder: Path, documents: Path, embedder: StemEmbedder
) -> None:
    """Ten real processes, each killed at a random moment of an update of 60 documents."""
    del index
    drawn = random.Random(11)
    for attempt in range(10):
        word = f"tentative{attempt}"
        for number in range(60):
            (documents / f"v-{number}.txt").write_text(f"Nouvelles\n\nPour la {word}, {number}.")
        script = UPDATE.format(
            tests=str(Path(__file__).parent), folder=str(folder), documents=str(documents)
        )
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
        process = subprocess.Popen(
            [sys.executable, "-c", script], stdout=subprocess.PIPE, env=environment, text=True
        )
        assert process.stdout is not None
        wait_for = drawn.randint(0, 60)
        for line in process.stdout:
            if line.strip() in (str(wait_for), "done"):
                break
        time.sleep(drawn.uniform(0, 0.05))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        opened = Index.open(folder, embedder)
        assert len(opened.matching(word, 100)) in (0, 60)
        assert len(opened.nearest(word, 100)) == opened.counts()[1]
    Index.open(folder, embedder).update(documents, max_bytes=LIMIT)
    assert len(Index.open(folder, embedder).matching("tentative9", 100)) == 60
    assert len([*(folder / "derived").iterdir()]) == 1


def test_the_manifest_says_how_the_index_was_made(index: Index, folder: Path) -> None:
    del index
    assert json.loads((folder / "manifest.json").read_text()) == {
        "format": 2,
        "encoder": "stems",
        "encoder_fingerprint": "stems-1",
        "dimension": 1024,
        "split": {"passage_characters": 900, "fragment_characters": 200},
    }


def test_sentence_nearness_is_the_cosine_of_each_sentence(
    index: Index, embedder: StemEmbedder
) -> None:
    passage = index.matching("ministre", 1)[0].passage
    (near,) = index.sentence_nearness("Qui est ministre ?", [passage])
    assert list(near) == sentence_spans(passage.text)
    question = embedder.embed_question("Qui est ministre ?")
    for (start, end), score in near.items():
        wanted = question @ embedder.embed_question(passage.text[start:end])
        assert score == pytest.approx(wanted, abs=0.01)  # of 8 bits a number
    gone = replace(passage, start=10**6)
    assert index.sentence_nearness("Qui ?", [gone]) == [{}]
