"""Reading a passage with the question: the sentence that answers, its words, and the order."""

import unicodedata
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index import CrossEncoder, EncoderError, Hit, Index, Passage, Window, default_model
from index import sentence_spans as spans_of
from qa import reading
from qa.extractive import ExtractiveReader, _reordered
from qa.reading import PassageReader, _joined, _readings

PASSAGE = (
    "La bibliothèque de Genval a rouvert mardi. Sa directrice, Anne Delvaux, a accueilli "
    "1 200 visiteurs. Les travaux ont duré trois ans."
)
READER = PassageReader()


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Qui est la directrice de la bibliothèque ?", "Anne Delvaux"),
        ("Who is the director of the library?", "Anne Delvaux"),
        ("Combien de visiteurs sont venus ?", "1 200"),
        ("How long did the works last?", "trois ans"),
    ],
)
def test_the_answer_is_read_in_its_sentence(question: str, answer: str) -> None:
    (found,) = READER.read(question, [PASSAGE], [spans_of(PASSAGE)])
    best = max(found, key=lambda one: one.evidence)
    assert answer in PASSAGE[slice(*best.answer)]
    assert sum(np.exp(one.share) for one in found) <= 1 + 1e-4


def test_the_scores_of_windows_by_hand() -> None:
    text = "Un chat. Le port."
    tokens = [(0, 2), (3, 7), (7, 8), (9, 11), (12, 16), (16, 17)]
    scores = np.zeros((6, 4), dtype=np.float32)
    scores[3:, 1] = 3.0  # each token of the second sentence
    scores[4, 2], scores[4, 3] = 2.0, 1.5  # "port" begins and ends the answer
    window = Window(np.array([1.0, 0, 0, 0], np.float32), scores, np.array(tokens))
    first, second = _readings(text, [(0, 8), (9, 17)], [window])
    assert (first.evidence, second.evidence) == (-1.0, 2.0)
    assert second.share == pytest.approx(3 - np.log(np.e + 1 + np.e**3))
    assert (text[slice(*second.answer)], second.answer_score) == ("port", 3.5)


def test_a_long_text_is_read_to_its_end() -> None:
    text = "Rien ne se passe ici. " * 100 + "Le maire s'appelle Paul Durand."
    (found,) = READER.read("Comment s'appelle le maire ?", [text], [spans_of(text)])
    best = max(found, key=lambda one: one.evidence)
    assert "Paul Durand" in text[slice(*best.answer)]


@pytest.mark.parametrize("before", ["Nous avons relu les comptes de la ville. " * 48, "1 2 " * 490])
def test_of_a_long_question_the_end_is_read(before: str) -> None:
    question = f"{before}Qui est la directrice ?"
    assert 1900 < len(question) < 2100
    (found,) = READER.read(question, [PASSAGE], [spans_of(PASSAGE)])
    best = max(found, key=lambda one: one.evidence)
    assert "Anne Delvaux" in PASSAGE[slice(*best.answer)]


@settings(max_examples=25, deadline=None)
@given(st.text(max_size=120))
def test_an_answer_lies_in_its_sentence(text: str) -> None:
    sentences = spans_of(text)
    (found,) = READER.read("Qui ?", [text], [sentences])
    assert len(found) == len(sentences)
    for (start, end), one in zip(sentences, found, strict=True):
        assert start <= one.answer[0] < one.answer[1] <= end


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("Un e\u0301te\u0301 froid.", 5),  # after the accent
        ("Un e\u0301te\u0301 froid.", 4),  # before it
        ("Un e\u0301te\u0301 froid.", 6),
        ("C'est l'e\u0301te\u0301.", 9),
        ("Le Co\u0302te d'Azur.", 6),
        ("Un été froid.", 4),
        ("Elle a 1\u20e3 point.", 8),
    ],
)
def test_no_place_between_a_letter_and_its_accents_ends_a_word(text: str, inside: int) -> None:
    assert _joined(text, inside)


def test_decomposed_accents_do_not_cut_an_answer() -> None:
    text = unicodedata.normalize("NFD", "L'été gelé.")
    tokens = [(0, 1), (1, 2), (2, 3), (3, 4), (4, 6), (6, 7), (8, 12), (12, 13), (13, 14)]
    scores = np.zeros((9, 4), dtype=np.float32)
    scores[3, 2], scores[2, 2] = 9.0, 5.0  # it would begin at an accent, else before its letter
    scores[4, 3] = 9.0  # and end before one
    window = Window(np.zeros(4, np.float32), scores, np.array(tokens))
    (found,) = _readings(text, [(0, len(text))], [window])
    assert unicodedata.normalize("NFC", text[slice(*found.answer)]) == "été"
    assert found.answer_score == 14.0


@settings(deadline=None)
@given(st.text("ae\u0301\u0302 1,'", min_size=1, max_size=12), st.data())
def test_an_answer_cuts_no_word(text: str, data: st.DataObject) -> None:
    bounds = st.integers(0, len(text))
    cuts = sorted({0, len(text), *data.draw(st.lists(bounds))})
    tokens = np.array([*pairwise(cuts)])
    scores = np.array(data.draw(st.lists(st.integers(0, 9), min_size=4 * len(tokens))))
    window = Window(np.zeros(4, np.float32), scores[: 4 * len(tokens)].reshape(-1, 4), tokens)
    (found,) = _readings(text, [(0, len(text))], [window])
    assert not any(_joined(text, place) for place in found.answer)


def test_reading_reorders_and_loses_no_passage(index: Index) -> None:
    hits = [Hit(Passage("d", n, n + 1, str(n)), 1 - n / 10) for n in range(4)]
    moved = _reordered(hits, [hits[2], hits[2], hits[0]])
    assert [hit.passage.start for hit in moved] == [2, 0, 1, 3]
    assert [hit.score for hit in moved] == [hit.score for hit in hits]
    assert ExtractiveReader(index).read("Qui ?", []).findings == []


def test_damaged_weights_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    monkeypatch.setattr(reading, "_FOLDER", tmp_path)
    with pytest.raises(EncoderError, match="install Opcit again"):
        PassageReader().read("Qui ?", ["Anne."], [[(0, 5)]])
    with pytest.raises(KeyError):
        CrossEncoder(tmp_path, Path(default_model()))
