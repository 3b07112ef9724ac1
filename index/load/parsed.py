"""What a format's own module finds in a file, and the words that all of them use."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

_TITLE_LENGTH = 200
# Control characters other than tab, line feed, vertical tab, form feed and carriage return.
CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a format's own function found in a file; None where the file states nothing.

    `stated` is a date the article gives for itself, `stored` one that the file carries as
    metadata, which may only say when somebody exported it.
    """

    text: str
    title: str | None = None
    stated: date | None = None
    stored: date | None = None
    page_starts: tuple[int, ...] = ()


def first_line(text: str) -> str:
    """The first line with anything on it, or "" if it is long or all there is."""
    beginning = text.lstrip()
    line, _, rest = beginning.partition("\n")
    line = one_line(line)
    return line if len(line) <= _TITLE_LENGTH and has_words(line) and has_words(rest) else ""


def one_line(text: str) -> str:
    return (
        re.sub(r"[\r\n\t\v\f\x1c-\x1e\x85\u2028\u2029]+", " ", text).strip().strip("\ufeff\u200b")
    )


def has_words(text: str) -> bool:
    return any(character.isalnum() for character in text)


def shown(name: str | Path) -> str:
    """A name that fits on one line of a message and can be printed."""
    text = str(name).encode("utf-8", errors="backslashreplace").decode()
    return "".join(
        c if c.isprintable() or c in "\u00a0\u202f" else c.encode("unicode_escape").decode()
        for c in text
    )


def reason(error: Exception) -> str:
    """What a parser had to say, on one line and not for ever."""
    words = " ".join(str(error).split()).rstrip(".") or type(error).__name__
    return words if len(words) <= 100 else words[:99] + "…"


def listed(names: Iterable[str]) -> str:
    return " ".join(sorted(names))


def megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size >= 1e6 else f"{size / 1e6:.3f} MB"
