"""A document cut into passages, on paragraph and sentence borders where it can be.

Pure: a document in, passages out. The cutting is langchain-text-splitters'; because nothing is
stripped and nothing overlaps, the pieces tile the text, and each offset is the sum of the lengths
before it. Nothing is searched for, so repeated text cannot mislead.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from .sentences import PARAGRAPH_END, SENTENCE_END
from .types import Document, Passage

if TYPE_CHECKING:
    from langchain_text_splitters import RecursiveCharacterTextSplitter

# Characters that are split at a time.
_PART = 1_000_000


@dataclass(frozen=True, slots=True)
class SplitSettings:
    """How long a passage may be, in characters.

    What would be shorter than `fragment_characters` (a title, a last line) joins its neighbour,
    so a passage may reach the sum of both.
    """

    passage_characters: int = 900
    fragment_characters: int = 200


def split(document: Document, settings: SplitSettings | None = None) -> list[Passage]:
    """The passages of a document in reading order: they tile its text, less white space between.

    Every passage satisfies `document.text[passage.start:passage.end] == passage.text`, begins and
    ends with a visible character, and lies on one page where the document has pages.
    """
    settings = settings or SplitSettings()
    splitter = _splitter(settings.passage_characters)
    passages = []
    for part_start, part_end in _parts(document):
        start = part_start
        pieces = splitter.split_text(document.text[part_start:part_end])
        for piece in _without_fragments(pieces, settings.fragment_characters):
            passages.append(_trimmed(document, start, piece))
            start += len(piece)
        if start != part_end:
            raise AssertionError(f"the pieces of {document.id} do not tile its text")
    return [passage for passage in passages if passage.text]


def headed(title: str, passage: Passage) -> str:
    """What is indexed of a passage: its text, under its document's title."""
    return passage.text if passage.text.startswith(title) else f"{title}\n{passage.text}"


def _parts(document: Document) -> Iterator[tuple[int, int]]:
    """The pages; very long ones in parts, for the splitter may hold each character by itself."""
    text = document.text
    starts = document.page_starts or (0,)
    for start, end in zip(starts, (*starts[1:], len(text)), strict=True):
        while end - start > _PART:
            cut = start + _PART
            for border in ("\n\n", "\n", " "):
                at = text.rfind(border, start + _PART // 2, cut)
                if at >= 0:
                    cut = at + len(border)
                    break
            yield start, cut
            start = cut
        yield start, end


def _without_fragments(pieces: list[str], minimum: int) -> list[str]:
    """The pieces, a short one joined to the next, a short last one to the one before."""
    joined = [""]
    for piece in pieces:
        if joined[-1] and len(joined[-1].strip()) >= minimum:
            joined.append(piece)
        else:
            joined[-1] += piece
    if len(joined) > 1 and len(joined[-1].strip()) < minimum:
        last = joined.pop()
        joined[-1] += last
    return joined


def _trimmed(document: Document, start: int, piece: str) -> Passage:
    begin = start + len(piece) - len(piece.lstrip())
    end = begin + len(piece.strip())
    return Passage(document.id, begin, end, document.text[begin:end])


@cache
def _splitter(passage_characters: int) -> "RecursiveCharacterTextSplitter":
    # Its import takes half a second, which only those who index should pay.
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    return RecursiveCharacterTextSplitter(
        separators=[PARAGRAPH_END, SENTENCE_END, r"\n", r"\s", ""],
        is_separator_regex=True,
        keep_separator="end",
        strip_whitespace=False,
        chunk_size=passage_characters,
        chunk_overlap=0,
    )
