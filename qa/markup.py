"""Answers, documents and links as HTML, with everything that is not ours escaped.

Pure functions: they know no server and no index. Whatever comes from a document, a file name or a
person passes through `_escape`, which leaves neither a tag nor a line break, so that a message is
one line of HTML that a Markdown renderer does not read. The style of the classes is in
`assets/page.css`.

A link `#cite=document:start:end&answer=start:end` says all that is needed to open a passage, so it
works in a new window and after a restart.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from itertools import pairwise
from urllib.parse import parse_qs, quote

from index import LANGUAGES, Document, Entry, Hit, Language

from .texts import date_text, text
from .types import Answer, Citation
from .uploads import shown_id

WINDOW = 20_000  # characters shown around a span, so that a long document opens fast
_LISTED = 300  # documents in the list

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a link leads: a span of a document, and the answer inside it where it has one.

    `near` marks a passage that is only close to the question.
    """

    document_id: str
    span: Span
    answer: Span | None = None
    near: bool = False


def link_to(place: Place) -> str:
    """The link that opens a place; `read_link` is its inverse."""
    kind = "near" if place.near else "cite"
    link = f"#{kind}={quote(place.document_id, safe='')}:{place.span[0]}:{place.span[1]}"
    return link if place.answer is None else f"{link}&answer={place.answer[0]}:{place.answer[1]}"


def read_link(link: str) -> Place | None:
    """The place a link leads to, or None where it is no such link."""
    fields = parse_qs(link.removeprefix("#"))
    near = "near" in fields
    try:
        document_id, start, end = fields["near" if near else "cite"][0].rsplit(":", 2)
        answer = None
        if "answer" in fields:
            first, last = fields["answer"][0].split(":")
            answer = int(first), int(last)
        return Place(document_id, (int(start), int(end)), answer, near)
    except (KeyError, ValueError):
        return None


def place_of(citation: Citation) -> Place:
    """Where a citation is."""
    return Place(citation.document_id, (citation.start, citation.end), citation.answer)


# -- messages ------------------------------------------------------------------------------------


def question_html(question: str) -> str:
    """What a person asked."""
    return f'<p class="question">{_escape(question)}</p>'


def note_html(sentence: str) -> str:
    """What Opcit is doing, in a sentence."""
    return f'<p class="note">{_escape(sentence)}</p>'


def refusal_html(sentence: str) -> str:
    """Why Opcit does not do what was asked, in a sentence."""
    return f'<p class="refusal">{_escape(sentence)}</p>'


def answer_html(answer: Answer) -> str:
    """The short answer, then each quote with its chip, title and date."""
    language = answer.language
    quotes = "".join(
        _quote_html(number, citation, language)
        for number, citation in enumerate(answer.citations, start=1)
    )
    sure = "confidence" if answer.sure else "unsure"
    short = f'<p class="short"><strong>{_escape(answer.text)}</strong></p>'
    if answer.text == answer.citations[0].quote:
        short = ""  # nothing shorter was found: the quote itself answers
    return (
        f'<div class="answer cites" lang="{language}">{short}{quotes}'
        f'<p class="confidence" title="{text("confidence_hint", language)}">'
        f"{text(sure, language, percent=answer.percent)}</p></div>"
    )


def abstention_html(answer: Answer, nearest: Sequence[tuple[Hit, Document]]) -> str:
    """That the documents are silent, and where to look all the same."""
    language = answer.language
    chips = "".join(
        f'<li><a class="cite near" href="{_link(_near(hit))}">{_escape(document.title)}</a> '
        f'<span class="from">{_when(document.date, language)}</span></li>'
        for hit, document in nearest
    )
    where = f"<p>{text('nearest', language)}</p><ul>{chips}</ul>" if chips else ""
    return (
        f'<div class="abstention cites" lang="{language}">'
        f'<p class="silent">{_escape(answer.text)}</p>{where}</div>'
    )


def _quote_html(number: int, citation: Citation, language: Language) -> str:
    opening = text("open_citation", language, title=citation.title)
    quoted = _emphasised(citation.quote, citation.start, citation.answer)
    page = "" if citation.page is None else text("page", language, page=citation.page)
    where = " · ".join(filter(None, [_when(citation.date, language), page]))
    changed = f'<p class="changed">{text("changed", language)}</p>' if citation.changed else ""
    return (
        f'<blockquote><p>{quoted} <a class="cite" href="{_link(place_of(citation))}"'
        f' title="{_escape(opening)}">[{number}]</a></p>'
        f'<p class="from"><cite>{_escape(citation.title)}</cite> · {where}</p>{changed}'
        "</blockquote>"
    )


