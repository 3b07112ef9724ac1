"""Answers, documents and links as HTML, with everything that is not ours escaped.

Pure functions: they know no server and no index. Whatever comes from a document, a file name or a
person passes through `_escape`, which leaves neither a tag nor a line break, so that a message is
one line of HTML that a Markdown renderer does not read. The style of the classes is in
`assets/page.css`.

A link `#cite=document:start:end&answer=start:end&check=` says all that is needed to open a passage,
so it works in a new window and after a restart. As in `qa.permalinks`, `check` proves the words.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from itertools import pairwise
from typing import Final, Literal, get_args
from urllib.parse import parse_qs, quote

from index import LANGUAGES, Document, Entry, Filter, Hit, Language, Passage

from .permalinks import check_of
from .texts import copies_text, date_text, text
from .types import Answer, Citation
from .uploads import shown_id

WINDOW = 20_000  # characters shown around a span, so that a long document opens fast
_LISTED = 300  # documents in the list
_SNIPPET = 150  # characters shown of a passage that came near
_TITLE = 100  # a longer line is hardly a title

Span = tuple[int, int]
Origin = Literal["upload", "indexed", "sample"]
ORIGINS: Final[tuple[Origin, ...]] = get_args(Origin)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a link leads: a span of a document, and the answer inside it where it has one.

    `near` marks a passage that is only close to the question. `check` is the fingerprint of the
    words that the link was made for, or empty where it was made for none.
    """

    document_id: str
    span: Span
    answer: Span | None = None
    near: bool = False
    check: str = ""

    def holds_in(self, document: Document) -> bool:
        """Whether the document still has the words there that the link was made for."""
        return self.check in ("", check_of(document.text[slice(*self.span)]))


def link_to(place: Place) -> str:
    """The link that opens a place; `read_link` is its inverse."""
    kind = "near" if place.near else "cite"
    link = f"#{kind}={quote(place.document_id, safe='')}:{place.span[0]}:{place.span[1]}"
    if place.answer:
        link += f"&answer={place.answer[0]}:{place.answer[1]}"
    return f"{link}&check={quote(place.check, safe='')}" if place.check else link


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
        check = fields.get("check", [""])[0]
        return Place(document_id, (int(start), int(end)), answer, near, check)
    except (KeyError, ValueError):
        return None


def place_of(citation: Citation) -> Place:
    """Where a citation is."""
    span = citation.start, citation.end
    return Place(citation.document_id, span, citation.answer, check=check_of(citation.quote))


# -- messages ------------------------------------------------------------------------------------


def question_html(question: str, among: Filter | None = None, language: Language = "fr") -> str:
    """What a person asked, and of which documents where not of all."""
    limits = "" if among is None else limits_text(among, language)
    scope = f'<span class="scope" lang="{language}">{limits}</span>' if limits else ""
    return f'<p class="question">{_escape(question)}</p>{scope}'


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
        f'<div class="answer cites" lang="{language}">{_understood_html(answer)}{short}{quotes}'
        f'<div class="deeds"><span class="confidence" title="{text("confidence_hint", language)}">'
        f"{text(sure, language, percent=answer.percent)}</span>{_deeds_html(language)}</div></div>"
    )


def abstention_html(answer: Answer, nearest: Sequence[tuple[Hit, Document]]) -> str:
    """That the documents are silent, and where to look all the same."""
    language = answer.language
    chips = "".join(
        f'<li><a class="cite near" href="{_link(_near(hit.passage))}">{_escape(document.title)}</a>'
        f'<p class="from">{_when(document.date, language)}</p>'
        f'<p class="snippet" lang="{document.language}">{_escape(_snippet(hit.passage.text))}</p>'
        "</li>"
        for hit, document in nearest
    )
    where = f"<p>{text('nearest', language)}</p><ul>{chips}</ul>" if chips else ""
    return (
        f'<div class="abstention cites" lang="{language}">{_understood_html(answer)}'
        f'<p class="silent">{_escape(answer.text)}</p>{where}'
        f'<div class="deeds">{_deeds_html(language)}</div></div>'
    )


def _understood_html(answer: Answer) -> str:
    """How a question was understood that leans on those before it."""
    if answer.understood is None:
        return ""
    told = text("understood", answer.language, question=answer.understood)
    return f'<p class="understood">{_escape(told)}</p>'


def _deeds_html(language: Language) -> str:
    """What one can do with a reply: take it along, say whether it helped."""
    return "".join(
        f'<button type="button" class="deed {kind}" aria-label="{text(key, language)}"'
        f' title="{text(key, language)}"></button>'
        for kind, key in (("copy", "copy_answer"), ("up", "useful"), ("down", "not_useful"))
    )


