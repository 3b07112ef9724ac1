"""The passages and questions that everybody is measured with.

Passages are single lines of at most `LONGEST` characters, so that Opcit cuts none of them and all
index the same. They are those of a file, or are made of the project's samples, two paragraphs
each, which gives thousands of different ones.
"""

import json
import lzma
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from index import OpcitError, SplitSettings

SAMPLES = Path(__file__).parents[1] / "samples"
LONGEST = SplitSettings().passage_characters
# What is shorter is a title or a date.
_SHORTEST = 100


def read_passages(data: Path | None, count: int) -> list[str]:
    """`count` passages of a `.jsonl` or `.jsonl.xz` file with a field `text` or `fr`, or made up.

    Raises OpcitError if the file holds fewer.
    """
    found = list(islice(_made_up() if data is None else _of_file(data), count))
    if len(found) < count:
        raise OpcitError(f"{data or SAMPLES} holds {len(found)} passages, not {count}.")
    return found


def read_questions(path: Path, count: int) -> list[str]:
    """The first `count` questions of a file in the evaluation's form, French and English."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    both = [row[field] for row in rows for field in ("question_fr", "question_en")]
    return both[:count]


def _of_file(path: Path) -> Iterator[str]:
    opened: Any = lzma.open if path.suffix == ".xz" else Path.open
    try:
        with opened(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                yield one_line(row["text"] if "text" in row else row["fr"])
    except (OSError, ValueError, KeyError, lzma.LZMAError) as error:
        raise OpcitError(f"{path} cannot be read as passages ({error}).") from error


def _made_up() -> Iterator[str]:
    files = sorted((SAMPLES / "documents").glob("*.txt")) + sorted(SAMPLES.rglob("*.md"))
    text = "\n\n".join(filter(None, map(_utf8, files)))
    passages = [one_line(part) for part in text.split("\n\n") if len(part) >= _SHORTEST]
    for apart in range(len(passages)):
        for i, first in enumerate(passages):
            second = passages[(i + apart + 1) % len(passages)]
            yield one_line(f"{first} {second}")


def _utf8(path: Path) -> str | None:
    """The text of a file, or None: some of the samples are in other encodings, on purpose."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


def one_line(text: str) -> str:
    """A text without line breaks, cut between words at `LONGEST` characters."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else line[: LONGEST + 1].rpartition(" ")[0]
