"""`python -m eval`: tables, files, statuses; the report as a page."""

import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from eval import __main__ as command
from eval import report
from eval.summary import summarise
from qa import Answer, Citation, Document, Hit, OpcitError, Passage

ATTACK = "<script>alert('é')</script> & $x_1$ [bold]"
TEXT = f"Crue de la Vire\n\nL’eau a atteint 3,5 mètres. {ATTACK}\n"
ANSWER = TEXT.index("3,5")


class FakeAssistant:
    """Finds the sentence about the water for any question with the word for it, else nothing."""

    @classmethod
    def open(cls, folder: Path) -> "FakeAssistant":
        if not folder.is_dir():
            raise OpcitError(f"{folder}: there is no index here; make one with opcit index DOCS.")
        return cls()

    def ask(self, question: str) -> Answer:
        if "eau" not in question and "water" not in question:
            return Answer(question, "fr", "Rien.", (), 0.125, ())
        start, end = TEXT.index("L’eau"), len(TEXT) - 1
        cited = Citation("crue.txt", start, end, TEXT[start:end], "", "", None, None, None)
        return Answer(question, "fr", ATTACK, (cited,), 0.875, ())

    def search(self, question: str, k: int = 10) -> list[Hit]:
        found = Hit(Passage("crue.txt", 17, len(TEXT), TEXT[17:]), 1.0)
        return [found][:k] if "eau" in question else []

    def document(self, document_id: str) -> Document | None:
        return Document("crue.txt", TEXT, "", "", "fr", None) if document_id == "crue.txt" else None


ROW: dict[str, Any] = {
    "id": ATTACK,
    "doc": "crue.txt",
    "question_fr": f"Quelle hauteur l'eau a-t-elle atteinte ? {ATTACK}",
    "question_en": "How high did it rise?",
    "answer": "3,5 mètres",
    "answer_start": ANSWER,
    "evidence": "",
    "evidence_start": -1,
    "kind": ATTACK,
    "answerable": True,
}
NONE: dict[str, Any] = {
    "id": "none",
    "question_fr": "Qui ?",
    "question_en": "Who drank the water?",
    "kind": "none-far",
    "answerable": False,
}


