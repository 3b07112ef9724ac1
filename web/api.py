"""The interface for programs: `/ask` and `/search` as typed JSON, and the same two as MCP tools.

Gradio derives the endpoints' description, and the tools', from the types and docstrings here. A
program sees what its session may see: everybody's documents, or with the cookie of a browser also
those added there. What cannot be asked is refused with a sentence and status 422. Knows no page.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import TypedDict, TypeVar

import gradio as gr
from gradio.events import api
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qa import (
    Answer,
    Citation,
    Filter,
    Hit,
    OpcitError,
    QuestionError,
    Turn,
    citation_link,
    hit_link,
    passage_link,
)

from .sessions import Libraries

_FEW, _MOST = 10, 100  # passages of one search
_EARLIER = 20  # questions of a conversation
_VALUES = 5  # that each endpoint takes
_MOST_BYTES = 1_000_000  # of a call
_CALLED = re.compile(r"/gradio_api/(?:run|api|call)/(?:ask|search)/?")
_REFUSED = "opcit.refused"  # where a request's scope says that the request itself is at fault

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
    """An answer; when the documents are silent, `found` is false and `text` says so. `understood`
    is the question with what it leans on in the conversation, or null."""

    question: str
    understood: str | None
    language: str
    found: bool
    text: str
    confidence: float
    citations: list[CitationData]
    nearest: list[PassageData]


def add_endpoints(libraries: Libraries) -> None:
    """Offer `/ask` and `/search` over these libraries, in the Gradio page that is being built."""

    def ask(
        question: str,
        request: gr.Request,
        documents: list[str] | None = None,
        after: str | None = None,
        before: str | None = None,
        earlier: list[str] | None = None,
    ) -> AnswerData:
        """Answer a question from the documents, with the sentences that say so and their places.

        Args:
            question: A question in French or English.
            documents: Ask these documents only, by their ids.
            after: Ask documents of this day or later only, like 2024-03-01; none without a date.
            before: Ask documents of this day or earlier only; none without a date.
            earlier: The questions before this one that it may lean on, oldest first.
        """
        with _told(request):
            among = _among(documents, after, before)
            history = [Turn(asked) for asked in _texts(earlier, "earlier")[-_EARLIER:]]
            answer = libraries.of(request).ask(_text(question), among, history)
        return _delivered(_answer_data(answer, _address(request)), request)

    def search(
        question: str,
        request: gr.Request,
        k: int | None = _FEW,
        documents: list[str] | None = None,
        after: str | None = None,
        before: str | None = None,
    ) -> list[PassageData]:
        """Find the passages of the documents nearest to a question, best first.

        Args:
            question: Words or a question, in French or English.
            k: How many passages, 1 to 100.
            documents: Search these documents only, by their ids.
            after: Search documents of this day or later only, like 2024-03-01; none without a date.
            before: Search documents of this day or earlier only; none without a date.
        """
        with _told(request):
            among = _among(documents, after, before)
            hits = libraries.of(request).search(_text(question), _count(k), among)
        address = _address(request)
        return _delivered([_passage_data(hit, address) for hit in hits], request)

    # Without the queue an answer is the reply to the request itself: one call is enough.
    api(ask, api_name="ask", queue=False)
    api(search, api_name="search", queue=False)


class PlainCalls:
    """What Gradio lacks for programs that call an endpoint by one request.

    Values at the end of `data` may be left out, and who asked what cannot be asked, or sent what is
    no call, gets status 422 where Gradio says 500 to every error. A call above a megabyte gets 413.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _CALLED.fullmatch(scope["path"]):
            await self._app(scope, receive, send)
            return
        body = await _body(receive)
        if body is None:
            told = f"The body is too large; the limit is {_MOST_BYTES // 1_000_000} MB."
            await JSONResponse({"error": told}, 413)(scope, receive, send)
            return
        called = _filled(body)
        if called is None:
            told = 'The body must be JSON of the form {"data": [...]}.'
            await JSONResponse({"error": told}, 422)(scope, receive, send)
            return
        whole = [called]
        refused: list[OpcitError] = []

        async def receive_all() -> Message:
            return {"type": "http.request", "body": whole.pop()} if whole else await receive()

        async def send_with_status(message: Message) -> None:
            if refused and message["type"] == "http.response.start" and message["status"] == 500:
                message["status"] = 422
            await send(message)

        await self._app({**scope, _REFUSED: refused}, receive_all, send_with_status)


async def _body(receive: Receive) -> bytes | None:
    """A request's body, or None where it is too large: read to its end, so that a reply arrives."""
    pieces, size, more = [], 0, True
    while more:
        message = await receive()
        piece = message.get("body", b"")
        size += len(piece)
        if size <= _MOST_BYTES:
            pieces.append(piece)
        more = message.get("more_body", False)
    return b"".join(pieces) if size <= _MOST_BYTES else None


def _filled(body: bytes) -> bytes | None:
    """A call's body with null for each value that it leaves out; None where it is no call.

    Of what else it holds only the session is handed on: Gradio fails at the rest.
    """
    try:
        call = json.loads(body)
        data, session = call["data"], call.get("session_hash")
        kept = {"session_hash": session} if isinstance(session, str) else {}
        kept["data"] = data + [None] * (_VALUES - len(data))
        # Not as ASCII, so that a lone surrogate, which is no text, is refused.
        return json.dumps(kept, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


@contextmanager
def _told(request: gr.Request) -> Iterator[None]:
    """What Opcit refuses, as the sentence that Gradio hands on."""
    try:
        yield
    except OpcitError as error:
        if isinstance(error, QuestionError):
            asked = getattr(request, "request", request)  # an MCP tool gets Starlette's own
            asked.scope.get(_REFUSED, []).append(error)
        raise gr.Error(str(error), print_exception=False) from error


def _text(question: object) -> str:
    # Gradio hands on whatever JSON holds, also where the description says text.
    if not isinstance(question, str):
        raise QuestionError("The question must be a text.")
    return question


def _texts(given: object, name: str) -> list[str]:
    if given is None:
        return []
    if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        raise QuestionError(f"{name} must be a list of texts.")
    return given


def _day(given: object, name: str) -> date | None:
    if given is None or given == "":
        return None
    try:
        return date.fromisoformat(str(given))
    except ValueError:
        shown = str(given)[:40]
        raise QuestionError(f"{name} must be a day like 2024-03-01, not {shown}.") from None


def _among(documents: object, after: object, before: object) -> Filter:
    """No list, or an empty one, means every document."""
    chosen = frozenset(_texts(documents, "documents"))
    return Filter(chosen or None, _day(after, "after"), _day(before, "before"))


def _count(k: object) -> int:
    if k is None:
        return _FEW
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
        "understood": answer.understood,
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
