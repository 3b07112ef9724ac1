"""The command line of the recipe: `python -m training STEP --help`."""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from . import corpora, distil, lexicon, measure, vocabulary
from .student import MAX_TOKENS, Encoder, blend, save, start_from_teacher, teacher_folder

LEXICON_PAIRS = 90_000
"""How many pairs of each source the lexicon is learnt from, about."""


def start(data: Path, out: Path, french_pieces: int, layers: Sequence[int]) -> None:
    """Make the tokenizer, the lexicons and the untrained student, in `out`."""
    sources = corpora.parallel_sources(data)
    pairs = [pair for source in sources.values() for pair in source]
    teacher = Encoder.load(teacher_folder())
    plain = Tokenizer.from_str(teacher.tokenizer.to_str())
    plain.no_truncation()
    used = vocabulary.piece_counts(plain, (english for _, english in pairs))
    # the documents' words count thrice: news names what parliaments and laws do not
    texts = [french for french, _ in pairs] + 3 * list(corpora.documents(data).values())
    learnt = vocabulary.french_pieces(texts, french_pieces)
    pieces = vocabulary.merged_pieces(plain.get_vocab(), used, learnt, rarest=3, always=14000)
    tokenizer = vocabulary.finished(pieces, MAX_TOKENS)
    some = [
        pair
        for source in sources.values()
        for pair in source[:: max(1, len(source) // LEXICON_PAIRS)]
    ]
    forward, backward = lexicon.learn(some)
    out.mkdir(parents=True, exist_ok=True)
    lexicon.write(out / "lexicon.fr-en.json", forward)
    lexicon.write(out / "lexicon.en-fr.json", backward)
    sample = pairs[::4]
    student = start_from_teacher(
        teacher,
        tokenizer,
        forward,
        vocabulary.piece_counts(tokenizer, (english for _, english in sample)),
        vocabulary.piece_counts(tokenizer, (french for french, _ in sample)),
        layers,
    )
    save(student, out / "start")
    print(f"{out / 'start'}: {len(pieces)} word pieces, {len(layers)} layers")


def train(data: Path, student: Path, out: Path, schedule: distil.Schedule) -> None:
    """Train the student of a folder into `out/model`."""
    distil.train(
        Encoder.load(student),
        Encoder.load(teacher_folder()),
        distil.distillation_sources(data),
        distil.Contrast(data, schedule, random.Random(schedule.seed)),
        schedule,
        out,
        lambda line: print(line, flush=True),
    )


def show_measures(model: str, data: Path) -> None:
    """Print the figures of a folder, or of the teacher, as sentence-transformers encodes."""
    from sentence_transformers import SentenceTransformer

    folder = teacher_folder() if model == "teacher" else Path(model)
    loaded = SentenceTransformer(str(folder), device="cpu")

    def encode(texts: Sequence[str]) -> np.ndarray:
        return np.asarray(loaded.encode(list(texts), normalize_embeddings=True))

    for kind, left, right, cosine in measure.probes(encode):
        print(f"{kind:5} {cosine:6.3f}  {left} | {right}", flush=True)
    for name, value in measure.all_measures(encode, data).items():
        print(f"{name:40} {value:.4g}", flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one step of the recipe."""
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    steps = parser.add_subparsers(dest="step", required=True)
    first = steps.add_parser("start", help="make the tokenizer and the untrained student")
    second = steps.add_parser("distil", help="train it")
    third = steps.add_parser("refine", help="train it further, with more English")
    mixed = steps.add_parser("blend", help="mix the trained weights with the untrained, for use")
    mixed.add_argument("--layers", type=float, default=0.6, help="part of the trained layers")
    mixed.add_argument("--new-words", type=float, default=1.6, help="and of new word vectors")
    measured = steps.add_parser("measure", help="print a model's figures")
    measured.add_argument("model", help="a folder, or 'teacher'")
    for step in (first, second, third, measured):
        step.add_argument("--data", type=Path, required=True, help="see README.md")
    for step in (first, second, third, mixed):
        step.add_argument("--out", type=Path, required=True, help="folder to work in")
    first.add_argument("--french-pieces", type=int, default=18000)
    first.add_argument("--layers", type=int, nargs="*", default=list(range(6)))
    for step, schedule in ((second, distil.Schedule()), (third, distil.REFINING)):
        step.add_argument("--minutes", type=float, default=schedule.minutes)
        step.add_argument("--compiled", action="store_true", help="needs a C++ compiler")
    given = parser.parse_args(arguments)
    if given.step == "start":
        start(given.data, given.out, given.french_pieces, given.layers)
    elif given.step == "distil":
        schedule = replace(distil.Schedule(), minutes=given.minutes, compiled=given.compiled)
        train(given.data, given.out / "start", given.out, schedule)
    elif given.step == "refine":
        schedule = replace(distil.REFINING, minutes=given.minutes, compiled=given.compiled)
        train(given.data, given.out / "model", given.out / "refined", schedule)
    elif given.step == "blend":
        begun, trained = (Encoder.load(given.out / name) for name in ("start", "refined/model"))
        known = Encoder.load(teacher_folder()).tokenizer.get_vocab()
        mixed_weights = blend(begun, trained, known, given.layers, given.new_words)
        save(mixed_weights, given.out / "encoder", compact=True)
    else:
        show_measures(given.model, given.data)


if __name__ == "__main__":
    main()
