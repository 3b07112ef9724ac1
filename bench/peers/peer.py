"""What each peer's script does, as `python SCRIPT TASK --encoder DIR --passages FILE --store DIR`:

    index   make a store of the passages
    ask     open the store and find ten passages for one question
    warm    the same for many questions, one after the other

It runs in the peer's environment, so it needs nothing but what every peer has. The last line it
prints is a JSON object.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

K = 10
_WARM_UP = 10


class Peer(Protocol):
    """A way to find passages; it is made of the encoder's folder, which it loads."""

    def build(self, texts: list[str], store: Path) -> None:
        """Embed the texts and keep them, with their vectors, in the folder `store`."""

    def open(self, store: Path) -> None:
        """Be ready to search in what `build` kept."""

    def search(self, question: str, k: int) -> list[str]:
        """The `k` texts nearest to a question."""


def run(make: type[Peer], look_up: Callable[[dict[str, Any]], None] | None = None) -> None:
    """Do the task that the command line names.

    With `--vectors FILE` nothing is embedded: `look_up` is given the vectors of the passages.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("task", choices=["index", "ask", "warm"])
    parser.add_argument("--encoder", required=True)
    parser.add_argument("--passages", type=Path, required=True)
    parser.add_argument("--questions", type=Path, required=True)
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--vectors", type=Path)
    given = parser.parse_args()
    peer = make(given.encoder)
    loaded = time.process_time()
    if given.task == "index":
        texts = read_lines(given.passages)
        if given.vectors:
            import numpy as np

            vectors = np.load(given.vectors)
            (look_up or _look_up)(dict(zip(texts, vectors, strict=True)))
        peer.build(texts, given.store)
        print(json.dumps({"loaded": loaded}))
        return
    peer.open(given.store)
    questions = read_lines(given.questions)
    if given.task == "ask":
        print(json.dumps({"found": [peer.search(questions[0], K)]}))
        return
    for question in questions[:_WARM_UP]:
        peer.search(question, K)
    milliseconds, found = [], []
    for question in questions:
        start = time.perf_counter()
        texts = peer.search(question, K)
        milliseconds.append(1000 * (time.perf_counter() - start))
        found.append(texts)
    print(json.dumps({"milliseconds": milliseconds, "found": found}))


def read_lines(path: Path) -> list[str]:
    """The strings of a file with one JSON string a line."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _look_up(known: dict[str, Any]) -> None:
    """Let sentence-transformers give known vectors: a large store is made only to be searched."""
    import numpy as np
    from sentence_transformers import SentenceTransformer

    def encode(_self: object, texts: list[str], *_: object, **__: object) -> "np.ndarray":
        return np.stack([known[text] for text in texts])

    SentenceTransformer.encode = SentenceTransformer.encode_document = encode
