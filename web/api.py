"""The interface for programs: `/ask` and `/search` as typed JSON, and the same two as MCP tools.

Gradio derives the endpoints' description, and the tools', from the types and docstrings here. A
program sees what its session may see: everybody's documents, or with the cookie of a browser also
those added there. Knows no page.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypedDict, TypeVar

import gradio as gr
from gradio.events import api

from qa import (
    Answer,
    Citation,
    Hit,
    OpcitError,
    QuestionError,
    citation_link,
    hit_link,
    passage_link,
)

from .sessions import Libraries

_MOST = 100  # passages of one search

Data = TypeVar("Data")


class CitationData(TypedDict):
    """A place in a document. `answer_start` and `answer_end` hold the short answer, if there is
    one; offsets are half-open code points of the document's text. `copies` are links to nearly the
    same sentence in other documents."""

    document_id: str
    title: str
    date: str | None
    page: int | None
    start: int
    end: int
    quote: str
    answer_start: int | None
    answer_end: int | None
    changed: bool
    copies: list[str]
    link: str


class PassageData(TypedDict):
    """A passage that was found; a higher score is better."""

    document_id: str
    start: int
    end: int
    text: str
    score: float
    link: str


class AnswerData(TypedDict):
    """An answer; when the documents are silent, `found` is false and `text` says so."""

    question: str
    language: str
    found: bool
    text: str
    confidence: float
    citations: list[CitationData]
    nearest: list[PassageData]


def add_endpoints(libraries: Libraries) -> None:
    """Offer `/ask` and `/search` over these libraries, in the Gradio page that is being built."""

    def ask(question: str, request: gr.Request) -> AnswerData:
        """Answer a question from the documents, with the sentences that say so and their places.

        Args:
            question: A question in French or English.
        """
        with _told():
            answer = libraries.of(request).ask(_text(question))
        return _delivered(_answer_data(answer, _address(request)), request)

    def search(question: str, request: gr.Request, k: int = 10) -> list[PassageData]:
        """Find the passages of the documents nearest to a question, best first.

        Args:
            question: Words or a question, in French or English.
            k: How many passages, 1 to 100.
        """
        with _told():
            hits = libraries.of(request).search(_text(question), _count(k))
        address = _address(request)
        return _delivered([_passage_data(hit, address) for hit in hits], request)

    # Without the queue an answer is the reply to the request itself: one call is enough.
    api(ask, api_name="ask", queue=False)
    api(search, api_name="search", queue=False)


@contextmanager
def _told() -> Iterator[None]:
    """What Opcit refuses, as the sentence that Gradio hands on."""
    try:
        yield
    except OpcitError as error:
        raise gr.Error(str(error), print_exception=False) from error


def _text(question: object) -> str:
    # Gradio hands on whatever JSON holds, also where the description says text.
    if not isinstance(question, str):
        raise QuestionError("The question must be a text.")
    return question


def _count(k: object) -> int:
    if not isinstance(k, int) or isinstance(k, bool) or not 1 <= k <= _MOST:
        raise QuestionError(f"k must be a whole number from 1 to {_MOST}.")
    return k


def _address(request: gr.Request) -> str:
    """The address by which the program reached us; the guard has checked its host."""
    return str(request.base_url).rstrip("/")


def _delivered(data: Data, request: gr.Request) -> Data:
    """The data; for an MCP tool, whose result is text, as JSON: Gradio would write Python."""
    if "/gradio_api/mcp" not in str(request.url):
        return data
    return json.dumps(data, ensure_ascii=False)  # type: ignore[return-value]


def _answer_data(answer: Answer, address: str) -> AnswerData:
    return {
        "question": answer.question,
        "language": answer.language,
        "found": answer.found,
        "text": answer.text,
        "confidence": answer.confidence,
        "citations": [_citation_data(citation, address) for citation in answer.citations],
        "nearest": [_passage_data(hit, address) for hit in answer.nearest],
    }


def _citation_data(citation: Citation, address: str) -> CitationData:
    answer_start, answer_end = citation.answer or (None, None)
    return {
        "document_id": citation.document_id,
        "title": citation.title,
        "date": citation.date.isoformat() if citation.date else None,
        "page": citation.page,
        "start": citation.start,
        "end": citation.end,
        "quote": citation.quote,
        "answer_start": answer_start,
        "answer_end": answer_end,
        "changed": citation.changed,
        "copies": [passage_link(copy, address) for copy in citation.copies],
        "link": citation_link(citation, address),
    }


def _passage_data(hit: Hit, address: str) -> PassageData:
    passage = hit.passage
    return {
        "document_id": passage.document_id,
        "start": passage.start,
        "end": passage.end,
        "text": passage.text,
        "score": hit.score,
        "link": hit_link(hit, address),
    }
