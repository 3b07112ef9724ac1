"""Question sets of every format, whole and broken."""

import gzip
import json
import lzma
from pathlib import Path
from typing import Any

import pytest

from eval.questions import Question, read
from qa import OpcitError

TEXT = "Crue de la Vire\n\nL’eau a atteint 3,5 mètres à Vire. Le préfet s'est rendu sur place.\n"
EVIDENCE = "L’eau a atteint 3,5 mètres à Vire."
ROW: dict[str, Any] = {
    "id": "s-1",
    "doc": "crue.txt",
    "question_fr": "Quelle hauteur l’eau a-t-elle atteinte ?",
    "question_en": "How high did the water rise?",
    "answer": "3,5 mètres",
    "answer_start": TEXT.index("3,5"),
    "evidence": EVIDENCE,
    "evidence_start": TEXT.index(EVIDENCE),
    "kind": "count",
    "answerable": True,
}
NONE: dict[str, Any] = {
    "id": "s-2",
    "doc": None,
    "question_fr": "Qui a peint la crue ?",
    "question_en": "Who painted the flood?",
    "answer": "",
    "answer_start": -1,
    "evidence": "",
    "evidence_start": -1,
    "kind": "none-near",
    "answerable": False,
    "about": "crue.txt",
}
FLAT = {
    "id": "x-1",
    "lang": "en",
    "title": "The_Vire",
    "question": "How high?",
    "context": "The water rose to 3.5 m. Then it rained.",
    "answers": ["3.5 m"],
    "impossible": False,
}


def lines(*rows: object) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_our_format_asks_each_row_in_both_languages(tmp_path: Path) -> None:
    found = read(write(tmp_path / "set.jsonl", lines(ROW, NONE)))
    french, english, none_french, none_english = found.questions
    assert found.name == "set.jsonl"
    assert found.documents == {}
    assert (french.id, french.row, french.language) == ("s-1/fr", "s-1", "fr")
    assert (english.id, english.row, english.language) == ("s-1/en", "s-1", "en")
    assert english.text == "How high did the water rise?"
    for question in (french, english):
        assert question.document_id == "crue.txt"
        assert question.kind == "count"
        assert question.answers == ("3,5 mètres",)
        assert question.answer_span
        assert question.evidence
        assert TEXT[slice(*question.answer_span)] == "3,5 mètres"
        assert TEXT[slice(*question.evidence)] == EVIDENCE
    assert none_french == Question(
        "s-2/fr", "s-2", "Qui a peint la crue ?", "fr", "none-near", False
    )
    assert none_english.language == "en"


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("set.jsonl", lambda data: data),
        ("set.jsonl.gz", gzip.compress),
        ("set.jsonl.xz", lzma.compress),
    ],
)
def test_packed_files_read_as_plain_ones(tmp_path: Path, name: str, pack: Any) -> None:
    path = tmp_path / name
    path.write_bytes(pack(b"\xef\xbb\xbf" + lines(ROW).encode()))
    assert [q.text for q in read(path).questions] == [ROW["question_fr"], ROW["question_en"]]


def test_a_row_may_ask_in_one_language_only(tmp_path: Path) -> None:
    row = {key: value for key, value in ROW.items() if key != "question_en"}
    assert [q.language for q in read(write(tmp_path / "s.jsonl", lines(row))).questions] == ["fr"]


def test_flat_rows_bring_their_contexts(tmp_path: Path) -> None:
    twice = FLAT | {"id": "x-2", "context": "3.5 m or 3.5 m?"}
    again = FLAT | {"id": "x-3", "question": "Who?", "answers": [], "impossible": True}
    found = read(write(tmp_path / "flat.jsonl", lines(FLAT, twice, again)))
    first, unclear, none = found.questions
    assert found.documents == {
        "The_Vire 00001.txt": FLAT["context"],
        "The_Vire 00002.txt": "3.5 m or 3.5 m?",
    }
    assert first.document_id == "The_Vire 00001.txt"
    assert first.answer_span == (18, 23)
    assert first.context == FLAT["context"]
    # Two places hold the answer, and nothing says which one is meant.
    assert unclear.answer_span is None
    assert unclear.answers == ("3.5 m",)
    assert none.answerable is False
    assert none.document_id == "The_Vire 00001.txt"


