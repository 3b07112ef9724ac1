"""Vectors and words: the values that a brute-force reference gives."""

import math
import unicodedata
from pathlib import Path

import numpy as np
import pytest

from index.catalog import PassageRow
from index.lexicon import translations
from index.types import Language, Passage, Selection
from index.vectors import FaissStore
from index.words import WordIndex, stems, wanted_stems


@pytest.fixture
def vectors() -> np.ndarray:
    drawn = np.random.default_rng(7).normal(size=(200, 32)).astype(np.float32)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def test_faiss_finds_what_brute_force_finds(vectors: np.ndarray) -> None:
    keys = list(range(1000, 1200))
    store = FaissStore.build(keys, vectors)
    for question in vectors[:20]:
        cosines = vectors @ question
        found = store.search(question, 5)
        assert found[0][0] == 1000 + int(np.argmax(cosines))
        for key, score in found:
            assert score == pytest.approx(cosines[key - 1000], abs=0.02)
        assert [score for _, score in found] == sorted((s for _, s in found), reverse=True)


def test_faiss_removes_adds_filters_and_saves(vectors: np.ndarray, tmp_path: Path) -> None:
    store = FaissStore.build(list(range(150)), vectors[:150])
    store.remove([3, 999])
    assert len(store) == 149
    assert 3 not in [key for key, _ in store.search(vectors[3], 149)]
    store.add([3], vectors[3:4])
    store.save(tmp_path / "v.faiss")
    loaded = FaissStore.load(tmp_path / "v.faiss")
    assert loaded.search(vectors[3], 1)[0][0] == 3
    assert {key for key, _ in loaded.search(vectors[3], 5, only(8, 9))} == {8, 9}
    assert loaded.search(vectors[3], 5, only()) == []
    others = [key for key, _ in loaded.search(vectors[3], 150, all_but(3, 9))]
    assert len(others) == 148
    assert not {3, 9} & {*others}


def test_a_large_store_finds_the_same_through_coarser_vectors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = np.random.default_rng(7).normal(size=(2000, 32)).astype(np.float32)
    vectors = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    small, large = (FaissStore.build(range(7, 907), vectors[:900]) for _ in range(2))
    for store in (small, large):
        if store is large:
            monkeypatch.setattr("index.vectors._COARSE_FROM", 1000)
        store.add(range(907, 1507), vectors[900:1500])
        store.remove([7, 60, 61, 5000])
        store.add(range(3000, 3500), vectors[1500:])
        store.save(tmp_path / f"{len(list(tmp_path.iterdir()))}.faiss")
    assert [path.name for path in tmp_path.glob("*.coarse")] == ["1.coarse"]
    large = FaissStore.load(tmp_path / "1.faiss")
    assert len(large) == len(small) == 1997
    asked = vectors[::10]
    found = [(large.search(vector, 10), small.search(vector, 10)) for vector in asked]
    assert all(one[0] == other[0] for one, other in found)
    same = sum(len({*one} & {*other}) for one, other in found)
    assert same > 0.95 * 10 * len(asked), "of the best ten, with their scores"
    among = only(8, 3001)
    assert large.search(vectors[0], 3, among) == small.search(vectors[0], 3, among)


def test_a_large_store_finds_what_takes_the_place_of_what_was_removed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("index.vectors._COARSE_FROM", 1000)
    drawn = np.random.default_rng(7).normal(size=(1109, 64)).astype(np.float32)
    vectors = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    store = FaissStore.build(range(1016), vectors[:1016])
    for turn in range(3):
        new = np.arange(1016 + 31 * turn, 1016 + 31 * (turn + 1))
        store.remove(range(31 * turn, 31 * (turn + 1)))
        store.add(new.tolist(), vectors[new])
        for key in new:
            assert store.search(vectors[key], 1)[0][0] == key
            assert store.search(vectors[key], 1, all_but(5, 6))[0][0] == key
    assert store.search(vectors[1050], 5, all_but(1050))[0][0] != 1050


def test_an_empty_store_finds_nothing(vectors: np.ndarray) -> None:
    store = FaissStore.build([], np.zeros((0, 32), dtype=np.float32))
    assert len(store) == 0
    assert store.search(vectors[0], 3) == []