def _emphasised(quoted: str, start: int, answer: Span | None) -> str:
    if answer is None:
        return _escape(quoted)
    first, last = answer[0] - start, answer[1] - start
    return (
        f"{_escape(quoted[:first])}<em>{_escape(quoted[first:last])}</em>{_escape(quoted[last:])}"
    )


# -- the document --------------------------------------------------------------------------------


def document_html(
    document: Document,
    place: Place,
    language: Language,
    *,
    group: Sequence[Place] = (),
    changed: bool = False,
    whole: bool = False,
    alone: bool = False,
) -> str:
    """A document open at a place.

    The place is marked, its answer more strongly, and the other places of `group` in the same
    document lightly. Without `whole`, only about WINDOW characters around the place are shown.
    With `alone` the document is a page of its own, which the browser opens at the mark without a
    script. A span that reaches outside the document is cut.
    """
    others = [other.span for other in group if other.document_id == document.id]
    first, last = (0, len(document.text)) if whole else _window(document.text, place.span)
    shown_from = first or _title_end(document, [place.span, *others])
    marked = _marked(document.text, (shown_from, last), place, others, alone=alone)
    notice = f'<p class="changed">{text("changed_shown", language)}</p>' if changed else ""
    facts = [_when(document.date, language), _escape(shown_id(document.id))]
    page = sum(start <= place.span[0] for start in document.page_starts)
    if page:
        facts.insert(1, text("page", language, page=page))
    return (
        f'<article class="paper" lang="{document.language}">'
        f'<p class="kicker" lang="{language}">{" · ".join(facts)}</p>'
        f"<h2>{_escape(document.title)}</h2>{notice}"
        f"{_hidden(first, language)}"
        f'<div class="text">{marked}</div>'
        f"{_hidden(len(document.text) - last, language)}</article>"
    )


def toolbar_html(place: Place, group: Sequence[Place], language: Language) -> str:
    """Previous and next citation, the link to copy, the way back to the list."""
    here = group.index(place) if place in group else -1
    chips = "".join(_step_html(other, at + 1, at == here) for at, other in enumerate(group))
    steps = (
        _button("step", "‹", text("previous", language), "-1")
        + chips
        + _button("step", "›", text("next", language), "1")
        if len(group) > 1
        else chips
    )
    return (
        f'<nav class="toolbar cites" aria-label="{text("citations", language)}">'
        f'<span class="steps">{steps}</span>'
        f'<button type="button" class="copy" data-done="{text("copied", language)}">'
        f"{text('copy_link', language)}</button>"
        f'<a class="all" href="#library">{text("to_library", language)}</a>'
        f"{_button('close', '×', text('close', language))}</nav>"
    )


def _step_html(place: Place, number: int, current: bool) -> str:
    kind = "cite near" if place.near else "cite"
    mark = ' aria-current="true"' if current else ""
    return f'<a class="{kind}" href="{_link(place)}"{mark}>[{number}]</a>'


def library_html(entries: Iterable[Entry], language: Language) -> str:
    """The list of documents, newest first."""
    newest = sorted(entries, key=lambda entry: entry.date or date.min, reverse=True)
    rows = "".join(
        f'<li><a class="cite" href="{_link(Place(entry.id, (0, 0)))}" lang="{entry.language}">'
        f'{_escape(entry.title)}</a><span class="from">{_when(entry.date, language)} · '
        f"{_escape(shown_id(entry.id))}</span></li>"
        for entry in newest[:_LISTED]
    )
    rest = len(newest) - _LISTED
    more = f"<p>{text('library_rest', language, count=rest)}</p>" if rest > 0 else ""
    lead = text("reader_empty" if newest else "library_empty", language)
    return (
        f'<section class="library" lang="{language}">'
        f'<nav class="toolbar">{_button("close", "×", text("close", language))}</nav>'
        f'<p class="lead">{lead}</p>'
        f"<h2>{text('library', language, count=len(newest))}</h2><ul>{rows}</ul>{more}</section>"
    )


def _marked(whole: str, window: Span, place: Place, others: Iterable[Span], *, alone: bool) -> str:
    """The text of the window with its marks; one `mark` element for the place itself."""
    span = _cut(place.span, window)
    edges = {*window, *span}
    lights = [_cut(other, window) for other in others]
    edges.update(edge for light in lights for edge in light)
    edges = {edge for edge in edges if not span[0] < edge < span[1]}
    parts = []
    for first, last in pairwise(sorted(edges)):
        part = whole[first:last]
        if (first, last) == span:
            kind = "passage" if place.near else "cited"
            inner = _emphasised(part, first, place.answer and _cut(place.answer, span))
            opened = " autofocus" if alone else ""
            parts.append(f'<mark class="{kind}" tabindex="-1"{opened}>{inner}</mark>')
        elif any(light[0] <= first and last <= light[1] for light in lights):
            parts.append(f'<mark class="other">{_escape(part)}</mark>')
        else:
            parts.append(_escape(part))
    return "".join(parts)


