"""The recipe of the reader, on made-up texts and for seconds."""

import gzip
import json
import lzma
import random
from pathlib import Path

import numpy as np
import pytest
import torch

from index import Hit, Passage, SentenceTransformerEmbedder, default_model, sentence_spans
from qa.extractive import Sentence
from training import examples, others, reader, reading
from training.student import Encoder

TEXT = (
    "Le pont de Saint-Aubin\n\nLe pont a été ouvert le 3 mai 1994 par la maire Odile Ferrand. "
    "Il a coûté 12 millions de francs. Les riverains de Montreuil avaient attendu onze ans."
)
LAW = [
    {
        "heading_fr": f"Titre {number}",
        "heading_en": f"Heading {number}",
        "text_fr": f"La disposition {number} s'applique à tous. Elle vaut sans délai.",
        "text_en": f"Provision {number} applies to everybody. It holds without delay.",
    }
    for number in "un deux trois quatre".split()
]


def test_a_cloze_asks_for_what_was_taken_out_of_its_sentence() -> None:
    chance = random.Random(1)
    drawn = [one for _ in range(200) if (one := examples.cloze(TEXT, "fr", chance))]
    answers = {one.text[slice(*one.answer)] for one in drawn if one.answer}
    assert {"3 mai 1994", "Odile Ferrand", "Montreuil"} <= answers
    for one in drawn:
        if one.answer is None:
            assert not one.right
            assert one.text != TEXT
        else:
            (right,) = one.right
            start, end = one.sentences[right]
            assert start <= one.answer[0] < one.answer[1] <= end
            assert one.text[slice(*one.answer)] not in one.question


def test_a_heading_is_answered_by_its_own_provision_only() -> None:
    chance = random.Random(1)
    drawn = [one for _ in range(100) if (one := examples.heading(LAW, chance))]
    assert any(not one.right for one in drawn)
    for one in drawn:
        number = one.question.split()[1]
        held = [number in one.text[start:end] for start, end in one.sentences]
        assert held.index(True) == one.right[0] if one.right else not any(held)


def test_a_mixed_text_keeps_what_answers() -> None:
    start = TEXT.index("12 millions")
    answer = (start, start + len("12 millions de francs"))
    one = examples.Example("Combien ?", TEXT, sentence_spans(TEXT), [2], answer)
    foreign = ["Le tunnel est long.", "La gare est close."]
    chance = random.Random(1)
    drawn = [examples.mixed(one, foreign, chance) for _ in range(100)]
    for mixed in drawn:
        (right,) = mixed.right
        assert mixed.text[slice(*mixed.sentences[right])] == TEXT[slice(*one.sentences[2])]
        assert mixed.answer and mixed.text[slice(*mixed.answer)] == "12 millions de francs"
    assert any(foreign[0] in mixed.text for mixed in drawn)
    assert any("riverains" not in mixed.text for mixed in drawn)


def test_a_question_is_reworded_with_kindred_words_and_translations() -> None:
    chance = random.Random(1)
    question = "Combien de personnes travaillent dans cette usine ?"
    drawn = {examples.reworded(question, "fr", chance) for _ in range(50)}
    assert len(drawn) > 20
    assert any("people" in one.split() for one in drawn)
    assert all(len(one.split()) >= len(question.split()) for one in drawn)


def test_a_text_and_its_translation_are_kept_aside_together() -> None:
    names = [f"europarl/{number}" for number in range(100)]
    aside = [name for name in names if examples.kept_aside(f"{name}.fr.txt")]
    assert aside == [name for name in names if examples.kept_aside(f"{name}.en.txt")]
    assert 5 < len(aside) < 40


def test_the_questions_of_our_own_texts_point_into_them() -> None:
    rows = [json.loads(line) for line in examples.OWN_QUESTIONS.read_text("utf-8").splitlines()]
    own = {f"texts/{path.name}": path.read_text("utf-8") for path in others.OWN_TEXTS.iterdir()}
    asked = [row for row in rows if row["doc"] in own]
    assert len(asked) > 100
    for row in asked:
        start, end = row["evidence_start"], row["evidence_start"] + row["evidence_length"]
        first, last = row["answer_start"], row["answer_start"] + row["answer_length"]
        text = own[row["doc"]]
        assert start <= first < last <= end <= len(text)
        assert text[first:last].strip() == text[first:last]
        assert any(a < last and first < b for a, b in sentence_spans(text))