def only(*keys: int) -> Selection:
    return Selection(np.array(keys, dtype=np.int64))


def all_but(*keys: int) -> Selection:
    return Selection(np.array(keys, dtype=np.int64), all_but=True)


def row(key: int, text: str, language: Language = "fr", document: int = 0) -> PassageRow:
    passage = Passage(f"d{document or key}", 0, len(text), text)
    return PassageRow(key, document or key, "", language, passage)


@pytest.fixture
def words(tmp_path: Path) -> WordIndex:
    index = WordIndex.create(tmp_path)
    index.change(
        [
            row(1, "L’œuvre d'Émile Zola, élève à Aix"),
            row(2, "Les œuvres complètes de Balzac et de Balzac"),
            row(3, "The works of Balzac were translated", "en"),
            row(4, "Une recette de soupe"),
        ],
        removed=[],
    )
    return index


def keys(found: list[tuple[int, float]]) -> set[int]:
    return {key for key, _ in found}


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("œuvre", {1, 2}),
        ("oeuvre", {1, 2}),
        ("l'oeuvre", {1, 2}),
        ("ELEVE", {1}),
        ("qu’Émile", {1}),
        ("balzac", {2, 3}),
        ("translating", {3}),
        ("qui est-ce", set()),
        ("", set()),
    ],
)
def test_words_fold_accents_ligatures_elision_and_inflection(
    words: WordIndex, question: str, expected: set[int]
) -> None:
    assert keys(words.search(question, "fr", 10)) == expected


def bm25(frequency: int, length: int) -> float:
    """A stem that stands in one of the 4 passages, whose French fields have 5, 4, 0 and 2 stems.

    Robertson & Zaragoza 2009, k1 = 1.2, b = 0.75.
    """
    rarity = math.log(1 + (4 - 1 + 0.5) / (1 + 0.5))
    return rarity * frequency * 2.2 / (frequency + 1.2 * (0.25 + 0.75 * length / (11 / 4)))


def test_scores_are_those_of_bm25(words: WordIndex) -> None:
    scores = dict(words.search("soupe Balzac", "fr", 10))
    assert scores[2] == pytest.approx(bm25(2, 4), rel=1e-3)
    assert scores[4] == pytest.approx(bm25(1, 2), rel=1e-3)


def test_words_whose_accents_stand_by_themselves_are_found(tmp_path: Path) -> None:
    text = unicodedata.normalize("NFD", "L'élection présidentielle à Genève.")
    assert stems(text, "fr") == stems(unicodedata.normalize("NFC", text), "fr")
    words = WordIndex.create(tmp_path)
    words.change([PassageRow(1, 1, "", "fr", Passage("a", 0, len(text), text))], removed=())
    for question in ("présidentielle", "presidentielle", "Genève"):
        assert keys(words.search(question, "fr", 10)) == {1}


def test_words_match_across_languages_by_their_translations(tmp_path: Path) -> None:
    index = WordIndex.create(tmp_path)
    index.change([row(1, "Le ministre démissionne"), row(2, "Une inondation à Vire")], removed=[])
    assert keys(index.search("Which minister resigned?", "en", 10)) == {1}
    assert keys(index.search("the flood in Vire", "en", 10)) == {2}
    weights = wanted_stems("flood", "en", "fr")["flood"]
    assert max(weights, key=weights.__getitem__) in ("flood", "inond")
    assert translations("minister", "en")["ministre"] == 1.0


def test_words_in_chosen_documents_and_after_a_removal(words: WordIndex, tmp_path: Path) -> None:
    assert keys(words.search("Balzac", "fr", 10, only(3))) == {3}
    assert words.search("Balzac", "fr", 10, only()) == []
    every = keys(words.search("Balzac", "fr", 10))
    assert keys(words.search("Balzac", "fr", 10, all_but(3))) == every - {3}
    words.change([row(5, "Balzac à Tours", document=2)], removed=[2])
    assert keys(words.search("Balzac", "fr", 10)) == {3, 5}
    assert len(WordIndex.open(tmp_path)) == 4


def test_stems_are_what_a_hand_would_write() -> None:
    assert stems("L'homme qu'il a vu aux États-Unis", "fr") == ["homm", "vu", "etat", "unis"]
    assert stems("The men's shoes", "en") == ["men", "shoe"]
