"""The command line as a person meets it: real processes, their words and their exit status."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from qa import Answer, Citation, ConfigError, read_config
from qa.cli import _told

ROOT = Path(__file__).parents[1]
DATA = Path(__file__).parent / "data"


def opcit(
    *arguments: str | Path, cwd: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "opcit", *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", **environment},
        check=False,
        timeout=120,
    )


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `docs` and their index in `.opcit`, made by the command."""
    folder = tmp_path_factory.mktemp("cli")
    docs = folder / "docs"
    docs.mkdir()
    (docs / "crue.txt").write_text(
        "Crue de la Vire\n2021-07-20\n\nÀ Vire, quarante-deux habitants ont été évacués.\n"
    )
    (docs / "kazakhstan.txt").write_text(
        "Un nouveau ministre\n2022-01-14\n\n"
        "Le nouveau ministre des Affaires étrangères du Kazakhstan est Mukhtar Tileuberdi.\n"
    )
    (docs / "empty.txt").write_text("")
    done = opcit("index", "docs", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ".opcit: 2 added, 1 left out (2 passages embedded).\n"
    assert "empty.txt" in done.stderr
    return folder


def test_ask_cites_the_place(indexed: Path) -> None:
    done = opcit("ask", "Qui est le ministre des Affaires étrangères du Kazakhstan ?", cwd=indexed)
    assert done.returncode == 0
    assert "Tileuberdi" in done.stdout
    assert "kazakhstan.txt [" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("confidence", "sentence"),
    [(0.45, "Uncertain answer. Confidence: 45%"), (0.5, "Confidence: 50%")],
)
def test_ask_says_how_sure_it_is(confidence: float, sentence: str) -> None:
    cited = Citation("a.txt", 0, 6, "Paris.", "A", "a.txt", None, None, None)
    answer = Answer("Where?", "en", "Paris", (cited,), confidence, ())
    assert _told(answer).splitlines()[-1] == sentence
    assert _told(replace(answer, citations=())).count("onfidence") == 0


@pytest.mark.parametrize(
    "question",
    [
        "Qui est le ministre des Affaires étrangères du Kazakhstan ?",
        "De quel pays Tileuberdi est-il le nouveau ministre ?",
    ],
)
def test_asking_loads_nothing_that_an_answer_does_not_need(indexed: Path, question: str) -> None:
    heavy = {
        "fastapi", "gradio", "httpx", "huggingface_hub", "langchain_core",
        "langchain_text_splitters", "lxml", "matplotlib", "openvino.tools.ovc",
        "openvino_telemetry", "pandas", "PIL", "py3langid", "requests", "rich.console", "scipy",
        "sentence_transformers", "sklearn", "torch", "trafilatura", "transformers", "uvicorn",
    }  # fmt: skip
    code = (
        "import atexit, sys; from opcit import main;"
        f" atexit.register(lambda: print(sorted({heavy} & set(sys.modules)), file=sys.stderr));"
        " main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "ask", question],
        cwd=indexed,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
    )
    assert ".txt [" in done.stdout  # it did answer
    assert done.stderr.strip() == "[]"


def test_ask_and_search_as_json(indexed: Path) -> None:
    done = opcit("ask", "Qui est le ministre du Kazakhstan ?", "--json", cwd=indexed)
    answer = json.loads(done.stdout)
    for citation in answer["citations"]:
        text = (indexed / "docs" / citation["document_id"]).read_text()
        assert text[citation["start"] : citation["end"]] == citation["quote"]
    hits = json.loads(opcit("search", "Vire", "--k", "1", "--json", cwd=indexed).stdout)
    assert [hit["passage"]["document_id"] for hit in hits] == ["crue.txt"]


def test_index_again_info_and_verify(indexed: Path) -> None:
    again = opcit("index", "docs", cwd=indexed)
    assert again.stdout == ".opcit: 2 unchanged, 1 left out (0 passages embedded).\n"
    info = json.loads(opcit("info", "--json", cwd=indexed).stdout)
    assert (info["documents"], info["passages"]) == (2, 2)
    assert opcit("verify", cwd=indexed).returncode == 0
    crue = indexed / "docs/crue.txt"
    before = crue.read_text()
    crue.write_text("Autre chose.")
    done = opcit("verify", cwd=indexed)
    crue.write_text(before)
    assert done.returncode == 1
    assert done.stdout == (
        "changed  crue.txt\nThe index is sound; its sources: 1 same, 1 changed, 0 missing.\n"
    )