def test_other_texts_are_read_and_indexed(tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "corpora").mkdir(parents=True)
    (data / "parallel").mkdir()
    row = {"id": "ep#1", "fr": "Le budget est voté.", "en": "The budget is adopted."}
    lines = json.dumps(row, ensure_ascii=False) + "\n"

    with lzma.open(data / "corpora/europarl-paragraphs.jsonl.xz", "wt", encoding="utf-8") as file:
        file.write(lines)
    with lzma.open(data / "parallel/laws-headings.jsonl.xz", "wt", encoding="utf-8") as file:
        for part in LAW:
            words = {"text_fr": part["text_fr"] * 3, "file": "a/B-1.xml", "law_fr": "Loi sur B"}
            file.write(json.dumps({**part, **words, "law_en": "B Act"}, ensure_ascii=False) + "\n")
    (data / "questions").mkdir()
    with gzip.open(data / "questions/xquad-en.jsonl.gz", "wt", encoding="utf-8") as file:
        for context in ("First.", "First.", "Second."):
            file.write(json.dumps({"context": context}) + "\n")
    names = {"europarl/ep#1.en.txt", "laws/a_B-1.fr.txt", "xquad/001.en.txt", "2016_01_01-001.txt"}
    texts = others.texts(data, names)
    assert {*texts} == names - {"2016_01_01-001.txt"}
    assert texts["europarl/ep#1.en.txt"] == row["en"]
    assert texts["xquad/001.en.txt"] == "Second."
    assert texts["laws/a_B-1.fr.txt"].startswith("Loi sur B\n\nTitre un\nLa disposition un")
    index = others.index_of(texts, tmp_path, SentenceTransformerEmbedder(default_model()))
    assert {entry.id for entry in index.entries()} == {*texts}


def test_training_lowers_the_loss_and_is_taken_up_again(tmp_path: Path) -> None:
    random.seed(0)
    torch.manual_seed(0)
    model = reading.Cross(Encoder.load(Path(default_model())))
    sentences = sentence_spans(TEXT)
    start = TEXT.index("12 millions")
    answered = examples.Example(
        "Combien le pont a-t-il coûté ?", TEXT, sentences, [2], (start, start + 11)
    )
    questions = [
        [answered, examples.unanswered(answered.question, "Le tunnel a coûté cher.")],
        [examples.unanswered("Qui a dessiné le tunnel de la gare ?", TEXT)],
    ]
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-4)
    losses = []
    for _ in range(8):
        terms = torch.stack(reading.loss(model, questions))
        optimizer.zero_grad()
        terms.sum().backward()
        optimizer.step()
        losses.append(terms.sum().item())
    assert losses[-1] < losses[0] / 2
    reading.save(model, tmp_path)
    again = reading.Cross(Encoder.load(Path(default_model())))
    reading.load(again, tmp_path)
    with torch.no_grad():
        # Eight bits keep little of so few steps.
        assert torch.stack(reading.loss(again, questions)).sum() < 0.8 * losses[0]


def sentence(*features: float) -> Sentence:
    hit = Hit(Passage("d", 0, 4, "Oui."), 1.0)
    return Sentence(hit, 0, 4, (0, 3), np.array(features))


@pytest.fixture
def cases() -> list[reader.Case]:
    """The first feature tells the right sentence, and is low where none is; the rest is noise."""
    drawn = np.random.default_rng(3)
    made = []
    for number in range(200):
        answerable = number % 4 != 0
        noise = drawn.normal(size=(3, 5))
        tells = np.array([2.0 if answerable else 0.0, 0.0, 0.0]) + drawn.normal(size=3) / 4
        sentences = [sentence(told, *rest) for told, rest in zip(tells, noise, strict=True)]
        right = np.array([answerable, False, False])
        language = ("fr", "en")[number // 4 % 2]
        made.append(reader.Case(language, "d" if answerable else None, sentences, right))
    return made


def test_the_fits_find_what_tells(cases: list[reader.Case]) -> None:
    weights = reader.fit_sentences(cases)
    assert weights[0] > 5 * np.abs(weights[1:]).max()
    confidence = reader.fit_confidence(cases, cases, weights)
    threshold = reader.choose_threshold(cases, weights, confidence)
    assert 0 < threshold < 1
    for language, fitted in confidence.items():
        assert (fitted[:-1] >= 0).all()
        likely: dict[bool, list[float]] = {True: [], False: []}
        for case in cases:
            if case.language == language:
                scores = np.stack([one.features for one in case.sentences]) @ weights
                known = reader.confidence_features(case.sentences, scores)
                likely[case.document_id is not None].append(float(known @ fitted))
        assert np.mean(likely[True]) > np.mean(likely[False]) + 1
