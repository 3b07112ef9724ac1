"""What travels through Opcit's index: documents, their files' states, passages, search hits.

Offsets everywhere are half-open code points of `Document.text`. This module knows no
file format, no storage and no question.
"""

import re
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

Language = Literal["fr", "en"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Document:
    """One file, decoded.

    `id` is the file's path relative to the indexed folder, with forward slashes. `text` of a
    `.txt` or `.md` file is the file exactly as decoded (newlines kept, nothing normalised).
    `source` is the path the file was read from. `page_starts` holds the offset at which each
    page begins for paged formats, and is empty for the others.
    """

    id: str
    text: str
    title: str
    source: str
    language: Language
    date: date | None
    page_starts: tuple[int, ...] = ()


class FileState(NamedTuple):
    """What tells whether a source file still is what was indexed.

    `modified` is in nanoseconds since the epoch, `content_hash` the SHA-256 of the bytes.
    """

    size: int
    modified: int
    content_hash: str


@dataclass(frozen=True, slots=True)
class Passage:
    """A span of a document: `document.text[start:end] == text`."""

    document_id: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Sentences:
    """The sentences of a passage: their offsets in it, and what they mean in it.

    `vectors` are unit vectors, `(sentences, dimension)`; one that the encoder did not read is 0.
    """

    spans: list[Span]
    vectors: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage found for a question. Higher scores are better."""

    passage: Passage
    score: float


@dataclass(frozen=True, slots=True)
class Filter:
    """Which documents to look in; both dates count, and an undated document is outside them.

    One whose id `hidden` matches is never looked in. A rule rather than a list, so that it holds
    for what is indexed while a question is asked.
    """

    documents: frozenset[str] | None = None
    after: date | None = None
    before: date | None = None
    hidden: re.Pattern[str] | None = None

    def admits(self, document_id: str, day: date | None) -> bool:
        """Whether a document is one to look in."""
        return (
            (self.documents is None or document_id in self.documents)
            and (self.after is None or (day is not None and day >= self.after))
            and (self.before is None or (day is not None and day <= self.before))
            and (self.hidden is None or not self.hidden.match(document_id))
        )


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """These keys, shape `(keys,)`; or, with `all_but`, every key but these."""

    keys: NDArray[np.int64]
    all_but: bool = False
