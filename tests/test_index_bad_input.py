"""Files made to hurt: each costs a bounded time and memory, and is told in one sentence."""

import io
import os
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import docx
import pytest
from conftest import ROOT, StemEmbedder

from index import Index, LoadError
from index.load import Worker, load
from index.load.worker import _START
from index.split import SplitSettings, split

LIMIT = 50_000_000
DATA = Path(__file__).parent / "data"


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    """A worker with limits that a test can wait for."""
    with Worker(seconds=2, memory=300_000_000) as made:
        yield made


def word_of(xml: bytes) -> bytes:
    """A real Word document whose body is replaced."""
    file, bomb = io.BytesIO(), io.BytesIO()
    docx.Document().save(file)
    with (
        zipfile.ZipFile(file) as good,
        zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as bad,
    ):
        for entry in good.infolist():
            is_body = entry.filename == "word/document.xml"
            bad.writestr(entry.filename, xml if is_body else good.read(entry))
    return bomb.getvalue()


def word_bomb() -> bytes:
    start = (
        b'<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
        b"<w:body>"
    )
    return word_of(start + b"<w:p/>" * 20_000_000 + b"</w:body></w:document>")


def word_with_entities() -> bytes:
    entities = b'<!ENTITY a0 "mot mot mot mot">' + b"".join(
        b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 10)
    )
    start = b'<?xml version="1.0"?><!DOCTYPE d [' + entities + b"]>"
    return word_of(
        start
        + b'<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
        b"<w:body><w:p><w:r><w:t>Un mot &a9;</w:t></w:r></w:p></w:body></w:document>"
    )


def pdf_bomb() -> bytes:
    """One page whose content unpacks twice, to half a gigabyte."""
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(b"(a) Tj " * 1_000_000) for _ in range(70)) + packer.flush()
    content = zlib.compress(packed, 9)
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Count 1/Kids[3 0 R]>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R"
        b"/Resources<</Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>>>",
        b"<</Length %d/Filter[/FlateDecode/FlateDecode]>>stream\n%s\nendstream"
        % (len(content), content),
    ]
    body = b"%PDF-1.7\n" + b"".join(
        b"%d 0 obj\n%s\nendobj\n" % (number, one) for number, one in enumerate(objects, start=1)
    )
    return body + b"trailer\n<</Root 1 0 R/Size 5>>\n%%EOF\n"


