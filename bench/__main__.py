"""How fast Opcit indexes, starts and finds, beside four others over the same encoder and passages.

    python -m bench [--data FILE] [--json]

Every peer runs in an environment and processes of its own, in turns, so that what else the machine
does slows all of them; ratios are taken within a round. Measured are processor seconds (user and
system, of the whole process): of indexing, without loading the encoder; of a new process that
opens a saved store and answers one question; and the wall time of finding ten passages in a
process that has the store open. Opcit's second figure is `opcit ask`, which reads and cites too.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from index import OpcitError, SentenceTransformerEmbedder, default_model

from . import child
from .environments import OPCIT, PEERS, PLAIN, python, script
from .passages import SAMPLES, read_passages, read_questions
from .table import Column, markdown

ROOT = Path(__file__).parents[1]
COLUMNS = {
    "indexed": Column("passages indexed a CPU second", ".1f", higher_is_better=True),
    "cold": Column("CPU seconds to the first result of a new process", ".2f"),
    "warm": Column("ms to find ten passages, median", ".1f"),
}


class Place:
    """The files that the peers share, in a temporary folder, and each peer's stores."""

    def __init__(self, folder: Path, encoder: str, cache: Path) -> None:
        self.folder = folder
        self.encoder = encoder
        self.cache = cache

    def write(self, name: str, texts: list[str]) -> Path:
        path = self.folder / f"{name}.jsonl"
        path.write_text("".join(f"{json.dumps(text)}\n" for text in texts), encoding="utf-8")
        return path

    def run(self, peer: str, task: str, passages: str, *more: str | Path) -> child.Cost:
        """Let a peer do a task in a process of its own."""
        store = self.folder / script(peer).stem / passages
        if task == "index":
            shutil.rmtree(store, ignore_errors=True)
            store.mkdir(parents=True)
        if (peer, task) == (OPCIT, "ask"):
            question = json.loads((self.folder / "questions.jsonl").read_text().split("\n")[0])
            command = ["-m", "opcit", "ask", question, "--index", store / "index"]
            if self.encoder != default_model():
                command += ["--model", self.encoder]
        else:
            command = [script(peer), task, "--encoder", self.encoder, "--store", store]
            command += ["--passages", self.folder / f"{passages}.jsonl"]
            command += ["--questions", self.folder / "questions.jsonl", *more]
        paths = {"PYTHONPATH": str(ROOT)} if peer == OPCIT else {}
        return child.run([python(peer, self.cache), *command], **paths)


def measure(place: Place, peers: list[str], rounds: int, few: int) -> dict[str, dict[str, Any]]:
    """For each peer its figures, one a round, and how far its passages are the plain way's."""
    measured: dict[str, dict[str, Any]] = {
        peer: {name: [] for name in (*COLUMNS, "found")} for peer in peers
    }
    for number in range(rounds):
        for peer in peers:
            _say(f"Round {number + 1} of {rounds}: {peer}")
            figures = measured[peer]
            indexing = place.run(peer, "index", "few")
            figures["indexed"].append(few / (indexing.seconds - indexing.said["loaded"]))
            figures["cold"].append(place.run(peer, "ask", "many").seconds)
            warm = place.run(peer, "warm", "many")
            figures["warm"].append(statistics.median(warm.said["milliseconds"]))
            figures["found"] = warm.said["found"]
    plain = measured[PLAIN]["found"]
    for figures in measured.values():
        shares = [len({*a} & {*b}) / len(b) for a, b in zip(figures["found"], plain, strict=True)]
        figures["found"] = statistics.mean(shares)
    return measured


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--data", type=Path, help="a .jsonl[.xz] of passages (text or fr)")
    parser.add_argument("--questions", type=Path, default=SAMPLES / "questions.jsonl")
    parser.add_argument("--encoder", default=default_model(), help="a sentence-transformers folder")
    parser.add_argument("--index", type=int, default=1000, help="passages indexed each round")
    parser.add_argument("--search", type=int, default=10_000, help="passages searched in")
    parser.add_argument("--ask", type=int, default=100, help="questions asked")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=list(PEERS))
    parser.add_argument("--cache", type=Path, default=ROOT / ".cache" / "bench")
    parser.add_argument("--json", action="store_true", help="print JSON, not a table")
    given = parser.parse_args()
    try:
        _bench(given)
    except OpcitError as error:
        sys.exit(str(error))


def _bench(given: argparse.Namespace) -> None:
    peers = [OPCIT, PLAIN, *(peer for peer in given.peers if peer != PLAIN)]
    for peer in peers:
        python(peer, given.cache)
    texts = read_passages(given.data, max(given.index, given.search))
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder), given.encoder, given.cache)
        place.write("questions", read_questions(given.questions, given.ask))
        place.write("few", texts[: given.index])
        place.write("many", texts[: given.search])
        _say(f"Embedding {given.search} passages for the stores to search in ...")
        searched = texts[: given.search]
        embedder = SentenceTransformerEmbedder(given.encoder)
        vectors, _ = embedder.embed_passages(searched, [[]] * len(searched))
        np.save(place.folder / "vectors.npy", vectors)
        for peer in peers:
            place.run(peer, "index", "many", "--vectors", place.folder / "vectors.npy")
        measured = measure(place, peers, given.rounds, given.index)
    told = {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "passages": str(given.data or "samples"),
        "indexed": given.index,
        "searched": given.search,
        "rounds": given.rounds,
        "peers": measured,
    }
    if given.json:
        print(json.dumps(told, indent=2))
    else:
        print(markdown(COLUMNS, measured, PLAIN))


def _processor() -> str:
    """The processor's name, where the system tells it."""
    with_name = Path("/proc/cpuinfo")
    lines = with_name.read_text().splitlines() if with_name.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
