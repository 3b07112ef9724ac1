"""Dates as documents write them, and which of them is the document's own.

A date is read as ISO, written out in French or English, or in numbers with slashes. It is the
document's own where it stands as letters, news and minutes put it: alone on its line, at the
head of a paragraph or after a place or "published on", at the end of a title. Within a sentence,
and as the day somebody was born, it is only something that the text tells.
"""

import re
import unicodedata
from collections.abc import Iterator
from datetime import date

from ..types import Language

# How far from the top a date is still the date of the article.
_DATELINE_LENGTH = 300
# A line longer than that is one of a paragraph.
_LINE_LENGTH = 80
# What Markdown puts around a date.
_MARKS = dict.fromkeys(map(ord, "*_#>"))

_ISO_DATE = re.compile(r"(?<![\d-])((?:1[5-9]|20)\d\d)-(\d\d)-(\d\d)(?!\d|-\d)")


def iso_date(text: str) -> date | None:
    found = _ISO_DATE.search(text)
    return to_date(*map(int, found.groups())) if found else None


def date_on_top(text: str, language: Language) -> date | None:
    """The date that the first lines give as the document's own, an ISO date before others."""
    top = text.lstrip()[: _DATELINE_LENGTH + _LINE_LENGTH]
    if not _ANY_YEAR.search(top):
        return None
    plain = _plain("\n".join(top.splitlines())).translate(_MARKS)
    return _iso_date_on_top(plain) or next(
        (
            day
            for found, day in _written_dates(plain, language)
            if found.start() < _DATELINE_LENGTH and _is_dateline(plain, found)
        ),
        None,
    )


def _iso_date_on_top(plain: str) -> date | None:
    """An ISO date among the first five lines, on a line too short to be a paragraph."""
    for line in plain[:_DATELINE_LENGTH].splitlines()[:5]:
        before = line.partition("-")[0]
        if len(line) <= _LINE_LENGTH and not _LIFE.search(before) and (day := iso_date(line)):
            return day
    return None


_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "janvier janv january jan",
            "fevrier fevr fev february feb",
            "mars march mar",
            "avril avr april apr",
            "mai may",
            "juin june jun",
            "juillet juil july jul",
            "aout august aug",
            "septembre september sept sep",
            "octobre october oct",
            "novembre november nov",
            "decembre december dec",
        ),
        start=1,
    )
    for name in names.split()
}
_MONTH = r"(?P<{}>" + "|".join(sorted(_MONTHS, key=len, reverse=True)) + r")\b\.?"
_ANY_YEAR = re.compile(r"\d{4}")
_YEAR = r"(?P<{}>(?:1[5-9]|20)\d\d)\b"
_WRITTEN_DATE = re.compile(
    # 12 mars 2021, 1er janvier 2022, 12 March 2021, 12th of March, 2021
    r"\b(?P<d1>\d{1,2})\s?(?:er|st|nd|rd|th)?\s+(?:of\s+)?"
    + _MONTH.format("m1")
    + r",?\s+"
    + _YEAR.format("y1")
    # March 12, 2021
    + r"|\b"
    + _MONTH.format("m2")
    + r"\s+(?P<d2>\d{1,2})(?:st|nd|rd|th)?,?\s+"
    + _YEAR.format("y2")
    # 12/03/2021
    + r"|(?<![\d/])(?P<n1>\d{1,2})/(?P<n2>\d{1,2})/"
    + _YEAR.format("y3")
    + r"(?!/)",
    re.IGNORECASE,
)


def written_date(text: str, language: Language) -> date | None:
    """The first date written out, with or without accents, or in numbers with slashes.

    03/04/2021 is 3 April in a French text, and no date in an English one, where it may be either
    day; 13/04/2021 and 04/13/2021 are the same day in both.
    """
    return next((day for _, day in _written_dates(_plain(text), language)), None)


def _plain(text: str) -> str:
    """Without accents, and "1ᵉʳ" as "1er"."""
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


def _written_dates(plain: str, language: Language) -> Iterator[tuple[re.Match[str], date]]:
    for found in _WRITTEN_DATE.finditer(plain):
        day = (
            _numeric(int(found["y3"]), int(found["n1"]), int(found["n2"]), language)
            if found["y3"]
            else to_date(
                int(found["y1"] or found["y2"]),
                _MONTHS[(found["m1"] or found["m2"]).lower()],
                int(found["d1"] or found["d2"]),
            )
        )
        if day:
            yield found, day


def _numeric(year: int, first: int, second: int, language: Language) -> date | None:
    day_first, month_first = to_date(year, second, first), to_date(year, first, second)
    if language == "fr" or month_first is None:
        return day_first or month_first
    return month_first if day_first in (None, month_first) else None


# Where a line ends on purpose: before a blank one, after a mark, or short and not after "le".
_BLOCK_EDGE = re.compile(
    r"\n\s*\n|[.!?:;|][ \t]*\n|^[^\n]{0,44}(?<!\b(?:le|du|on|of))\n", re.MULTILINE | re.IGNORECASE
)
_INTRODUCTION = re.compile(
    r"(?:\b(?:le|on|the|lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|monday|tuesday"
    r"|wednesday|thursday|friday|saturday|sunday)\b[\s,]*)+\Z",
    re.IGNORECASE,
)
_SEPARATED = re.compile(r"[,\u2013\u2014|\u00b7(\-]\s*\Z")
_UNTIL = re.compile(
    rf"\s*[\u2013\u2014-]\s*(?:\w+,?\s+)?(?:{_WRITTEN_DATE.pattern})", re.IGNORECASE
)
_OF = re.compile(r"\b(?:du|of)\s*\Z", re.IGNORECASE)
_PUBLISHED = re.compile(
    r"\b(?:dated?|publi\w+|parue?|ligne|jour|actualise\w*|modifie\w*|posted|updated|issued|released"
    r"|written|signed)(?:\s*:)?\s*\Z|\bdate\b[^:]*:\s*\Z",
    re.IGNORECASE,
)
_LIFE = re.compile(
    r"\b(?:nee?s?|naissance|morte?s?|decede\w*|deces|born|births?|died|death)\b|\u2020\s*\Z",
    re.IGNORECASE,
)
# A place or a name has capitals; a longer word without one belongs to a sentence.
_OF_A_SENTENCE = re.compile(r"\b[a-z]\w{3,}")


def _is_dateline(plain: str, found: re.Match[str]) -> bool:
    """Whether the date stands alone, at the head of its paragraph, or at the end of a title."""
    edges = [edge.end() for edge in _BLOCK_EDGE.finditer(plain, 0, found.start())]
    before = plain[edges[-1] if edges else 0 : found.start()]
    after = plain[found.end() :].partition("\n")[0].strip()
    if _LIFE.search(before) or _WRITTEN_DATE.search(before) or _UNTIL.match(after):
        return False
    if before.count("(") > before.count(")") and not after.startswith(")"):
        return False
    opening = _INTRODUCTION.sub("", before)
    is_line = len(before) + len(found[0]) + len(after) <= _LINE_LENGTH
    if not opening.strip():
        return is_line or not before.strip()
    if _PUBLISHED.search(opening):
        return True
    ends_line = is_line and not after.strip(".)")
    if ends_line and (_SEPARATED.search(opening) or _OF.search(opening)):
        return True
    return bool(_SEPARATED.search(opening)) and not _OF_A_SENTENCE.search(opening)


def to_date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