BOMBS = {
    "words.docx": word_bomb,
    "entities.docx": word_with_entities,
    "unpacks.pdf": pdf_bomb,
    "paragraphs.html": lambda: b"<html><body>" + b"<p>un mot</p>" * 1_000_000,
    "deep.html": lambda: b"<html><body>" + b"<div><table><tr><td>mot" * 200_000,
    "lists.html": lambda: b"<html><body>" + b"<ul><li>mot" * 200_000,
    "attributes.html": lambda: b"<p " + b"a=b " * 3_000_000 + b">mot</p>",
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_read_or_left_out_and_the_next_file_is_read(
    tmp_path: Path, worker: Worker, name: str
) -> None:
    path = tmp_path / name
    path.write_bytes(BOMBS[name]())
    try:
        told = load(path, name, LIMIT, worker.parse)[0].text[:100]
    except LoadError as error:
        told = str(error)
        assert told.startswith(name)
        assert told.endswith(".")
        assert "\n" not in told
    assert told
    good = load(DATA / "article.pdf", "article.pdf", LIMIT, worker.parse)
    assert good == load(DATA / "article.pdf", "article.pdf", LIMIT)


@pytest.mark.parametrize("name", ["words.docx", "unpacks.pdf", "paragraphs.html"])
def test_what_takes_too_much_says_so(tmp_path: Path, worker: Worker, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(BOMBS[name]())
    with pytest.raises(LoadError, match="takes too much time or memory"):
        load(path, name, LIMIT, worker.parse)


def test_a_worker_that_died_meanwhile_is_no_fault_of_the_file(worker: Worker) -> None:
    good = load(DATA / "article.docx", "article.docx", LIMIT, worker.parse)
    assert worker._process is not None
    worker._process.kill()
    worker._process.wait()
    assert load(DATA / "article.docx", "article.docx", LIMIT, worker.parse) == good


@pytest.mark.parametrize("path", sorted(DATA.iterdir()), ids=lambda path: path.name)
def test_the_worker_reads_what_this_process_reads(path: Path, worker: Worker) -> None:
    def read(**how: object) -> object:
        try:
            return load(path, path.name, LIMIT, **how)  # type: ignore[arg-type]
        except LoadError as error:
            return str(error)

    assert read(parse=worker.parse) == read()


def test_the_worker_loads_the_parsers_and_nothing_heavier(tmp_path: Path) -> None:
    (tmp_path / "lxml.py").write_text("raise SystemExit('a file beside was taken for a module')")
    code = _START.replace("serve(*sys.argv[2:])", "from index.load.formats import parse;")
    code += "[parse(s, b'<p>Un mot</p>', 'x', 999) for s in ('.html',)]; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, ROOT / "index"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stdout.split())
    assert "lxml.html" in loaded
    heavy = {"faiss", "gradio", "openvino", "tantivy", "torch", "transformers"}
    assert loaded & heavy == set()


def test_an_update_goes_on_past_a_bomb(
    tmp_path: Path, embedder: StemEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Worker.__init__, "__defaults__", (2, 300_000_000))
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "a.html").write_bytes(BOMBS["paragraphs.html"]())
    (folder / "b.html").write_text("<p>Le volcan s'éveille.</p>")
    (folder / "c.txt").write_text("La mer monte.")
    report = Index.create(tmp_path / "index", embedder).update(folder, max_bytes=LIMIT)
    assert report.added == ["b.html", "c.txt"]
    assert len(report.skipped) == 1
    assert report.skipped[0].startswith("a.html: reading it takes too much")


# -- text, which is read and split in this process ------------------------------------------------

HOSTILE = {
    "one long word": "a" * 5_000_000,
    "one long line": "mot " * 1_000_000,
    "a million paragraphs": "a\n\n" * 1_000_000,
    "a million lines": "a\n" * 1_000_000,
    "spaces": "a" + " " * 2_000_000 + "b",
    "empty lines": "a" + "\n \t" * 500_000 + "b",
    "points and quotes": "a" + ".»" * 500_000,
    "points": "a" + "." * 1_000_000,
    "quotes": "a. " + "«“'(" * 250_000,
    "brackets": "a! " + ")" * 1_000_000 + "x",
    "fences": "```\n~~~\n" * 200_000 + "a",
    "front matter without end": "---\n" + "title: a\n" * 200_000,
    "a long title": "# " + "titre " * 200_000 + "\n\n" + "mot " * 200_000,
    "a title of spaces": "# a" + " " * 1_000_000 + "b\n\nmot",
    "an underlined title": "a" + " " * 1_000_000 + "b\n===\n\nmot",
    "dates": "1 " * 500_000,
}


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_text_is_cut_into_passages(tmp_path: Path, what: str) -> None:
    """In a time that grows with its length: anything worse would not end here."""
    path = tmp_path / "text.md"
    path.write_text(HOSTILE[what])
    document, _ = load(path, "text.md", LIMIT)
    passages = split(document, SplitSettings())
    assert document.text == HOSTILE[what]
    assert len(document.title) <= 501
    assert all(len(passage.text) <= 1_100 for passage in passages)
    kept = "".join("".join(passage.text.split()) for passage in passages)
    assert kept == "".join(document.text.split())


def test_a_file_past_the_limit_is_not_even_read(tmp_path: Path) -> None:
    path = tmp_path / "line.txt"
    path.touch()
    os.truncate(path, 200_000_000)  # 200 MB of one line
    with pytest.raises(LoadError, match=r"200\.0 MB is too large, the limit is 50\.0 MB"):
        load(path, "line.txt", LIMIT)


def bytes_read() -> int:
    """How many bytes this process has read so far, of whatever."""
    return int(Path("/proc/self/io").read_text().split()[1])


def test_an_update_does_not_read_a_file_past_the_limit(
    tmp_path: Path, embedder: StemEmbedder
) -> None:
    folder = tmp_path / "documents"
    folder.mkdir()
    size = 200_000_000
    for name in ("grown.txt", "large.txt", "small.txt"):
        (folder / name).write_text("Le volcan s'éveille.")
    os.truncate(folder / "large.txt", size)
    index = Index.create(tmp_path / "index", embedder)
    before = bytes_read()
    assert index.update(folder, max_bytes=LIMIT).added == ["grown.txt", "small.txt"]
    os.truncate(folder / "grown.txt", size)
    assert index.source_state("grown.txt") == "changed"
    report = index.update(folder, max_bytes=LIMIT)
    assert (report.removed, len(report.skipped)) == (["grown.txt"], 2)
    assert bytes_read() - before < size
