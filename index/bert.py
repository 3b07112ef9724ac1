"""BERT models run by OpenVINO, without PyTorch: sentence encoders and cross-encoders.

`BertEncoder` reads a sentence-transformers folder of the commonest form (a BERT, the mean of its
tokens, made a unit vector) and gives vectors of texts and their spans: fast, up to rounding those
of sentence-transformers (cosine above .999), or exactly. `CrossEncoder` reads two texts together
and scores the tokens of the second. The computation is drawn with OpenVINO's operations and
compiled for this machine's processor. That takes a quarter of PyTorch's processor time where the
processor computes in bfloat16, and a new process is ready in a fraction of a second. Knows no index
and no question.
"""

import json
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .types import Span

_BATCH_TOKENS = 3072
_SLICE = 1024  # texts whose tokens are held at once: some 40 KB for each of 900 characters
_MODULES = ["Transformer", "Pooling", "Normalize"]
_WANTED = {"model_type": "bert", "hidden_act": "gelu"}
_HIDDEN = np.float32(-1e4)  # added to the attention that padding would get
_WORDS = "embeddings.word_embeddings.weight"
# Texts are filled up to a multiple of so many tokens: OpenVINO keeps a computation for each shape
# that it has met, which for all lengths takes a quarter of a gigabyte.
_STEP = 8
_STRIDE = 64  # tokens that two windows on a long text share
# How far rounding to bfloat16 moves the cosine of a question and a passage; the standard deviation
# is 3e-4.
ROUNDING = 7e-4


def is_bert_encoder(folder: Path) -> bool:
    """Whether `BertEncoder` computes what sentence-transformers would with this folder."""
    try:
        modules = _read(folder / "modules.json")
        config = _read(folder / "config.json")
        pooling = _read(folder / "1_Pooling" / "config.json")
    except (OSError, ValueError):
        return False
    modes = [mode for mode, wanted in pooling.items() if mode.startswith("pooling_") and wanted]
    prompts = folder / "config_sentence_transformers.json"
    return (
        [module["type"].rsplit(".", 1)[-1] for module in modules] == _MODULES
        and modes in (["pooling_mode_mean_tokens"], ["pooling_mode"])
        and pooling.get("pooling_mode", "mean") == "mean"
        and all(config.get(key) == value for key, value in _WANTED.items())
        and config.get("position_embedding_type", "absolute") == "absolute"
        and not (prompts.is_file() and any(_read(prompts).get("prompts", {}).values()))
        and (folder / "tokenizer.json").is_file()
        and (folder / "model.safetensors").is_file()
    )