def _title_end(document: Document, spans: Iterable[Span]) -> int:
    """Where the text goes on after its own title, so that the title is not shown twice.

    0 where the text does not begin with it, or where one of the spans reaches into it.
    """
    whole = document.text
    start = len(whole) - len(whole.lstrip("\ufeff# \t\r\n"))
    end = start + len(document.title)
    if not whole.startswith(document.title, start) or whole[end : end + 1] not in ("\n", "\r"):
        return 0
    after = re.compile(r"\s*").match(whole, end)
    end = after.end() if after else end
    return 0 if any(span[0] < end and span[0] < span[1] for span in spans) else end


def _window(whole: str, span: Span) -> Span:
    """About WINDOW characters around a span, on line borders where there are some near."""
    middle = (span[0] + span[1]) // 2
    first = max(0, min(middle - WINDOW // 2, span[0]))
    last = min(len(whole), max(middle + WINDOW // 2, span[1]))
    if first:
        first = whole.find("\n", first, first + 500) + 1 or first
    if last < len(whole):
        end = whole.rfind("\n", last - 500, last)
        last = max(span[1], end) if end >= 0 else last
    return min(first, max(span[0], 0)), last


def _cut(span: Span, window: Span) -> Span:
    first = min(max(span[0], window[0]), window[1])
    return first, min(max(span[1], first), window[1])


def _hidden(count: int, language: Language) -> str:
    if not count:
        return ""
    number = f"{count:,}".replace(",", "\u202f" if language == "fr" else ",")
    return (
        f'<p class="hidden-text" lang="{language}">… {text("hidden_text", language, count=number)}'
        f' <button type="button" class="whole">{text("show_all", language)}</button></p>'
    )


# -- small parts ---------------------------------------------------------------------------------


def examples_html(questions: Iterable[tuple[Language, str]], language: Language) -> str:
    """The first words of an empty conversation, with questions to start from."""
    buttons = "".join(
        f'<button type="button" class="example" lang="{spoken}">{_escape(question)}</button>'
        for spoken, question in questions
    )
    return (
        f'<div class="welcome" lang="{language}"><h2>{text("welcome", language)}</h2>'
        f'<p>{text("welcome_more", language)}</p><div class="examples">{buttons}</div></div>'
    )


def head_html(language: Language, documents: int) -> str:
    """The page's head: name, list of documents, switch of language."""
    switches = "".join(
        f'<button type="button" class="language" lang="{other}" value="{other}"'
        f' aria-pressed="{str(other == language).lower()}">{other.upper()}</button>'
        for other in LANGUAGES
    )
    return (
        f'<header class="masthead" lang="{language}">'
        f'<h1><a class="name" href="#">Op. cit.</a></h1>'
        f'<p class="tagline">{text("tagline", language)}</p>'
        f'<a class="all" href="#library">{text("library", language, count=documents)}</a>'
        f'<span role="group" aria-label="{text("switch_language", language)}">{switches}</span>'
        "</header>"
    )


def progress_html(done: int, total: int, language: Language) -> str:
    """How many of the added files have been read."""
    return (
        f'<p lang="{language}">{text("adding", language, done=done, total=total)}</p>'
        f'<progress value="{done}" max="{total}"></progress>'
    )


def outcome_html(
    added: Sequence[str], changed: Sequence[str], skipped: Sequence[str], language: Language
) -> str:
    """What became of each added file."""
    told = [
        f"<p>{text(key, language, names=', '.join(_escape(_name(id_)) for id_ in ids))}</p>"
        for key, ids in (("added_files", added), ("changed_files", changed))
        if ids
    ]
    if skipped:
        lines = "".join(f"<li>{_escape(sentence)}</li>" for sentence in skipped)
        told.append(f"<p>{text('skipped_files', language)}</p><ul>{lines}</ul>")
    return "".join(told) or f"<p>{text('unchanged_files', language)}</p>"


def _button(kind: str, sign: str, name: str, value: str = "") -> str:
    return (
        f'<button type="button" class="{kind}" value="{value}" aria-label="{name}" title="{name}">'
        f"{sign}</button>"
    )


def _near(hit: Hit) -> Place:
    passage = hit.passage
    return Place(passage.document_id, (passage.start, passage.end), near=True)


def _when(day: date | None, language: Language) -> str:
    return text("undated", language) if day is None else date_text(day, language)


def _name(document_id: str) -> str:
    return document_id.rsplit("/", 1)[-1]


def _link(place: Place) -> str:
    return escape(link_to(place))


def _escape(words: str) -> str:
    """HTML without tags, quotes or line breaks; a browser reads the very same characters."""
    return escape(words).replace("\r", "&#13;").replace("\n", "&#10;")