def test_verify_names_the_command_that_mends(indexed: Path) -> None:
    opcit("index", "docs", cwd=indexed)
    crue = indexed / "docs/crue.txt"
    before, times = crue.read_text(), crue.stat()
    crue.write_text(before.replace("quarante-deux", "quarante-six."))
    os.utime(crue, ns=(times.st_atime_ns, times.st_mtime_ns))
    done = opcit("verify", cwd=indexed)
    crue.write_text(before)
    os.utime(crue, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert done.returncode == 1
    assert done.stderr == "Run `opcit index DOCS --rebuild` to bring the index up to date.\n"


def test_a_terminal_of_few_characters_gets_the_answer_all_the_same(indexed: Path) -> None:
    question = "Combien d'habitants ont été évacués à Vire ?"
    done = opcit("ask", question, cwd=indexed, PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert done.stderr == ""
    assert "quarante-deux habitants ont ?t? ?vacu?s" in done.stdout


def test_a_folder_is_taken_out_again(indexed: Path) -> None:
    more = indexed / "more"
    more.mkdir()
    (more / "volcan.txt").write_text("Le volcan s'éveille.")
    for options, said in (([], "1 removed"), (["--json"], '"volcan.txt"')):
        assert opcit("index", "more", cwd=indexed).returncode == 0
        done = opcit("forget", "more", *options, cwd=indexed)
        assert (done.returncode, done.stderr) == (0, "")
        assert said in done.stdout
    done = opcit("forget", "more", cwd=indexed)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "The index in .opcit holds nothing of more.\n"
    assert (more / "volcan.txt").is_file()
    assert json.loads(opcit("info", "--json", cwd=indexed).stdout)["documents"] == 2


def test_a_silent_corpus_is_no_failure(indexed: Path) -> None:
    done = opcit("ask", "What is the boiling point of tungsten?", cwd=indexed)
    assert done.returncode == 0
    assert done.stdout.startswith("The documents do not answer this question.")


Prepare = Callable[[Path], None]


def nothing(_: Path) -> None:
    pass


def damaged_catalog(folder: Path) -> None:
    assert opcit("index", DATA, cwd=folder).returncode == 0
    (folder / ".opcit/catalog.sqlite").write_bytes(b"not a database" * 100)


def locked(folder: Path) -> None:
    (folder / "a.txt").write_text("Un texte.")
    assert opcit("index", "a.txt", cwd=folder).returncode == 0
    (folder / "a.txt").write_text("Un autre texte.")
    connection = sqlite3.connect(folder / ".opcit/catalog.sqlite", isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    KEPT.append(connection)  # keeps the lock until the test is over


KEPT: list[sqlite3.Connection] = []


def text(name: str, content: str) -> Prepare:
    def write(folder: Path) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)

    return write


MANIFEST = ".opcit/manifest.json"

# What is done before; the command; its exit status; a part of its one sentence.
BAD_INPUT: list[tuple[Prepare, list[str], int, str]] = [
    (nothing, ["index", "nowhere"], 1, "nowhere"),
    (lambda f: (f / "empty").mkdir(), ["index", "empty"], 1, "nothing to index"),
    (text("a.csv", "x"), ["index", "a.csv"], 1, "a.csv"),
    (text("docs/a.csv", "x"), ["index", "docs"], 1, "nothing to index"),
    (text("file", "x"), ["index", ".", "--index", "file/x"], 1, "nothing to index"),
    (text("file", "x"), ["index", str(DATA), "--index", "file/x"], 1, "cannot be made"),
    (nothing, ["index", str(DATA), "--model", "./nowhere"], 1, "--model"),
    (lambda f: (f / "m").mkdir(), ["index", str(DATA), "--model", "m"], 1, "--model"),
    (lambda f: (f / "loop").symlink_to("loop"), ["index", "loop"], 1, "loop cannot be opened"),
    (nothing, ["index"], 2, "Missing argument"),
    (nothing, ["forget", "docs"], 1, "opcit index DOCS"),
    (nothing, ["index", "a", "b"], 2, "unexpected extra argument"),
    (nothing, ["ask"], 2, "Missing argument"),
    (nothing, ["ask", "Qui ?"], 1, "opcit index DOCS"),
    (nothing, ["ask", "Qui ?", "--index", "nowhere"], 1, "There is no index in nowhere"),
    (text("file", "x"), ["ask", "Qui ?", "--index", "file"], 1, "There is no index in file"),
    (text(MANIFEST, "{"), ["ask", "Qui ?"], 1, "is damaged"),
    (text(MANIFEST, "[]"), ["search", "Qui ?"], 1, "is damaged"),
    (text(MANIFEST, '{"format": 0}'), ["info"], 1, "another version"),
    (text(MANIFEST, "\x00"), ["verify"], 1, "is damaged"),
    (damaged_catalog, ["ask", "Qui ?"], 1, "is damaged"),
    (damaged_catalog, ["index", str(DATA)], 1, "is damaged"),
    (locked, ["index", "a.txt"], 1, "try again"),
    (nothing, ["nonsense"], 2, "No such command"),
    (nothing, ["ask", "Qui ?", "--nonsense"], 2, "No such option"),
    (nothing, ["search", "Qui ?", "--k", "0"], 2, "'--k'"),
    (nothing, ["search", "Qui ?", "--k", "ten"], 2, "'--k'"),
    (nothing, ["chat", "--port", "99999"], 1, "port"),
    (nothing, ["chat", "--index", "nowhere", "--no-browser"], 1, "There is no index in nowhere"),
    (text("opcit.toml", "index = "), ["ask", "Qui ?"], 1, "opcit.toml"),
    (text("opcit.toml", "colour = 'red'"), ["ask", "Qui ?"], 1, "colour"),
    (text("opcit.toml", "max_file_mb = -1"), ["ask", "Qui ?"], 1, "max_file_mb"),
]


@pytest.mark.parametrize(("prepare", "command", "status", "part"), BAD_INPUT)
def test_bad_input_gets_one_sentence(
    tmp_path: Path, prepare: Prepare, command: list[str], status: int, part: str
) -> None:
    prepare(tmp_path)
    done = opcit(*command, cwd=tmp_path)
    for connection in KEPT:
        connection.close()
    KEPT.clear()
    assert (done.returncode, done.stdout) == (status, "")
    assert part in done.stderr
    assert "Traceback" not in done.stderr
    if status == 1:
        assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("question", "part"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("é" * 10_000, "10000 characters"),
        ("Qui\udcff ?", "no character"),  # a byte that is no UTF-8
    ],
)
def test_a_question_that_cannot_be_asked(indexed: Path, question: str, part: str) -> None:
    done = opcit("ask", question, cwd=indexed)
    assert (done.returncode, done.stdout) == (1, "")
    assert part in done.stderr


@pytest.mark.parametrize("encoding", ["utf-8:strict", "utf-8:surrogateescape"])
def test_a_password_that_is_no_text(tmp_path: Path, encoding: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "opcit", "password", "file"],
        input=b"\xe9motdepasse\n",
        cwd=tmp_path,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": encoding},
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == b"The password holds a sign that is no character.\n"
    assert [*tmp_path.iterdir()] == []


def test_a_host_that_is_no_address(indexed: Path) -> None:
    done = opcit("chat", "--no-browser", "--host", "192.168..1", "--no-auth", cwd=indexed)
    assert done.returncode == 1
    assert done.stderr.startswith("The chat cannot listen on 192.168..1")
    assert len(done.stderr.splitlines()) == 1


def test_a_folder_may_be_named_from_home_and_an_empty_name_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/anna")
    (tmp_path / "opcit.toml").write_text('index = "~/index"\nmodel = "~/encoder"')
    monkeypatch.setenv("OPCIT_INDEX", "")
    assert read_config().index == Path("/home/anna/index")
    assert read_config().model == "/home/anna/encoder"
    assert read_config(index=Path("~nobody-such")).index == Path("~nobody-such")


def test_a_name_cannot_tell_the_terminal_what_to_do(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "a\x1b[2Jb.txt").write_text("Le pont de Nîmes est fermé.\n")
    assert opcit("index", "docs", cwd=tmp_path).returncode == 0

    told = opcit("search", "pont", cwd=tmp_path).stdout

    assert "a?[2Jb.txt" in told


def test_a_stopped_update_says_that_nothing_changed(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    for number in range(2000):
        (docs / f"{number}.txt").write_text(f"Le pont {number} de Nîmes est fermé. " * 20)
    command = [sys.executable, "-m", "opcit", "index", "docs"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True
    ) as running:
        while not (tmp_path / ".opcit" / "catalog.sqlite").is_file():
            time.sleep(0.01)
        running.send_signal(signal.SIGINT)
        _, told = running.communicate(timeout=60)

    assert (running.returncode, told) == (130, "Stopped; the index is as it was.\n")


def test_who_stops_it_while_it_loads_is_told_nothing() -> None:
    code = (
        "import os, signal, sys, opcit\n"
        "class Stopping:\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name == 'qa.cli': os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Stopping())\n"
        "opcit.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_numpy_starts_no_threads_and_other_libraries_are_let_alone() -> None:
    code = (
        "import os, opcit; opcit._load_numpy();"
        " print(os.listdir('/proc/self/task') == [str(os.getpid())], os.environ.keys())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"]},
        check=True,
    )
    assert done.stdout.startswith("True") and "OPENBLAS" not in done.stdout


def test_names_in_the_environment_are_told_apart_by_commas(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPCIT_HOST_NAMES", "opcit.example, news.example")
    assert read_config().host_names == ("opcit.example", "news.example")
    monkeypatch.setenv("OPCIT_HOST_NAMES", '["opcit.example"]')
    assert read_config().host_names == ("opcit.example",)
    monkeypatch.setenv("OPCIT_HOST_NAMES", "[opcit.example]")
    with pytest.raises(ConfigError, match="OPCIT_HOST_NAMES"):
        read_config()
    monkeypatch.delenv("OPCIT_HOST_NAMES")
    (tmp_path / "opcit.toml").write_text('host_names = ["opcit.example", "news.example"]')
    assert read_config().host_names == ("opcit.example", "news.example")


def test_an_index_of_another_encoder_says_how_to_rebuild(indexed: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(indexed / ".opcit", other)
    with sqlite3.connect(other / "catalog.sqlite") as connection:
        connection.execute("UPDATE setting SET value = 'x' WHERE name = 'encoder_fingerprint'")
    connection.close()
    done = opcit("ask", "Qui ?", "--index", other, cwd=indexed)
    assert done.returncode == 1
    assert "--rebuild" in done.stderr
    assert opcit("info", "--index", other, cwd=indexed).returncode == 0
    assert opcit("index", "docs", "--index", other, "--rebuild", cwd=indexed).returncode == 0
    assert opcit("ask", "Qui ?", "--index", other, cwd=indexed).returncode == 0


def test_a_missing_catalog_says_how_to_make_it_again(indexed: Path, tmp_path: Path) -> None:
    shutil.copytree(indexed / ".opcit", tmp_path / ".opcit")
    (tmp_path / ".opcit/catalog.sqlite").unlink()
    (tmp_path / ".opcit/last-good.sqlite").unlink()
    done = opcit("index", indexed / "docs", cwd=tmp_path)
    assert done.returncode == 1
    assert "catalog.sqlite is missing" in done.stderr
    assert "`opcit index DOCS --rebuild`" in done.stderr
    assert opcit("index", indexed / "docs", "--rebuild", cwd=tmp_path).returncode == 0
    assert opcit("verify", cwd=tmp_path).returncode == 0


def test_every_bad_file_is_named_and_the_rest_is_indexed(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "good.txt").write_text("Un bon texte sur le volcan.")
    bad = {
        "binary.txt": b"\x00\x01\x02\x03" * 50,
        "blank.md": b" \n\t\n",
        "broken.pdf": b"%PDF-1.7 broken",
        "broken.docx": b"PK\x03\x04 broken",
        "empty.html": b"<html></html>",
        "large.txt": b"x" * 2_000_000,
    }
    for name, content in bad.items():
        (docs / name).write_bytes(content)
    (docs / "outside.txt").symlink_to("/etc/hostname")
    done = opcit("index", "docs", cwd=tmp_path, OPCIT_MAX_FILE_MB="1")
    assert done.returncode == 0
    assert done.stdout == ".opcit: 1 added, 6 left out (1 passages embedded).\n"
    for name in bad:
        assert sum(name in line for line in done.stderr.splitlines()) == 1
    assert "Traceback" not in done.stderr