class BertEncoder:
    """A sentence encoder; any thread may call it.

    Its folder may hold, in `passages/`, fewer layers that give passages, which are many, about the
    vectors that all would give them. Raises whatever a damaged file makes the libraries raise.
    """

    def __init__(self, folder: Path) -> None:
        longest = _read(folder / "sentence_bert_config.json")["max_seq_length"]
        self._tokenizer = _tokenizer(folder)
        self._tokenizer.enable_truncation(longest)
        config = _read(folder / "config.json")
        self.dimension: int = config["hidden_size"]
        weights = _weights(folder / "model.safetensors")
        self._words = _Words(weights)
        model = _encoder(config, weights)
        self._questions = self._exact = _Compiled(model, INFERENCE_PRECISION_HINT="f32")
        fewer = folder / "passages"
        if fewer.is_dir():
            config |= _read(fewer / "config.json")
            model = _encoder(config, weights | _weights(fewer / "model.safetensors"))
            self._exact = _Compiled(model, INFERENCE_PRECISION_HINT="f32")
        self.rounds = "BF16" in _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        self._fast = _Compiled(model) if self.rounds else self._exact

    def encode_question(self, text: str) -> NDArray[np.float32]:
        """A question's unit vector, of shape `(dimension,)`, as exact as 32 bits are."""
        return self._vectors([text], self._questions).reshape(-1)

    def encode_exactly(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Passages' unit vectors, of shape `(len(texts), dimension)`, as exact as that."""
        return self._vectors(texts, self._exact)

    def encode(
        self, texts: Sequence[str], spans: Sequence[Sequence[Span]]
    ) -> tuple[NDArray[np.float32], list[NDArray[np.float32]]]:
        """The same at the processor's fastest, and for each text its spans' `(spans, dimension)`.

        With `rounds`, cosines with them are off, mostly by less than `ROUNDING`. A span's vector is
        the mean of its tokens as they are read in the whole text, so that a pronoun is near what it
        stands for (late chunking, Günther et al. 2024). A span without a token, or beyond the
        longest text that is read, has zeros.
        """
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        of_spans = [np.zeros((len(some), self.dimension), dtype=np.float32) for some in spans]
        for numbers, coded, (found, states) in self._computed(texts, self._fast):
            vectors[numbers] = found
            for number, one, tokens in zip(numbers, coded, states, strict=True):
                first, last = np.array(one.offsets, dtype=np.int64).reshape(-1, 2).T
                for i, (start, end) in enumerate(spans[number]):
                    inside = np.flatnonzero((start < last) & (first < end))
                    if inside.size:
                        mean = tokens[inside].mean(axis=0)
                        of_spans[number][i] = mean / max(float(np.linalg.norm(mean)), 1e-12)
        return vectors, of_spans

    def _vectors(self, texts: Sequence[str], model: "_Compiled") -> NDArray[np.float32]:
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for numbers, _, (found, _) in self._computed(texts, model):
            vectors[numbers] = found
        return vectors

    def _computed(
        self, texts: Sequence[str], model: "_Compiled"
    ) -> Iterator[tuple[list[int], list[Any], Any]]:
        """The numbers of some texts, their tokens, and the model's two outputs, batch by batch."""
        for first in range(0, len(texts), _SLICE):
            coded = self._tokenizer.encode_batch(list(texts[first : first + _SLICE]))
            for numbers in _batches([len(one.ids) for one in coded]):
                some = [coded[number] for number in numbers]
                ids, mask = _padded([one.ids for one in some])
                result = model.infer([self._words[ids], mask])
                yield [first + number for number in numbers], some, (result[0], result[1])


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of a text as it was read together with another.

    `whole` are the scores of the pair, shape `(heads,)`; `tokens` those of the stretch's tokens,
    `(tokens, heads)`; `offsets` the tokens' places in the text, `(tokens, 2)`.
    """

    whole: NDArray[np.float32]
    tokens: NDArray[np.float32]
    offsets: NDArray[np.int64]


class CrossEncoder:
    """A BERT that reads two texts together, with linear scores of each token; for any thread.

    `folder` holds its layers and heads; tokenizer and word vectors are those of the sentence
    encoder in `encoder`, from which it was trained. Raises whatever a damaged file makes the
    libraries raise.
    """

    def __init__(self, folder: Path, encoder: Path) -> None:
        config = _read(folder / "config.json")
        positions = config["max_position_embeddings"]
        self._encoder = encoder
        self._tokenizer = _tokenizer(encoder)
        self._tokenizer.enable_truncation(positions, stride=_STRIDE, strategy="only_second")
        # Beside it and three special tokens a window has room for two strides of the second.
        self._longest_first = positions - 3 - 2 * _STRIDE
        self._words = _Words(_weights(encoder / "model.safetensors", only=_WORDS))
        self._model = _Compiled(_cross_encoder(config, _weights(folder / "model.safetensors")))

    def scores(self, first: str, seconds: Sequence[str]) -> list[list[Window]]:
        """For each second text, read together with the first, its windows in their order.

        A text that is too long to be read at once has several, which overlap. Of a first text of
        more than about 150 tokens the end is read.
        """
        first = self._end(first)
        read: list[list[Window]] = [[] for _ in seconds]
        pairs = self._tokenizer.encode_batch([(first, second) for second in seconds])
        pieces = [(i, one) for i, pair in enumerate(pairs) for one in (pair, *pair.overflowing)]
        for numbers in _batches([len(one.ids) for _, one in pieces]):
            some = [pieces[number] for number in sorted(numbers)]
            types = _padded([one.type_ids for _, one in some])[0]
            ids, mask = _padded([one.ids for _, one in some])
            (scores,) = self._model.infer([self._words[ids], mask, types])
            for (i, one), row in zip(some, scores, strict=True):
                inside = np.flatnonzero(np.array(one.type_ids))[:-1]  # the last one ends the text
                offsets = np.array(one.offsets, dtype=np.int64)[inside]
                read[i].append(Window(row[0], row[inside], offsets))
        return read

    def _end(self, first: str) -> str:
        if len(first) <= self._longest_first:  # a token has a character at least
            return first
        whole = _tokenizer(self._encoder)  # the other cuts; few questions are so long
        whole.no_truncation()
        offsets = whole.encode(first, add_special_tokens=False).offsets
        return first[offsets[-self._longest_first :][0][0] :] if offsets else ""


class _Words:
    """The vectors of word pieces, looked up here and not in the model.

    There they would be spread out into 16 bits a number, and copied, to start with.
    """

    def __init__(self, weights: dict[str, NDArray[Any]]) -> None:
        self._vectors = weights[_WORDS]

    def __getitem__(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """The vectors of shape `ids.shape + (width,)`."""
        return _decoded(self._vectors[ids]).astype(np.float32, copy=False)


class _Compiled:
    """A model compiled for this machine when it is first used; any thread may call it."""

    def __init__(self, model: Any, **settings: str) -> None:
        self._drawn = model
        self._settings = {"PERFORMANCE_HINT": "LATENCY"} | settings
        self._compiling = threading.Lock()
        self._compiled: Any = None
        self._local = threading.local()

    def infer(self, inputs: list[NDArray[Any]]) -> list[NDArray[np.float32]]:
        # A request of this thread's own: one serves one caller at a time.
        if not hasattr(self._local, "request"):
            with self._compiling:
                if self._compiled is None:
                    self._compiled = _core().compile_model(self._drawn, "CPU", self._settings)
                self._local.request = self._compiled.create_infer_request()
        return list(self._local.request.infer(inputs).values())  # copies, not the model's own


def _tokenizer(folder: Path) -> Any:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    return tokenizer


def _padded(rows: Sequence[Sequence[int]]) -> list[NDArray[Any]]:
    """The rows as one array of whole numbers, filled up with 0, and a mask of ones and zeros."""
    longest = max(map(len, rows))
    filled = np.zeros((len(rows), longest + -longest % _STEP), dtype=np.int64)
    mask = np.zeros(filled.shape, dtype=np.float32)
    for i, row in enumerate(rows):
        filled[i, : len(row)] = row
        mask[i, : len(row)] = 1
    return [filled, mask]


def _batches(lengths: Sequence[int]) -> list[list[int]]:
    """The numbers of the texts, shortest first, in batches of about `_BATCH_TOKENS` tokens."""
    batches: list[list[int]] = []
    for number in sorted(range(len(lengths)), key=lengths.__getitem__):
        if not batches or (len(batches[-1]) + 1) * lengths[number] > _BATCH_TOKENS:
            batches.append([])
        batches[-1].append(number)
    return batches


def _openvino() -> Any:
    """OpenVINO without its model converter, and so without the package that reports its use.

    `import openvino` takes both along where it can, which doubles its time; Opcit converts nothing.
    """
    converter = "openvino.tools.ovc"
    if "openvino" not in sys.modules:
        sys.modules[converter] = None  # type: ignore[assignment]  # an import of it fails
        try:
            import openvino
        finally:
            del sys.modules[converter]  # who wants it still can
    import openvino

    return openvino


@cache
def _core() -> Any:
    return _openvino().Core()


def _weights(path: Path, only: str = "") -> dict[str, NDArray[Any]]:
    """The arrays of a safetensors file, by name without `bert.`; see `_decoded`.

    Those whose name begins with `only`. Read by hand, as the format is a header in JSON before the
    numbers, and numpy has no 8-bit floats for the package to give.
    """
    types = {"F32": np.float32, "F16": np.float16, "F8_E4M3": np.uint8}
    found = {}
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as data:
        begin = 8 + int.from_bytes(data[:8], "little")
        for name, told in json.loads(data[8:begin]).items():
            name = name.removeprefix("bert.")
            if name.startswith(only) and told.get("dtype") in types:
                start, end = told["data_offsets"]
                numbers = data[begin + start : begin + end]  # a copy
                array = np.frombuffer(numbers, dtype=types[told["dtype"]])
                found[name] = array.reshape(told["shape"])
    return found


def _decoded(array: NDArray[Any]) -> NDArray[Any]:
    """8-bit floats, which are held as the bytes they are, as 16-bit ones; others as they are."""
    return _FLOAT8[array] if array.dtype == np.uint8 else array


def _float8_values() -> NDArray[np.float16]:
    """The value of each 8-bit float of 4 exponent and 3 mantissa bits (Micikevicius et al. 2022).

    Numpy has no such type. 16 bits hold each value exactly.
    """
    code = np.arange(256)
    exponent, mantissa = code >> 3 & 15, code & 7
    size = np.where(
        exponent == 0, mantissa / 8 * 2.0**-6, (1 + mantissa / 8) * 2.0 ** (exponent - 7.0)
    )
    size[code & 127 == 127] = np.nan
    return np.where(code & 128, -size, size).astype(np.float16)


_FLOAT8 = _float8_values()


def _encoder(config: dict[str, Any], weights: dict[str, NDArray[Any]]) -> Any:
    """BERT, mean of the tokens, unit length, as an OpenVINO model.

    Its inputs are the tokens' word vectors, `(texts, tokens, width)`, and a mask of ones and zeros,
    `(texts, tokens)`; its outputs the texts' vectors, `(texts, width)`, and the tokens' states,
    `(texts, tokens, width)`.
    """
    openvino = _openvino()
    op = openvino.opset13

    words, mask = _inputs(config)
    first_type = op.constant(np.int64(0))
    x = _states(config, weights, words, mask, first_type)
    one = op.constant(np.int64(1))
    summed = op.reduce_sum(op.multiply(x, op.unsqueeze(mask, op.constant(np.int64(2)))), one)
    mean = op.divide(summed, op.reduce_sum(mask, one, True))
    vectors = op.normalize_l2(mean, op.constant(np.array([1])), 1e-12, "max")
    return openvino.Model([vectors, x], [words, mask], "encoder")


def _cross_encoder(config: dict[str, Any], weights: dict[str, NDArray[Any]]) -> Any:
    """BERT with linear heads on each token, as an OpenVINO model.

    Its inputs are those of `_encoder` and which of the two texts a token is of, 0 or 1; its output
    the scores, `(texts, tokens, heads)`.
    """
    openvino = _openvino()
    op = openvino.opset13

    words, mask = _inputs(config)
    types = op.parameter([-1, -1], np.int64)
    x = _states(config, weights, words, mask, types)
    heads = op.constant(weights["heads.weight"].astype(np.float32))
    scores = op.add(op.matmul(x, heads, False, True), weights["heads.bias"].astype(np.float32))
    return openvino.Model([scores], [words, mask, types], "cross-encoder")


def _inputs(config: dict[str, Any]) -> tuple[Any, Any]:
    """Parameters for word vectors and mask."""
    op = _openvino().opset13
    words = op.parameter([-1, -1, config["hidden_size"]], np.float32)
    return words, op.parameter([-1, -1], np.float32)


def _states(
    config: dict[str, Any], weights: dict[str, NDArray[Any]], words: Any, mask: Any, types: Any
) -> Any:
    """The tokens' last states in a BERT (Devlin et al. 2019), as a node of an OpenVINO model."""
    op = _openvino().opset13

    width, heads = config["hidden_size"], config["num_attention_heads"]
    epsilon = config["layer_norm_eps"]

    def numbers(*values: int) -> Any:
        return op.constant(np.array(values, dtype=np.int64))

    def weight(name: str) -> Any:
        array = _decoded(weights[name])
        node = op.constant(array)
        return node if array.dtype == np.float32 else op.convert(node, "f32")

    def linear(x: Any, name: str) -> Any:
        return op.add(op.matmul(x, weight(f"{name}.weight"), False, True), weight(f"{name}.bias"))

    def normalised(x: Any, name: str) -> Any:
        even = op.mvn(x, numbers(-1), True, epsilon, "inside_sqrt")
        return op.add(op.multiply(even, weight(f"{name}.weight")), weight(f"{name}.bias"))

    zero, one = op.constant(np.int64(0)), op.constant(np.int64(1))
    length = op.gather(op.shape_of(words), one, zero)
    places = op.range(zero, length, one, "i64")
    x = op.add(words, op.gather(weight("embeddings.position_embeddings.weight"), places, zero))
    x = op.add(x, op.gather(weight("embeddings.token_type_embeddings.weight"), types, zero))
    x = normalised(x, "embeddings.LayerNorm")

    padding = op.multiply(op.subtract(op.constant(np.float32(1)), mask), op.constant(_HIDDEN))
    padding = op.unsqueeze(padding, numbers(1, 2))

    def by_head(node: Any) -> Any:
        shaped = op.reshape(node, numbers(0, 0, heads, width // heads), True)
        return op.transpose(shaped, numbers(0, 2, 1, 3))

    for number in range(config["num_hidden_layers"]):
        layer = f"encoder.layer.{number}"
        query, key, value = (
            by_head(linear(x, f"{layer}.attention.self.{part}"))
            for part in ("query", "key", "value")
        )
        attended = op.scaled_dot_product_attention(query, key, value, padding)
        attended = op.reshape(
            op.transpose(attended, numbers(0, 2, 1, 3)), numbers(0, 0, width), True
        )
        attended = linear(attended, f"{layer}.attention.output.dense")
        x = normalised(op.add(x, attended), f"{layer}.attention.output.LayerNorm")
        inner = op.gelu(linear(x, f"{layer}.intermediate.dense"), "erf")
        x = normalised(
            op.add(x, linear(inner, f"{layer}.output.dense")), f"{layer}.output.LayerNorm"
        )
    return x


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
