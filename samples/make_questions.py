"""Makes `questions.jsonl` from `questions.txt`, by finding each answer in its document.

    python -m samples.make_questions        (in the root of the project)

`questions.txt` is written by hand: a line `== FILE` names a document, and under it come the
questions as blocks between blank lines,

    kind
    the question in French
    the same question in English
    the sentence that answers, with the [[answer]] marked

A question without an answer has no fourth line. Under `== none` stand those that are about no
document at all. A run of white space in a sentence matches any run of white space in the
document, since a PDF breaks its lines; nothing else may differ. The offsets are code points of
the text that `index.load` makes of the file, which for .txt and .md is the file as decoded.

The script stops with a message if a sentence is not in its document exactly once.
"""

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from index.load import load

HERE = Path(__file__).parent
DOCUMENTS = HERE / "documents"
MAX_BYTES = 50_000_000
ORDER = ("answerable", "none-near", "none-far")


class QuestionsError(Exception):
    """A question that does not fit its document, or cannot be read."""


@dataclass(frozen=True, slots=True)
class Question:
    """One block of `questions.txt`; `document` is None and `marked` empty where there is none."""

    document: str | None
    kind: str
    french: str
    english: str
    marked: str


def read_questions(source: str) -> Iterator[Question]:
    document: str | None = None
    for block in re.split(r"\n\n+", source.strip()):
        lines = block.split("\n")
        if lines[0].startswith("== "):
            name = lines[0].removeprefix("== ")
            document = None if name == "none" else name
            continue
        if len(lines) != (3 if lines[0].startswith("none-") else 4):
            raise QuestionsError(f"This block has a line too many or too few:\n{block}")
        kind, french, english, *marked = lines
        yield Question(document, kind, french, english, "".join(marked))


@cache
def text_of(name: str) -> str:
    """The text of a document as the index holds it."""
    return load(DOCUMENTS / name, name, MAX_BYTES)[0].text


def find(marked: str, text: str) -> tuple[int, int, int, int]:
    """`(start, end, answer_start, answer_end)` of a marked sentence in `text`.

    Raises QuestionsError unless the sentence is there exactly once.
    """
    pattern = "".join(
        {"[[": "(", "]]": ")"}.get(part, r"\s+" if part.isspace() else re.escape(part))
        for part in re.split(r"(\s+|\[\[|\]\])", marked)
    )
    found = list(re.finditer(pattern, text))
    if len(found) != 1 or len(found[0].groups()) != 1:
        raise QuestionsError(f"Found {len(found)} times, not once: {marked}")
    return (*found[0].span(), *found[0].span(1))


def row(number: int, question: Question) -> dict[str, object]:
    """A row of `questions.jsonl`."""
    start, end, answer_start, answer_end = -1, -1, -1, -1
    text = ""
    if question.marked:
        assert question.document is not None
        text = text_of(question.document)
        start, end, answer_start, answer_end = find(question.marked, text)
    made: dict[str, object] = {
        "id": f"s-{number:03}",
        "doc": question.document if question.marked else None,
        "question_fr": question.french,
        "question_en": question.english,
        "answer": text[answer_start:answer_end],
        "answer_start": answer_start,
        "evidence": text[start:end],
        "evidence_start": start,
        "kind": question.kind,
        "answerable": bool(question.marked),
    }
    if question.kind == "none-near":
        made["about"] = question.document
    return made


def main() -> int:
    source = (HERE / "questions.txt").read_text(encoding="utf-8")
    try:
        questions = sorted(
            read_questions(source),
            key=lambda question: ORDER.index(
                question.kind if question.kind in ORDER else "answerable"
            ),
        )
        rows = [row(number, question) for number, question in enumerate(questions, start=1)]
    except QuestionsError as error:
        print(error, file=sys.stderr)
        return 1
    lines = [json.dumps(made, ensure_ascii=False) + "\n" for made in rows]
    (HERE / "questions.jsonl").write_text("".join(lines), encoding="utf-8")
    print(f"{len(rows)} questions, {sum(bool(made['answerable']) for made in rows)} answerable")
    return 0


if __name__ == "__main__":
    sys.exit(main())
