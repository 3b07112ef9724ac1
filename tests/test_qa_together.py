"""One writer and many readers at once, in real processes and threads."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from conftest import ARTICLES, ROOT, StemEmbedder

from index import Filter, Hit, Index, IndexBusyError, verify_index
from qa import Answer, Assistant, Config
from qa.extractive import ExtractiveReader, Finding, Reading

KAZAKHSTAN = "Qui est le nouveau ministre des Affaires étrangères du Kazakhstan ?"
VOLCANO = "Quel volcan s'éveille en Islande ?"
QUESTIONS = [
    "Who makes the R21 malaria vaccine?",
    "Qui est le nouveau ministre des Affaires étrangères du Kazakhstan ?",
    "Qui a conçu le nouvel autel de Notre-Dame ?",
    "What is the boiling point of tungsten?",
]

# Updates an index, and waits in the middle of it, its changes half written, until it may go on.
WRITER = f"""
import sys
from pathlib import Path
sys.path.insert(0, {str(ROOT / "tests")!r})
from conftest import StemEmbedder
from index import Index

class Waiting(StemEmbedder):
    def embed_passages(self, texts, spans):
        print("writing", flush=True)
        sys.stdin.readline()
        return super().embed_passages(texts, spans)

index = Index.open(Path(sys.argv[1]), Waiting())
print(index.update(Path(sys.argv[2]), max_bytes=10**6).added, flush=True)
"""


@pytest.fixture
def writer(index: Index, documents: Path) -> Iterator[subprocess.Popen[str]]:
    """A process in the middle of adding a document about a volcano, and removing the museum."""
    (documents / "volcan.txt").write_text(
        "Éruption\n2024-01-03\n\nLe volcan Fagradalsfjall s'éveille en Islande.\n"
    )
    (documents / "sub/museum.md").unlink()
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, index.folder, documents],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        yield process
        process.kill()


def finish(writer: subprocess.Popen[str]) -> str:
    assert writer.stdin is not None
    assert writer.stdout is not None
    writer.stdin.write("go on\n")
    writer.stdin.flush()
    added = writer.stdout.readline()
    assert writer.wait() == 0
    return added


def test_readers_answer_while_a_writer_writes_and_see_the_new_state_after_it(
    index: Index, writer: subprocess.Popen[str]
) -> None:
    def ask(question: str) -> Answer:
        return assistant.ask(question)

    assistant = Assistant(index, ExtractiveReader(index), Config())
    with ThreadPoolExecutor(8) as readers:
        during = list(readers.map(ask, [KAZAKHSTAN, VOLCANO] * 8))
        assert {answer.nearest[0].passage.document_id for answer in during[::2]} == {
            "2022-01-14-kazakhstan.txt"
        }
        seen = {hit.passage.document_id for answer in during for hit in answer.nearest}
        assert "volcan.txt" not in seen
        assert finish(writer) == "['volcan.txt']\n"
        after = list(readers.map(ask, [VOLCANO] * 8))
    assert {answer.nearest[0].passage.document_id for answer in after} == {"volcan.txt"}
    assert index.document("sub/museum.md") is None
    assert verify_index(index.folder) == []


class LastPassage:
    """Answers with the end of the last passage, and calls `meanwhile` before."""

    threshold = 0.5

    def __init__(self, meanwhile: Callable[[], object]) -> None:
        self.meanwhile = meanwhile

    def read(self, question: str, hits: list[Hit]) -> Reading:
        del question
        self.meanwhile()
        end = hits[-1].passage.end
        return Reading([Finding(hits[-1].passage.document_id, end - 30, end, None, 0.9)], hits)


@pytest.mark.parametrize("text", ["Tout autre.", "Une correction.\n" * 20], ids=["short", "long"])
def test_what_changes_while_it_is_asked_is_answered_from_before(
    index: Index, documents: Path, text: str
) -> None:
    def correct() -> None:
        (documents / "2021-07-20-crue.txt").write_text(text)
        with ThreadPoolExecutor(1) as other:
            other.submit(index.update, documents, max_bytes=10**6).result()

    flood = Filter(frozenset({"2021-07-20-crue.txt"}))
    (citation,) = Assistant(index, LastPassage(correct), Config()).ask("Qui ?", flood).citations

    said = ARTICLES["2021-07-20-crue.txt"]
    assert citation.quote == said[citation.start : citation.end] != ""
    assert citation.changed
    document = index.document("2021-07-20-crue.txt")
    assert document is not None
    assert document.text == text


def test_a_second_writer_is_told_and_changes_nothing(
    index: Index, documents: Path, writer: subprocess.Popen[str]
) -> None:
    second = Index.open(index.folder, StemEmbedder())
    for write in (
        lambda: second.update(documents, max_bytes=10**6),
        lambda: second.forget(documents),
        lambda: Index.create(index.folder, StemEmbedder()).update(documents, max_bytes=10**6),
    ):
        with pytest.raises(IndexBusyError, match="try again"):
            write()
    finish(writer)
    assert index.counts() == (3, 3)
    assert second.update(documents, max_bytes=10**6).unchanged == 3
    assert verify_index(index.folder) == []


def test_sixteen_threads_answer_as_one(sample_index: Path) -> None:
    def told(assistant: Assistant, question: str) -> tuple[object, ...]:
        answer = assistant.ask(question)
        places = [(place.document_id, place.start, place.end) for place in answer.citations]
        nearest = [(hit.passage.document_id, hit.passage.start) for hit in answer.nearest]
        return answer.text, places, nearest, round(answer.confidence, 3)

    alone = Assistant.open(sample_index)
    wanted = [told(alone, question) for question in QUESTIONS]
    together = Assistant.open(sample_index)  # with nothing remembered
    with ThreadPoolExecutor(16) as threads:
        found = list(threads.map(lambda question: told(together, question), QUESTIONS * 8))
    assert found == wanted * 8
