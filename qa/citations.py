"""Turns a span of a document into a citation, and refuses one that does not hold."""

from bisect import bisect_right

from index import Document, Passage

from .types import Citation


def cite(
    document: Document,
    start: int,
    end: int,
    answer: tuple[int, int] | None = None,
    *,
    changed: bool = False,
    copies: tuple[Passage, ...] = (),
) -> Citation:
    """The citation of `document.text[start:end]`, with the short answer's span if there is one.

    Raises ValueError if the span is empty or outside the text, or the answer outside the span: a
    citation that does not hold is a defect of the reader and must not reach a person.
    """
    if not 0 <= start < end <= len(document.text):
        raise ValueError(f"{document.id}[{start}:{end}] is no span of the document")
    if answer is not None and not start <= answer[0] < answer[1] <= end:
        raise ValueError(f"the answer {answer} is outside {document.id}[{start}:{end}]")
    return Citation(
        document_id=document.id,
        start=start,
        end=end,
        quote=document.text[start:end],
        title=document.title,
        source=document.source,
        date=document.date,
        page=bisect_right(document.page_starts, start) or None,
        answer=answer,
        changed=changed,
        copies=copies,
    )