@pytest.fixture
def questions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A question set beside an index folder that the fake assistant opens."""
    monkeypatch.setattr(command, "Assistant", FakeAssistant)
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".opcit").mkdir()
    path = tmp_path / "set.jsonl"
    path.write_text(f"{json.dumps(ROW)}\n{json.dumps(NONE)}\n", encoding="utf-8")
    return path


class Ran:
    """What a command printed and its exit status."""

    def __init__(self, status: object, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err


@pytest.fixture
def evaluate(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    def call(*arguments: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["eval", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            command.main()
        return Ran(ended.value.code, *capsys.readouterr())

    return call


def cells(table: str, label: str) -> list[str]:
    """The cells of the first line that begins with the label."""
    line = next(line for line in table.splitlines() if line.strip().startswith(label))
    return re.split(r"\s{2,}", line.strip())


def test_figures_go_to_stdout_and_progress_to_stderr(questions: Path, evaluate: Any) -> None:
    ran = evaluate(questions)
    assert ran.status == 0
    assert "Asking" in ran.err
    assert "Asking" not in ran.out
    assert cells(ran.out, "set.jsonl") == ["set.jsonl"]
    assert cells(ran.out, "nDCG@10") == [
        "nDCG@10", "1.000 [1.000 1.000]", ".000 [.000 .000]", ".500 [.500 .500]",
    ]  # fmt: skip
    assert cells(ran.out, "abstained if not")[1:3] == ["1.000 [1.000 1.000]", ".000 [.000 .000]"]
    assert cells(ran.out, "citations exact")[1] == "1.000 [1.000 1.000]"
    # A kind with brackets in its name is text, not markup.
    assert "[bold]" in ran.out
    assert "By kind, fr" in ran.out
    assert "By kind, both" not in ran.out


def test_language_and_limit_narrow_the_set(questions: Path, evaluate: Any) -> None:
    ran = evaluate(questions, "--language", "en", "--limit", "1")
    assert ran.status == 0
    assert "en (1)" in ran.out
    assert "fr (" not in ran.out


def test_the_json_file_holds_rows_and_figures(questions: Path, evaluate: Any) -> None:
    assert evaluate(questions, "--json", "run.json").status == 0
    saved = json.loads(Path("run.json").read_text(encoding="utf-8"))
    assert saved["format"] == "opcit-eval 1"
    assert saved["set"] == "set.jsonl"
    assert [row["id"] for row in saved["rows"]] == [
        f"{ATTACK}/fr", f"{ATTACK}/en", "none/fr", "none/en"
    ]  # fmt: skip
    first = saved["rows"][0]
    assert first["cited"][0]["text"] == TEXT[17:-1]
    assert first["gold"]["text"] == "3,5 mètres"
    assert saved["summaries"][0]["figures"]["ndcg"] == {"value": 1.0, "low": 1.0, "high": 1.0}


def test_the_configured_index_is_asked(
    questions: Path, evaluate: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (questions.parent / ".opcit").rmdir()
    (questions.parent / "other").mkdir()
    monkeypatch.setenv("OPCIT_INDEX", "other")
    assert evaluate(questions).status == 0
    monkeypatch.delenv("OPCIT_INDEX")
    assert "there is no index here" in evaluate(questions).err
    questions.with_name("opcit.toml").write_text('index = "other"')
    assert evaluate(questions).status == 0
    questions.with_name("opcit.toml").write_text("colour = 1")
    assert evaluate(questions).err.startswith("Error: The setting colour is not valid")


def test_two_runs_are_compared(questions: Path, evaluate: Any) -> None:
    evaluate(questions, "--json", "a.json")
    evaluate(questions, "--language", "fr", "--json", "b.json")
    ran = evaluate("--compare", "a.json", "b.json")
    assert ran.status == 0
    assert "compared on the 2 questions in both, of 4" in ran.err
    assert cells(ran.out, "nDCG@10") == [
        "nDCG@10", "1.000", "1.000", "+.000 [+.000 +.000]", "not shown",
    ]  # fmt: skip
    saved = json.loads(Path("b.json").read_text(encoding="utf-8"))
    for row in saved["rows"]:
        row["ndcg"] = row["ndcg"] and row["ndcg"] / 2
        row["seconds"] = row["seconds"] - 1
    Path("c.json").write_text(json.dumps(saved), encoding="utf-8")
    ran = evaluate("--compare", "b.json", "c.json")
    assert cells(ran.out, "nDCG@10")[-2:] == ["-.500 [-.500 -.500]", "worse"]
    assert cells(ran.out, "time p50, ms")[-1] == "better"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["none.jsonl"], "none.jsonl: there is no such file"),
        (["broken.jsonl"], "broken.jsonl, line 1: not JSON"),
        (["set.jsonl", "--index", "nowhere"], "nowhere: there is no index here"),
        (["foreign.jsonl"], "none of the 1 answerable questions' documents is in this index"),
        (["french.jsonl", "--language", "en"], "french.jsonl: no question in that language"),
        (["set.jsonl", "--json", "no/run.json"], "no/run.json: its folder does not exist"),
        (["set.jsonl", "--html", "no/run.html"], "no/run.html: its folder does not exist"),
        (["set.jsonl", "--json", ".opcit"], ".opcit: cannot be written"),
        (["--compare", "none.json", "set.jsonl"], "none.json: cannot be read"),
        (["--compare", "set.jsonl", "set.jsonl"], "set.jsonl: not a file that `--json`"),
        (["--compare", "list.json", "list.json"], "list.json: not a file that `--json`"),
        (["--compare", "old.json", "old.json"], "old.json: written by another version"),
        (["--compare", "rows.json", "rows.json"], "rows.json: not a file that `--json`"),
        (["--compare", "empty.json", "empty.json"], "have no question in common"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    questions: Path, evaluate: Any, arguments: list[str], sentence: str
) -> None:
    saved = {"format": "opcit-eval 1", "set": "s", "notices": []}
    files = {
        "broken.jsonl": '{"id": ',
        "foreign.jsonl": json.dumps(ROW | {"doc": "other.txt"}),
        "french.jsonl": json.dumps({k: v for k, v in ROW.items() if k != "question_en"}),
        "list.json": "[]",
        "old.json": '{"format": "opcit-eval 0"}',
        "rows.json": json.dumps(saved | {"rows": [{"id": 1}]}),
        "empty.json": json.dumps(saved | {"rows": []}),
    }
    for name, text in files.items():
        questions.with_name(name).write_text(text, encoding="utf-8")
    ran = evaluate(*arguments)
    assert ran.status == 1
    assert sentence in ran.err
    assert "Traceback" not in ran.err
    assert ran.err.strip().splitlines()[-1].startswith("Error: ")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["set.jsonl", "--compare", "a.json", "b.json"],
        ["set.jsonl", "--limit", "0"],
        ["set.jsonl", "--language", "de"],
        ["set.jsonl", "--unknown"],
        ["--compare", "a.json"],
    ],
)
def test_wrong_usage_is_status_2(evaluate: Any, arguments: list[str]) -> None:
    assert evaluate(*arguments).status == 2


def test_help_names_every_option(evaluate: Any) -> None:
    ran = evaluate("--help")
    assert ran.status == 0
    for option in ("--index", "--json", "--html", "--limit", "--language", "--compare"):
        assert option in ran.out


# --- the report -------------------------------------------------------------------------------


class Page(HTMLParser):
    """Tags, ids and visible text of a page; fails on tags that are not closed in order."""

    void = frozenset(("meta", "br", "use", "path"))

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self.void:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.void:
            assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.fixture
def html(questions: Path, evaluate: Any) -> str:
    assert evaluate(questions, "--html", "report.html").status == 0
    return questions.with_name("report.html").read_text(encoding="utf-8")


def test_the_report_is_one_page_that_needs_no_other(html: str) -> None:
    page = Page(html)
    assert page.tags.count("svg") == 4
    assert "script" not in page.tags
    links = [value for name, value in page.attributes if name in ("src", "href", "xlink:href")]
    assert all(link and link.startswith("#") for link in links)
    assert "url(#" in html
    assert not re.search(r"url\((?!#)|@import", html)
    ids = [value for name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    # Every reference inside the plots has its target, after ids were made distinct.
    assert {link[1:] for link in links if link} <= set(ids)
    assert set(re.findall(r"url\(#([^)]+)\)", html)) <= set(ids)


def test_the_report_shows_foreign_text_as_text(html: str) -> None:
    assert "<script>" not in html
    text = "".join(Page(html).texts)
    assert text.count(ATTACK) >= 4
    assert "$x_1$" in "".join(re.findall(r"<svg.*?</svg>", html, re.DOTALL))


def test_the_report_tells_the_worst_questions(html: str) -> None:
    articles = re.findall(r"<article.*?</article>", html, re.DOTALL)
    # The wrong answer first, then the answerable question left without one.
    assert ["Who drank the water?" in articles[0], "How high did it rise?" in articles[1]] == [
        True, True
    ]  # fmt: skip
    assert len(articles) == 2
    assert "not in the documents" in articles[0]
    assert "3,5 mètres" in articles[1]
    assert "nothing" in articles[1]


def test_the_report_holds_no_date_and_can_be_repeated(questions: Path, evaluate: Any) -> None:
    evaluate(questions, "--json", "run.json")
    run = command._load(Path("run.json"))
    pages = [report.render(run, summarise(run.rows), "1.0") for _ in range(2)]
    assert pages[0] == pages[1]
    assert not re.search(r"dc:date|20\d\d-\d\d-\d\d", pages[0])


def test_without_matplotlib_the_report_names_the_extra(
    questions: Path, evaluate: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    ran = evaluate(questions, "--html", "report.html")
    assert ran.status == 1
    assert ran.err == (
        "Error: The HTML report needs matplotlib; run `pip install -e '.[eval]'` in the clone, or"
        " leave --html out.\n"
    )
    assert evaluate(questions).status == 0


def test_a_set_that_ranks_documents_has_a_report_too(
    questions: Path, evaluate: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = questions.with_name("beir")
    (folder / "qrels").mkdir(parents=True)
    (folder / "corpus.jsonl").write_text('{"_id": "d", "text": "x"}', encoding="utf-8")
    (folder / "queries.jsonl").write_text('{"_id": "q", "text": "<i>?"}', encoding="utf-8")
    (folder / "qrels/test.tsv").write_text("q\td\ts\nq\td\t1\n", encoding="utf-8")
    document = Document("0000001.txt", "x", "", "", "en", None)
    monkeypatch.setattr(FakeAssistant, "document", lambda *_: document)
    ran = evaluate(folder, "--index", ".opcit", "--html", "report.html")
    assert ran.status == 0
    assert "nDCG@10" in ran.out
    assert "token F1" not in ran.out
    page = Page(Path("report.html").read_text(encoding="utf-8"))
    assert page.tags.count("svg") == 2
    assert "<i>?" in page.texts


# --- the real assistant -----------------------------------------------------------------------


def test_a_squad_file_is_indexed_and_asked_for_real(tmp_path: Path, evaluate: Any) -> None:
    contexts = [
        "La crue a surpris la ville. L’eau a atteint 3,5 mètres à Vire.\r\n",
        "Le musée rouvre mardi. Sa directrice, Anna Weiss, attend 1 200 visiteurs.",
    ]
    asked = [("Quelle hauteur l'eau a-t-elle atteinte à Vire ?", "3,5 mètres"),
             ("Qui est la directrice du musée ?", "Anna Weiss")]  # fmt: skip
    paragraphs = [
        {
            "context": context,
            "qas": [
                {
                    "id": answer,
                    "question": question,
                    "answers": [{"text": answer, "answer_start": context.index(answer)}],
                }
            ],
        }
        for context, (question, answer) in zip(contexts, asked, strict=True)
    ]
    squad = tmp_path / "squad.json"
    squad.write_text(json.dumps({"data": [{"title": "Vire", "paragraphs": paragraphs}]}))
    ran = evaluate(squad, "--json", tmp_path / "run.json")
    assert ran.status == 0
    assert "do not stand where the set says" not in ran.err
    rows = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))["rows"]
    assert [row["rank"] for row in rows] == [1, 1]
    assert [row["gold"]["text"] for row in rows] == ["3,5 mètres", "Anna Weiss"]
    assert all(row["citations_exact"] in (None, 1.0) for row in rows)