SQUAD = {
    "version": "v2.0",
    "data": [
        {
            "title": "Vire/fleuve",
            "paragraphs": [
                {
                    "context": "Aïe : l'eau a atteint 3,5 mètres.\r\nElle monte.",
                    "qas": [
                        {
                            "id": "q1",
                            "question": "Quelle est la hauteur de l'eau ?",
                            "answers": [
                                {"text": "3,5 mètres", "answer_start": 22},
                                {"text": "3,5", "answer_start": 22},
                            ],
                        },
                        {
                            "id": "q2",
                            "question": "Qui est le préfet ?",
                            "is_impossible": True,
                            "answers": [],
                            "plausible_answers": [{"text": "eau", "answer_start": 8}],
                        },
                    ],
                },
                {"context": "Rien.", "qas": []},
            ],
        }
    ],
}


def test_squad_with_and_without_answers(tmp_path: Path) -> None:
    found = read(write(tmp_path / "fquad.json", json.dumps(SQUAD)))
    first, none = found.questions
    assert list(found.documents) == ["Vire fleuve 00001.txt"]
    assert first.answers == ("3,5 mètres", "3,5")
    assert first.answer_span
    assert found.documents["Vire fleuve 00001.txt"][slice(*first.answer_span)] == "3,5 mètres"
    assert first.language == "fr"
    assert none.answerable is False
    assert none.answers == ()
    assert none.answer_span is None


def beir(folder: Path, **replaced: str) -> Path:
    files = {
        "corpus.jsonl": lines(
            {"_id": "a/1", "title": "Cat", "text": "It purrs."}, {"_id": "b", "text": "It barks."}
        ),
        "queries.jsonl": lines({"_id": "1", "text": "who purrs"}, {"_id": "2", "text": "unjudged"}),
        "test.tsv": "query-id\tcorpus-id\tscore\n1\ta/1\t2\n1\tb\t0\n",
    } | replaced
    (folder / "qrels").mkdir(parents=True)
    for name, text in files.items():
        write(folder / ("qrels" if name == "test.tsv" else ".") / name, text)
    return folder


def test_beir_folders_judge_documents(tmp_path: Path) -> None:
    found = read(beir(tmp_path / "nfcorpus"))
    (question,) = found.questions
    assert found.name == "nfcorpus"
    assert found.retrieval_only
    assert found.documents == {"0000001.txt": "Cat\n\nIt purrs.", "0000002.txt": "It barks."}
    assert (question.id, question.text, question.relevant) == ("1", "who purrs", ("0000001.txt",))


def test_narrowing_takes_rows_evenly_with_both_their_languages(tmp_path: Path) -> None:
    rows = [ROW | {"id": f"s-{n}"} for n in range(10)]
    found = read(write(tmp_path / "set.jsonl", lines(*rows)))
    few = found.narrowed(limit=3)
    assert [q.id for q in few.questions] == [
        "s-0/fr", "s-0/en", "s-3/fr", "s-3/en", "s-6/fr", "s-6/en"
    ]  # fmt: skip
    assert [q.id for q in found.narrowed("en", 2).questions] == ["s-0/en", "s-5/en"]
    assert found.narrowed(limit=99).questions == found.questions


