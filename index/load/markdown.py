"""Markdown: the file exactly as decoded; front matter and headings only name and date it."""

import re

from ..language import detect
from .dates import iso_date, written_date
from .parsed import Parsed, first_line
from .text import decode

_FRONT_MATTER = re.compile(r"\A---[ \t]*\r?\n(.*?)^(?:---|\.\.\.)[ \t]*$", re.DOTALL | re.MULTILINE)
_FENCE = re.compile(r" {0,3}(```|~~~)")
_HASHED = re.compile(r" {0,3}#{1,6}[ \t]+(\S.*)")
_UNDERLINE = re.compile(r" {0,3}=+[ \t]*")


def parse_markdown(data: bytes, name: str, _max_bytes: int) -> Parsed:
    text = decode(data, name)
    front = _FRONT_MATTER.match(text)
    body = text[front.end() :] if front else text
    day = _front_value(front, "date")
    return Parsed(
        text,
        title=_front_value(front, "title")
        or _heading(body)
        # Without a heading, the first line of the article, not the dashes of the front matter.
        or (first_line(body) if front else None),
        stated=iso_date(day) or written_date(day, detect(body)),
    )


def _heading(body: str) -> str | None:
    """The first heading outside fenced code, by lines: no pattern has to try a long line twice."""
    fence = before = ""
    for line in body.splitlines():
        mark = _FENCE.match(line)
        if mark is not None and fence in ("", mark[1]):
            fence = "" if fence else mark[1]
            before = ""
        elif not fence:
            if hashed := _HASHED.fullmatch(line.rstrip()):
                return re.sub(r"(?<=[ \t])#+$", "", hashed[1]).rstrip() or None
            if before and _UNDERLINE.fullmatch(line):
                return before
            before = "" if line.startswith(("    ", "\t")) else line.strip()
    return None


def _front_value(front: re.Match[str] | None, key: str) -> str:
    """The value of a top-level `key: value` line of the front matter, unquoted, or ""."""
    if front is None:
        return ""
    line = re.search(rf"^{key}[ \t]*:(.*)$", front[1], re.MULTILINE | re.IGNORECASE)
    value = line[1].strip() if line else ""
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        value = value[1:-1]
    return value
