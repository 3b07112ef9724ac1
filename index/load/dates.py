"""Dates as documents write them: ISO, or written out in French or English."""

import re
import unicodedata
from datetime import date

# How far from the top a written date is still the date of the article.
DATELINE_LENGTH = 300

_ISO_DATE = re.compile(r"(?<![\d-])((?:1[5-9]|20)\d\d)-(\d\d)-(\d\d)(?!\d|-\d)")


def iso_date(text: str) -> date | None:
    found = _ISO_DATE.search(text)
    return to_date(*map(int, found.groups())) if found else None


def iso_date_on_top(text: str) -> date | None:
    """An ISO date among the first five lines, on a line too short to be a paragraph."""
    lines = text.lstrip()[:DATELINE_LENGTH].splitlines()[:5]
    return next((day for line in lines if len(line) <= 80 and (day := iso_date(line))), None)


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
_YEAR = r"(?P<{}>(?:1[5-9]|20)\d\d)\b"
_WRITTEN_DATE = re.compile(
    # 12 mars 2021, 1er janvier 2022, 12 March 2021, 12th of March, 2021
    r"\b(?P<d1>\d{1,2})(?:er|st|nd|rd|th)?\s+(?:of\s+)?"
    + _MONTH.format("m1")
    + r",?\s+"
    + _YEAR.format("y1")
    # March 12, 2021
    + r"|\b"
    + _MONTH.format("m2")
    + r"\s+(?P<d2>\d{1,2})(?:st|nd|rd|th)?,?\s+"
    + _YEAR.format("y2")
)


def written_date(text: str) -> date | None:
    """The first date written out in French or English, with or without accents."""
    plain = "".join(
        character
        for character in unicodedata.normalize("NFD", text.casefold())
        if not unicodedata.combining(character)
    )
    for found in _WRITTEN_DATE.finditer(plain):
        day = to_date(
            int(found["y1"] or found["y2"]),
            _MONTHS[found["m1"] or found["m2"]],
            int(found["d1"] or found["d2"]),
        )
        if day:
            return day
    return None


def to_date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