def _snippet(passage: str) -> str:
    """The beginning of a passage, from its first line that is no title and no date."""
    lines = passage.split("\n")
    begin = next((at for at, line in enumerate(lines) if len(line) > _TITLE), 0)
    words = " ".join(" ".join(lines[begin:]).split())
    return words if len(words) <= _SNIPPET else words[:_SNIPPET].rsplit(" ", 1)[0] + " …"


def _quote_html(number: int, citation: Citation, language: Language) -> str:
    opening = text("open_citation", language, title=citation.title)
    quoted = _emphasised(citation.quote, citation.start, citation.answer)
    page = "" if citation.page is None else text("page", language, page=citation.page)
    where = " · ".join(filter(None, [_when(citation.date, language), page]))
    changed = f'<p class="changed">{text("changed", language)}</p>' if citation.changed else ""
    return (
        f'<blockquote><p>{quoted} <a class="cite" href="{_link(place_of(citation))}"'
        f' title="{_escape(opening)}">[{number}]</a></p>'
        f'<p class="from"><cite>{_escape(citation.title)}</cite> · {where}</p>'
        f"{_copies_html(citation, language)}{changed}</blockquote>"
    )


def _copies_html(citation: Citation, language: Language) -> str:
    """In which other documents nearly the same sentence stands."""
    if not citation.copies:
        return ""
    links = ", ".join(
        f'<a class="cite near" href="{_link(_near(copy))}">'
        f"{_escape(shown_id(copy.document_id))}</a>"
        for copy in citation.copies
    )
    return f'<p class="from">{copies_text(len(citation.copies), language)} {links}</p>'


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
    document lightly. A place where other words stand by now is not marked; of the first, that is
    said. Without `whole`, only about WINDOW characters around the place are shown. With `alone` the
    document is a page of its own, which the browser opens at the mark without a script. A span that
    reaches outside the document is cut.
    """
    moved = not place.holds_in(document)
    if moved:
        place = Place(document.id, (0, 0))
    told = [key for key, so in (("moved", moved), ("changed_shown", changed)) if so]
    others = [
        other.span
        for other in group
        if other.document_id == document.id and other.holds_in(document)
    ]
    first, last = (0, len(document.text)) if whole else _window(document.text, place.span)
    shown_from = first or _title_end(document, [place.span, *others])
    marked = _marked(document.text, (shown_from, last), place, others, alone=alone)
    notices = "".join(
        f'<p class="changed" lang="{language}">{text(key, language)}</p>' for key in told
    )
    facts = [_when(document.date, language), _escape(shown_id(document.id))]
    page = sum(start <= place.span[0] for start in document.page_starts)
    if page:
        facts.insert(1, text("page", language, page=page))
    return (
        f'<article class="paper" lang="{document.language}">'
        f"<header><h2>{_escape(document.title)}</h2>"
        f'<p class="kicker" lang="{language}">{" · ".join(facts)}</p></header>{notices}'
        f"{_hidden(first, language)}"
        f'<div class="text">{marked}</div>'
        f"{_hidden(len(document.text) - last, language)}</article>"
    )


def reply_html(opened: str, serial: object) -> str:
    """What was opened, with the number of the request, so that the page knows whose reply it is."""
    return f'<div data-serial="{serial if isinstance(serial, int) else 0}">{opened}</div>'


def toolbar_html(place: Place, group: Sequence[Place], language: Language, link: str) -> str:
    """Previous and next citation, the lasting link to copy, the way back to the list."""
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
        f'<button type="button" class="copy-link" value="{_escape(link)}"'
        f' data-done="{text("copied", language)}">'
        f"{text('copy_link', language)}</button>"
        f'<a class="all" href="#library">{text("to_library", language)}</a>'
        f"{_button('close', '×', text('close', language))}</nav>"
    )


def _step_html(place: Place, number: int, current: bool) -> str:
    kind = "cite near" if place.near else "cite"
    mark = ' aria-current="true"' if current else ""
    return f'<a class="{kind}" href="{_link(place)}"{mark}>[{number}]</a>'


def library_html(
    groups: Mapping[Origin, Sequence[Entry]],
    count: int,
    language: Language,
    kept_days: float | None = None,
) -> str:
    """The documents found, by where they came from, out of `count` in all.

    `kept_days` says how long added documents stay without a visit; None: until they are removed.
    """
    hints = {"sample": text("samples_hint", language)}
    if kept_days is not None:
        hints["upload"] = text("uploads_hint", language, days=f"{kept_days:g}")
    found = sum(map(len, groups.values()))
    heading = (
        text("library", language, count=count)
        if found == count
        else text("library_found", language, found=found, count=count)
    )
    shown = "".join(
        _group_html(origin, groups[origin], language, hints.get(origin))
        for origin in ORIGINS
        if groups.get(origin)
    )
    if not found:
        shown = (
            f'<p class="lead">{text("library_none" if count else "library_empty", language)}</p>'
        )
    return (
        f'<section class="library" lang="{language}">'
        f'<h2 aria-live="polite">{heading}</h2>{shown}</section>'
    )


def shelf_html(language: Language) -> str:
    """Above the list of documents: the search, and the dates that also limit the questions."""
    dates = "".join(
        f'<label>{text(key, language)} <input type="date" name="{name}"></label>'
        for key, name in (("dated_from", "after"), ("dated_to", "before"))
    )
    search = text("search_titles", language)
    return (
        f'<search class="shelf" lang="{language}">'
        f'<input type="search" name="search" placeholder="{search}" aria-label="{search}">'
        f'<span class="dates">{dates}</span>'
        f"{_button('close', '×', text('close', language))}"
        f'<p class="hint">{text("dates_hint", language)}</p></search>'
    )


def limits_html(among: Filter, language: Language) -> str:
    """That questions go to some documents only, and the way back to all; nothing otherwise."""
    limits = limits_text(among, language)
    if not limits:
        return ""
    return (
        f'<p class="limits" role="status" lang="{language}"><span>{limits}</span> '
        f'<button type="button" class="ask-all">{text("ask_all", language)}</button></p>'
    )


def limits_text(among: Filter, language: Language) -> str:
    """Which documents are asked, in a few words; empty where all of them are."""
    parts = []
    if among.documents is not None:
        parts.append(text("limited_to", language, count=len(among.documents)))
    after = among.after and date_text(among.after, language)
    before = among.before and date_text(among.before, language)
    if after and before:
        parts.append(text("limited_between", language, after=after, before=before))
    elif after:
        parts.append(text("limited_after", language, day=after))
    elif before:
        parts.append(text("limited_before", language, day=before))
    return " · ".join([text("limited", language), *parts]) if parts else ""


def _group_html(
    origin: Origin, entries: Sequence[Entry], language: Language, told: str | None
) -> str:
    hint = f'<p class="hint">{told}</p>' if told else ""
    rows = "".join(_row_html(entry, language, origin == "upload") for entry in entries[:_LISTED])
    rest = len(entries) - _LISTED
    more = f"<p>{text('library_rest', language, count=rest)}</p>" if rest > 0 else ""
    return (
        f'<h3 class="{origin}">{text(f"origin_{origin}", language)}'
        f' <span class="count">{len(entries)}</span></h3>{hint}<ul>{rows}</ul>{more}'
    )


def _row_html(entry: Entry, language: Language, removable: bool) -> str:
    id_, name, title = _escape(entry.id), _escape(shown_id(entry.id)), _escape(entry.title)
    choose = _escape(text("choose", language, title=entry.title))
    which = _escape(text("remove_which", language, title=entry.title))
    remove = (
        f'<button type="button" class="remove" value="{id_}" aria-label="{which}">'
        f"{text('remove', language)}</button>"
        if removable
        else ""
    )
    return (
        f'<li><input type="checkbox" class="choose" value="{id_}" aria-label="{choose}"'
        f' title="{choose}"><div><a class="cite" href="{_link(Place(entry.id, (0, 0)))}"'
        f' lang="{entry.language}">{title}</a>'
        f'<p class="from">{_when(entry.date, language)} · {name}</p></div>{remove}</li>'
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
    told = text("adding", language, done=done, total=total)
    return (
        f'<p lang="{language}" role="status">{told}</p>'
        f'<progress value="{done}" max="{total}" aria-label="{told}"></progress>'
    )


def outcome_html(
    added: Sequence[str], changed: Sequence[str], skipped: Sequence[str], language: Language
) -> str:
    """What became of each added file, a line each."""
    lines = [
        f'<li class="done">{_escape(text(key, language, name=shown_id(id_)))}</li>'
        for key, ids in (("added_file", added), ("changed_file", changed))
        for id_ in ids
    ]
    lines += [f'<li class="left-out">{_escape(sentence)}</li>' for sentence in skipped]
    if not lines:
        return f'<p role="status">{text("unchanged_files", language)}</p>'
    return f'<ul role="status" lang="{language}">{"".join(lines)}</ul>'


def removal_html(document_id: str, language: Language) -> str:
    """That a document was taken away."""
    gone = text("removed_file", language, name=shown_id(document_id))
    return f'<p role="status" lang="{language}">{_escape(gone)}</p>'


def _button(kind: str, sign: str, name: str, value: str = "") -> str:
    return (
        f'<button type="button" class="{kind}" value="{value}" aria-label="{name}" title="{name}">'
        f"{sign}</button>"
    )


def _near(passage: Passage) -> Place:
    span = passage.start, passage.end
    return Place(passage.document_id, span, near=True, check=check_of(passage.text))


def _when(day: date | None, language: Language) -> str:
    return text("undated", language) if day is None else date_text(day, language)


def _link(place: Place) -> str:
    return escape(link_to(place))


def _escape(words: str) -> str:
    """HTML without tags, quotes or line breaks; a browser reads the very same characters."""
    return escape(words).replace("\r", "&#13;").replace("\n", "&#10;")
