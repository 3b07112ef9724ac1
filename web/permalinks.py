"""The page behind a lasting link: one document, open at one span, without the chat's script.

    GET /source/<document>?start=&end=&check=&lang=

Without `start` and `end` the document is shown from its beginning. 404: there is no such document,
or it is another session's; 400: the offsets are no span of it. A span whose words are no longer
those of `check` is not marked: the page says that the document has changed. The links themselves
are built in `qa`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from qa import LANGUAGES, Document, Language, check_of, markup, shown_id, text

from .language import spoken
from .sessions import Libraries, Library

_STYLE = Path(__file__).parent.parent / "assets" / "source.css"
_OFFSET = re.compile(r"[0-9]{1,12}")
# One address shows other things to other sessions and in other languages.
_HEADERS = {"Cache-Control": "private, no-cache", "Vary": "Accept-Language, Cookie"}

Span = tuple[int, int]


def source_route(libraries: Libraries) -> Route:
    """The route of the page, over the library of whoever asks."""

    def show(request: Request) -> HTMLResponse:
        language = spoken(request.query_params, request.headers)
        return _Visit(request, libraries.of(request), language).reply()

    return Route("/source/{document_id:path}", show)


@dataclass(frozen=True, slots=True)
class _Visit:
    """One request for a document, by somebody who reads `language`."""

    request: Request
    library: Library
    language: Language

    def reply(self) -> HTMLResponse:
        """The document at its place, or one sentence and its status."""
        document_id = self.request.path_params["document_id"]
        document = self.library.document(document_id)
        if document is None:
            return self._refusal(404, "no_such_document", name=shown_id(document_id))
        query = self.request.query_params
        if "start" not in query and "end" not in query:
            return self._document(document, markup.Place(document.id, (0, 0)))
        span = _span(query)
        if span is not None:
            words = document.text[slice(*span)]
            place = markup.Place(document.id, span, check=query.get("check", check_of(words)))
            if not place.holds_in(document) or len(words) == span[1] - span[0] > 0:
                return self._document(document, place)
        return self._refusal(400, "bad_place", length=len(document.text))

    def _document(self, document: Document, place: markup.Place) -> HTMLResponse:
        shown = markup.document_html(
            document,
            place,
            self.language,
            changed=self.library.source_changed(document.id),
            whole=True,
            alone=True,
        )
        chat = escape(f"/{markup.link_to(place)}")
        back = f'<p><a href="{chat}">{text("open_in_chat", self.language)}</a></p>'
        return self._page(shown + back, document.title)

    def _refusal(self, status: int, key: str, **values: object) -> HTMLResponse:
        sentence = text(key, self.language, **values)
        return self._page(markup.refusal_html(sentence), "Opcit", status)

    def _page(self, body: str, title: str, status: int = 200) -> HTMLResponse:
        style = _STYLE.read_text(encoding="utf-8")
        return HTMLResponse(
            "<!doctype html>"
            f'<html lang="{self.language}"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{escape(title)}</title><style>{style}</style></head>"
            f'<body><header><h1><a class="name" href="/">Op. cit.</a></h1>{self._switch()}</header>'
            f"<main>{body}</main></body></html>",
            status,
            _HEADERS,
        )

    def _switch(self) -> str:
        links = []
        for other in LANGUAGES:
            query = escape(self.request.url.include_query_params(lang=other).query)
            current = ' aria-current="true"' if other == self.language else ""
            links.append(f'<a href="?{query}" lang="{other}"{current}>{other.upper()}</a>')
        return f'<nav aria-label="{text("switch_language", self.language)}">{"".join(links)}</nav>'


def _span(query: Mapping[str, str]) -> Span | None:
    """The offsets of a link, or None where one is missing or no number."""
    start, end = query.get("start", ""), query.get("end", "")
    if not _OFFSET.fullmatch(start) or not _OFFSET.fullmatch(end):
        return None
    return int(start), int(end)