def without(row: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != key}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "no question in it"),
        ("{", "line 1: not JSON"),
        ("\n[1]\n", "line 2: not a JSON object"),
        ('{"a": 1}', "line 1: not a question; expected `question_fr`"),
        (lines(ROW, ROW), "the question id 's-1/fr' occurs more than once"),
        (lines(ROW, without(NONE, "id")), "line 2: `id` must be a text"),
        (lines(without(ROW, "doc")), "line 1: `doc` must be a text"),
        (lines(ROW | {"answer": ""}), "line 1: `answer` must be a text"),
        (lines(ROW | {"answer_start": -1}), "line 1: `answer_start` must be an offset"),
        (lines(ROW | {"evidence_start": "12"}), "line 1: `evidence_start` must be an offset"),
        (lines(ROW | {"answerable": "yes"}), "line 1: `answerable` must be true or false"),
        (lines(ROW | {"question_fr": 7}), "line 1: `question_fr` must be a text"),
        (lines(FLAT | {"context": "  "}), "line 1: the context is empty"),
        (lines(FLAT | {"answers": "3.5 m"}), "line 1: `answers` must be a list of texts"),
        ('{"id": "\\ud800", "question_fr": "?"}', "line 1: `id` holds half a character"),
    ],
)
def test_broken_lines_are_named(tmp_path: Path, text: str, sentence: str) -> None:
    path = write(tmp_path / "set.jsonl", text)
    with pytest.raises(OpcitError, match=r"set\.jsonl") as raised:
        read(path)
    assert sentence in str(raised.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[]", "not a JSON object"),
        ("nothing", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("{}", "`data` must be a list of objects"),
        ('{"data": [3]}', "`data` must be a list of objects"),
        ('{"data": []}', "no question in it"),
        ('{"data": [{"paragraphs": 1}]}', "data 1: `paragraphs` must be a list of objects"),
        (
            '{"data": [{"paragraphs": [{"context": "c", "qas": [{"question": "q"}]}]}]}',
            "data 1, paragraphs 1, qas 1: `id` must be a text",
        ),
        (
            json.dumps(SQUAD).replace("22", '"far"'),
            "data 1, paragraphs 1, qas 1, answers 1: `answer_start` must be an offset",
        ),
    ],
)
def test_broken_squad_is_named(tmp_path: Path, text: str, sentence: str) -> None:
    path = write(tmp_path / "squad.json", text)
    with pytest.raises(OpcitError, match=r"squad\.json") as raised:
        read(path)
    assert sentence in str(raised.value)


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("test.tsv", "head\n1 a 1\n", "test.tsv, line 2: expected query, document and score"),
        ("test.tsv", "head\n1\tb\tmuch\n", "test.tsv, line 2: expected query, document and score"),
        ("test.tsv", "head\n1\tc\t1\n", "test.tsv, line 2: 'c' is not in corpus.jsonl"),
        ("test.tsv", "", "no question in it"),
        ("corpus.jsonl", "{}", "corpus.jsonl, line 1: `_id` must be a text"),
        ("queries.jsonl", '{"_id": "1"}', "queries.jsonl, line 1: `text` must be a text"),
    ],
)
def test_broken_beir_is_named(tmp_path: Path, name: str, text: str, sentence: str) -> None:
    folder = beir(tmp_path / "set", **{name: text})
    with pytest.raises(OpcitError) as raised:
        read(folder)
    assert sentence in str(raised.value)


@pytest.mark.parametrize(
    ("name", "data", "sentence"),
    [
        ("set.jsonl", b"\xff\xfe\x00", "cannot be read"),
        ("set.jsonl.gz", b"not gzip", "cannot be read"),
        ("set.jsonl.gz", gzip.compress(lines(ROW).encode() * 50)[:-20], "cannot be read"),
        ("set.jsonl.xz", b"not xz", "cannot be read"),
        ("set.csv", b"a,b", "not a question set"),
    ],
)
def test_foreign_bytes_are_one_sentence(
    tmp_path: Path, name: str, data: bytes, sentence: str
) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(OpcitError, match=sentence):
        read(path)


@pytest.mark.parametrize("name", ["none.jsonl", "none.json", "none", "folder"])
def test_what_is_missing_is_said(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OpcitError, match="there is no such file"):
        read(tmp_path / name)
