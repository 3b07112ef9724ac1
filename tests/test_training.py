"""The recipe of the built-in encoder, on made-up texts and for seconds."""

import itertools
import json
import lzma
import random
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from index import default_model
from index.bert import BertEncoder
from training import corpora, distil, lexicon, measure, passages, vocabulary
from training.__main__ import start
from training.student import Encoder, blend, save, teacher_folder

WHO = {
    "le chat": "the cat",
    "la ministre": "the minister",
    "mon frère": "my brother",
    "le médecin": "the doctor",
    "la voisine": "the neighbour",
    "un pêcheur": "a fisherman",
    "l'ouvrier": "the worker",
    "la reine": "the queen",
}
DOES = {
    "mange": "eats",
    "vend": "sells",
    "cherche": "seeks",
    "regarde": "watches",
    "achète": "buys",
    "oublie": "forgets",
}
WHAT = {
    "une pomme rouge": "a red apple",
    "deux œufs": "two eggs",
    "le journal": "the newspaper",
    "sa maison": "his house",
    "la clé du jardin": "the key to the garden",
    "trois poissons": "three fish",
    "un vieux bateau": "an old boat",
}
PAIRS = [
    (f"{' '.join(french).capitalize()}.", f"{' '.join(english).capitalize()}.")
    for french, english in (
        zip(*parts, strict=True)
        for parts in itertools.product(WHO.items(), DOES.items(), WHAT.items())
    )
]


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a data folder of 336 pairs in it, and a started student of two layers."""
    folder = tmp_path_factory.mktemp("work")
    (folder / "data" / "parallel").mkdir(parents=True)
    lines = [f"{french}\t{english}\n" for french, english in PAIRS]
    path = folder / "data" / "parallel" / "europarl.tsv"
    path.write_text("".join(lines), encoding="utf-8")
    start(folder / "data", folder, french_pieces=300, layers=[0, 5])
    return folder


def put(path: Path, rows: list[dict[str, object]]) -> None:
    """Write rows as JSON lines, packed where the name says so."""
    path.parent.mkdir(exist_ok=True)
    lines = "".join(f"{json.dumps(row)}\n" for row in rows).encode()
    path.write_bytes(lzma.compress(lines) if path.suffix == ".xz" else lines)


def nearness(encoder: Encoder) -> float:
    """The mean cosine of the pairs."""
    french, english = (encoder.vectors(list(side)) for side in zip(*PAIRS, strict=True))
    return float((french * english).sum(axis=1).mean())


@pytest.fixture(scope="module")
def trained(work: Path) -> tuple[Encoder, list[float]]:
    student = Encoder.load(work / "start")
    schedule = distil.Schedule(steps=24, tokens=600, learning_rate=3e-4)
    teacher = Encoder.load(teacher_folder())
    sources = {"europarl": PAIRS}
    losses = distil.train(student, teacher, sources, None, schedule, work, lambda _: None)
    return student, losses


def test_training_lowers_the_loss_and_draws_translations_together(
    work: Path, trained: tuple[Encoder, list[float]]
) -> None:
    student, losses = trained
    assert np.mean(losses[-5:]) < 0.7 * np.mean(losses[:3])
    assert nearness(student) > nearness(Encoder.load(work / "start"))


def test_the_written_folder_loads_in_sentence_transformers_with_the_same_vectors(
    work: Path, trained: tuple[Encoder, list[float]]
) -> None:
    from sentence_transformers import SentenceTransformer

    texts = ["L’œuvre de la reine", "The queen's work", "mot " * 400]
    loaded = SentenceTransformer(str(work / "model"), device="cpu", local_files_only=True)
    with torch.inference_mode():
        own = trained[0].eval()(texts).numpy()
    vectors = loaded.encode(texts)
    assert vectors.dtype == np.float32
    assert (vectors * own).sum(axis=1) == pytest.approx([1, 1, 1], abs=1e-3)
    again = SentenceTransformer(str(work / "model"), device="cpu", local_files_only=True)
    assert np.array_equal(again.encode(texts), vectors)


def test_the_compact_form_loads_with_nearly_the_same_vectors(
    work: Path, trained: tuple[Encoder, list[float]], tmp_path: Path
) -> None:
    save(trained[0], tmp_path / "compact", compact=True)
    weights = "model.safetensors"
    full, compact = (
        (folder / weights).stat().st_size for folder in (work / "model", tmp_path / "compact")
    )
    assert compact < 0.7 * full
    texts = [french for french, _ in PAIRS]
    near = trained[0].vectors(texts) * Encoder.load(tmp_path / "compact").vectors(texts)
    assert near.sum(axis=1).min() > 0.99


def test_fewer_layers_learn_to_give_passages_the_vectors_of_all(
    work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = work / "data"
    rows = [{"fr": french, "en": english} for french, english in PAIRS]
    put(data / "corpora" / "europarl-paragraphs.jsonl.xz", rows)
    law = {"heading_fr": "Titre", "heading_en": "Title", "text_fr": "Le texte.", "text_en": "Text."}
    put(data / "parallel" / "laws-headings.jsonl.xz", [{"file": "a.xml"} | law])
    article = "Le pont\n\nLe pont a été ouvert le 3 mai 1994 par la maire."
    (data / "corpora" / "wikinews-fr").mkdir()
    (data / "corpora" / "wikinews-fr" / "pont.txt").write_text(article, encoding="utf-8")
    asked = {"question_fr": "Qui ?", "question_en": "Who?", "doc": "pont.txt", "answerable": False}
    put(data / "questions" / "wikinews-train.jsonl", [asked])
    chance = random.Random(1)
    texts = passages.passages(data, chance)
    drawn = [next(texts) for _ in range(300)]
    assert {article, "Titre\nLe texte.", "Title\nText."} <= {*drawn}
    monkeypatch.setattr(passages, "_TOKENS", 300)
    losses = passages.train(texts, tmp_path, 60, lambda _: None, chance, steps=15)
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:3])
    layers = shutil.copytree(default_model(), tmp_path / "encoder") / "passages"
    for path in layers.iterdir():
        shutil.copyfile(tmp_path / path.name, path)
    found = BertEncoder(layers.parent).encode_exactly(drawn)
    whole = Encoder.load(Path(default_model())).vectors(drawn)
    assert (found * whole).sum(axis=1).mean() > 0.8


def test_strewn_words_replace_a_share_of_the_text() -> None:
    text = "the queen sells two old boats"
    assert distil.strewn(text, ["x"], 0, random.Random(1)) == text
    assert distil.strewn(text, ["x"], 1, random.Random(1)) == "x x x x x x"
    some = distil.strewn(" ".join([text] * 50), ["x"], 0.3, random.Random(1)).split()
    assert len(some) == 300
    assert 60 < some.count("x") < 120


@pytest.mark.usefixtures("trained")
def test_a_run_goes_on_from_its_last_state(work: Path) -> None:
    schedule = distil.Schedule(steps=26, tokens=600)
    fresh = Encoder.load(work / "start")
    teacher = Encoder.load(teacher_folder())
    sources = {"europarl": PAIRS}
    losses = distil.train(fresh, teacher, sources, None, schedule, work, lambda _: None)
    assert len(losses) == 2
    assert torch.load(work / "state.pt")["step"] == 26


def test_the_start_takes_a_french_word_near_its_translation(work: Path) -> None:
    started, teacher = Encoder.load(work / "start"), Encoder.load(teacher_folder())
    assert nearness(started) > nearness(teacher)


def test_the_tokenizer_gives_the_same_pieces_however_a_text_is_typed(work: Path) -> None:
    tokenizer = Encoder.load(work / "start").tokenizer
    assert "poissons" in tokenizer.encode("Trois poissons").tokens
    for typed, same in (
        ("Œufs pêchés", "oeufs peches"),
        ("L’OUVRIER", "l'ouvrier"),
        ("la\u00a0clé", "la clé"),
    ):
        assert tokenizer.encode(typed).ids == tokenizer.encode(same).ids


def test_unused_and_unreadable_pieces_are_left_out() -> None:
    teacher = {"[PAD]": 0, "[unused1]": 1, "a": 2, "##z": 3, "本": 4, "often": 5, "seldom": 6}
    used = vocabulary.Counter({"often": 9, "seldom": 1})
    pieces = vocabulary.merged_pieces(teacher, used, ["souvent", "a"], rarest=3, always=0)
    assert list(pieces) == [*vocabulary.SPECIAL, "a", "##z", "often", "souvent"]


def test_the_lexicon_finds_translations() -> None:
    forward, backward = lexicon.learn(PAIRS)
    assert max(forward["oeufs"], key=lambda word: forward["oeufs"][word]) in {"eggs", "two"}
    assert max(forward["mange"], key=lambda word: forward["mange"][word]) == "eats"
    assert max(backward["newspaper"], key=lambda word: backward["newspaper"][word]) == "journal"
    assert all(sum(row.values()) <= 1.001 for row in forward.values())


def test_passages_of_a_question_s_own_document_are_no_negatives() -> None:
    vectors = torch.eye(4)
    seen = {
        "q1": vectors[0], "p1": vectors[0], "q2": vectors[1], "p2": vectors[1],
        # the same direction as q1, so that it would cost much were it counted against it
        "other passage of one": vectors[0],
    }  # fmt: skip
    contrast = distil.Contrast.__new__(distil.Contrast)
    contrast.schedule = distil.Schedule()
    contrast.memory = {}
    examples = [distil.Example("q1", "p1", "one"), distil.Example("q2", "p2", "two")]

    def encode(texts: list[str]) -> torch.Tensor:
        return torch.stack([seen[text] for text in texts])

    alone = contrast.loss(encode, "task", examples)  # type: ignore[arg-type]
    contrast.memory["task"].append(("one", seen["other passage of one"]))
    assert contrast.loss(encode, "task", examples).item() == pytest.approx(alone.item(), abs=1e-4)  # type: ignore[arg-type]
    contrast.memory["task"].append(("three", seen["other passage of one"]))
    assert contrast.loss(encode, "task", examples).item() > alone.item() + 0.2  # type: ignore[arg-type]


def test_passages_are_cut_at_paragraphs_with_exact_offsets() -> None:
    text = "Titre\n2017-01-02\n\n" + "\n\n".join(letter * 400 for letter in "abc") + "\n"
    cuts = corpora.cut("x.txt", text)
    assert [text[cut.start : cut.end][-1] for cut in cuts] == ["b", "c"]
    assert cuts[0].text == text[cuts[0].start : cuts[0].end]
    assert cuts[1].text == "Titre\n" + text[cuts[1].start : cuts[1].end]
    place = text.index("ccc")
    question = corpora.Question("q", "q", "x.txt", "ccc", place)
    assert [cut.holds(question) for cut in cuts] == [False, True]


def test_ill_aligned_pairs_are_not_learnt_from(tmp_path: Path) -> None:
    path = tmp_path / "x.tsv"
    path.write_text("oui\tyes\nvide\t\nnon\t" + "no " * 40 + "\n", encoding="utf-8")
    assert corpora.training_pairs(path) == [("oui", "yes")]
    assert len(corpora.all_pairs(path)) == 3


def test_joined_pairs_stay_aligned() -> None:
    numbered = [(f"f{i}", f"e{i}") for i in range(9)]
    french, english = corpora.joined(numbered, random.Random(3))
    assert french.replace("f", "e") == english
    assert 2 <= len(french.split()) <= 5


def test_measures_by_hand() -> None:
    scores = np.array([[0.1, 0.9, 0.5], [0.9, 0.8, 0.1]])
    assert measure.ndcg(scores, [{2}, {0}]) == pytest.approx((1 / np.log2(3) + 1) / 2)
    assert measure.ndcg(scores[:1], [set()]) == 0
    basis = np.eye(3)
    numbers = {"un": 0, "deux": 1, "one": 0, "two": 2, "three": 1}

    def encode(texts: list[str]) -> np.ndarray:
        return basis[[numbers[text] for text in texts]]

    pairs = [("un", "one"), ("deux", "two"), ("deux", "three")]
    assert measure.sentence_match(encode, pairs) == pytest.approx(2 / 3)  # type: ignore[arg-type]


def test_lexicons_are_kept_as_json(tmp_path: Path) -> None:
    table = {"œuf": {"egg": 0.9}}
    lexicon.write(tmp_path / "l.json", table)
    assert json.loads((tmp_path / "l.json").read_text("utf-8")) == table
    assert lexicon.read(tmp_path / "l.json") == table


def test_a_blend_lies_between_the_start_and_the_trained(work: Path) -> None:
    begun, trained = Encoder.load(work / "start"), Encoder.load(work / "start")
    bert = trained.bert
    with torch.no_grad():
        bert.embeddings.word_embeddings.weight.add_(1.0)
        bert.encoder.layer[0].output.dense.weight.add_(1.0)
    numbers = trained.tokenizer.get_vocab()
    known = {piece for piece, number in numbers.items() if number % 2}
    blended = blend(begun, trained, known, layers=0.25, new_words=1.5).state_dict()
    moved = {name: (blended[name] - value).numpy() for name, value in begun.state_dict().items()}
    layer = moved.pop("bert.encoder.layer.0.output.dense.weight")
    words = moved.pop("bert.embeddings.word_embeddings.weight")
    assert layer == pytest.approx(0.25, abs=1e-5)
    assert words[1::2] == pytest.approx(1, abs=1e-5)
    assert words[::2] == pytest.approx(1.5, abs=1e-5)
    assert all((other == 0).all() for other in moved.values())
