"""Answers and conversations as Markdown, with the lasting links of their citations.

Pure functions: they know no page and no file. Whatever comes from a document or a person passes
through `_plain`, so that it cannot become a heading, a link, a picture or HTML of its own.
"""

import re
from collections.abc import Iterable
from datetime import date

from index import Language

from .permalinks import citation_link, hit_link, passage_link
from .texts import copies_text, date_text, text
from .types import Answer, Citation
from .uploads import shown_id

# Every sign that can begin or end a piece of Markdown, or of HTML inside it.
_SIGNS = re.compile(r"([\\`*_{}\[\]<>#|~$&!])")
# A list or a rule is only such at the beginning of a line: `1.`, `-`, `+`, `=`.
_LINE_START = re.compile(r"^(\d+)(?=[.)])|^(?=[-+=])")
# Markdown's own line breaks and those that other programs take for one; no-break spaces stay.
_BREAKS = re.compile(r"[ \t]*[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]\s*")


def answer_markdown(answer: Answer, address: str = "") -> str:
    """The short answer, then each quote with where it stands and the link to it.

    `address` is the server's (`http://127.0.0.1:7860`); without it the links are paths.
    """
    meant = []
    if answer.understood is not None:
        told = text("understood", answer.language, question=answer.understood)
        meant = [_plain(told)]
    if not answer.found:
        return "\n\n".join([*meant, _abstention(answer, address)])
    quotes = [
        _quote(number, citation, answer.language, address)
        for number, citation in enumerate(answer.citations, start=1)
    ]
    short = [f"**{_plain(answer.text)}**"] if answer.text != answer.citations[0].quote else []
    key = "confidence" if answer.sure else "unsure"
    sure = text(key, answer.language, percent=answer.percent)
    return "\n\n".join([*meant, *short, *quotes, sure]) + "\n"


def conversation_markdown(
    answers: Iterable[Answer], language: Language, day: date, address: str = ""
) -> str:
    """A whole conversation of one day, each question a heading over its answer."""
    parts = [f"# {text('conversation_title', language, date=date_text(day, language))}\n"]
    parts += [
        f"## {_plain(answer.question)}\n\n{answer_markdown(answer, address)}" for answer in answers
    ]
    return "\n".join(parts)


def _quote(number: int, citation: Citation, language: Language, address: str) -> str:
    link = f"[{_plain(citation.title)}]({citation_link(citation, address)})"
    day = text("undated", language) if citation.date is None else date_text(citation.date, language)
    page = [] if citation.page is None else [text("page", language, page=citation.page)]
    lines = [
        f"> {_plain(citation.quote)}",
        ">",
        f"> \\[{number}\\] {', '.join([link, day, *page])}",
    ]
    if citation.copies:
        links = ", ".join(
            f"[{_plain(shown_id(copy.document_id))}]({passage_link(copy, address)})"
            for copy in citation.copies
        )
        lines += [">", f"> {copies_text(len(citation.copies), language)} {links}"]
    if citation.changed:
        lines += [">", f"> {text('changed', language)}"]
    return "\n".join(lines)


def _abstention(answer: Answer, address: str) -> str:
    if not answer.nearest:
        return f"{answer.text}\n"
    nearest: dict[str, str] = {}
    for hit in answer.nearest:  # the best passage of each document
        nearest.setdefault(hit.passage.document_id, hit_link(hit, address))
    listed = "\n".join(f"- [{_plain(shown_id(id_))}]({link})" for id_, link in nearest.items())
    return f"{answer.text}\n\n{text('nearest', answer.language)}\n\n{listed}\n"


def _plain(words: str) -> str:
    """Words on one line that Markdown shows as they are."""
    line = _BREAKS.sub(" ", words).strip()
    return _LINE_START.sub(r"\g<1>\\", _SIGNS.sub(r"\\\1", line))
