"""The page behind a lasting link: one document, open at one span, without the chat's script.

    GET /source/<document>?start=&end=&check=&lang=

Without `start` and `end` the document is shown from its beginning. 404: there is no such document,
or it is another session's; 400: the offsets are no span of it. A span whose words are no longer
those of `check` is not marked: the page says that the document has changed. The links themselves
are built in `qa`.
"""

import re
from collections.abc import Mapping
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
    return Route("/source/{document_id:path}", SourcePage(libraries).show)


class SourcePage:
    """Shows the document that a link names, to whoever may see it."""

    def __init__(self, libraries: Libraries) -> None:
        self._libraries = libraries

    def show(self, request: Request) -> HTMLResponse:
        """The page, or one sentence and its status."""
        language = spoken(request.query_params, request.headers)
        document_id = request.path_params["document_id"]
        library = self._libraries.of(request)
        document = library.document(document_id)
        if document is None:
            name = shown_id(document_id)
            return _page(_refusal("no_such_document", language, name=name), language, request, 404)
        query = request.query_params
        span = _span(query)
        if span is None and {"start", "end"} & {*query}:
            return _bad_place(document, language, request)
        span = span or (0, 0)
        moved = "check" in query and check_of(document.text[slice(*span)]) != query["check"]
        if moved:
            span = (0, 0)
        elif span != (0, 0) and not span[0] < span[1] <= len(document.text):
            return _bad_place(document, language, request)
        return _source(document, span, library, language, request, moved=moved)


def _source(
    document: Document,
    span: Span,
    library: Library,
    language: Language,
    request: Request,
    *,
    moved: bool,
) -> HTMLResponse:
    place = markup.Place(document.id, span)
    changed = library.source_changed(document.id)
    shown = markup.document_html(document, place, language, changed=changed, whole=True, alone=True)
    notice = f'<p class="changed">{text("moved", language)}</p>' if moved else ""
    chat = escape(f"/{markup.link_to(place)}")
    back = f'<p><a href="{chat}">{text("open_in_chat", language)}</a></p>'
    return _page(f"{notice}{shown}{back}", language, request, title=document.title)


def _span(query: Mapping[str, str]) -> Span | None:
    """The offsets of a link, or None where they are missing or no numbers."""
    start, end = query.get("start", ""), query.get("end", "")
    if not _OFFSET.fullmatch(start) or not _OFFSET.fullmatch(end):
        return None
    return int(start), int(end)


def _bad_place(document: Document, language: Language, request: Request) -> HTMLResponse:
    sentence = _refusal("bad_place", language, length=len(document.text))
    return _page(sentence, language, request, 400)


def _refusal(key: str, language: Language, **values: object) -> str:
    return markup.refusal_html(text(key, language, **values))


def _page(
    body: str, language: Language, request: Request, status: int = 200, *, title: str = "Opcit"
) -> HTMLResponse:
    return HTMLResponse(
        "<!doctype html>"
        f'<html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE.read_text(encoding='utf-8')}</style></head>"
        f'<body><header><a class="name" href="/">Op. cit.</a>{_switch(language, request)}</header>'
        f"<main>{body}</main></body></html>",
        status,
        _HEADERS,
    )


def _switch(language: Language, request: Request) -> str:
    links = []
    for other in LANGUAGES:
        query = escape(request.url.include_query_params(lang=other).query)
        current = ' aria-current="true"' if other == language else ""
        links.append(f'<a href="?{query}" lang="{other}"{current}>{other.upper()}</a>')
    return f'<nav aria-label="{text("switch_language", language)}">{"".join(links)}</nav>'
