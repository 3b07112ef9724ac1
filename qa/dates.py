"""The times that a question names, how near a document's date is to them, and how it is written.

News is dated soon after what it tells, so a question about March 2017 is likelier answered by an
article of that month, or of the next, than by another. It is a preference and no filter: articles
look back, and many documents have no date.
"""

import re
from dataclasses import dataclass
from datetime import date
from typing import Final

from index import Language, folded_words

MONTHS: Final[dict[Language, list[str]]] = {
    "fr": (
        "janvier février mars avril mai juin juillet août septembre octobre novembre décembre"
    ).split(),
    "en": (
        "January February March April May June July August September October November December"
    ).split(),
}
_NUMBERS: Final = {
    folded_words(name)[0]: month
    for names in MONTHS.values()
    for month, name in enumerate(names, start=1)
}
_PERIOD: Final = re.compile(
    rf"(?:\b({'|'.join(_NUMBERS)}) (?:\d{{1,2}}(?:st|nd|rd|th)? )?)?\b((?:19|20)\d\d)\b"
)
# How near a date is that lies in the month asked for, in the month after it, or elsewhere in its
# year; and in a year that is asked for as a whole.
_SAME_MONTH, _NEXT_MONTH, _SAME_YEAR, _WHOLE_YEAR = 1.0, 0.6, 0.3, 0.5


@dataclass(frozen=True, slots=True)
class Period:
    """A month of a year, or a whole year where `month` is None."""

    year: int
    month: int | None


def periods(question: str) -> list[Period]:
    """The months and years that a question names, in French or English."""
    words = " ".join(folded_words(question))
    return [
        Period(int(year), _NUMBERS[month] if month else None)
        for month, year in _PERIOD.findall(words)
    ]


def written(day: date, language: Language) -> str:
    """A date as the reader has learnt it: "12 mars 2021", "1 mars 2021" (never "1er")."""
    return f"{day.day} {MONTHS[language][day.month - 1]} {day.year}"


def closeness(day: date | None, asked: list[Period]) -> float:
    """How near a document's date is to one of the periods asked for, 0 to 1."""
    return max((_closeness(day, period) for period in asked), default=0.0) if day else 0.0


def _closeness(day: date, period: Period) -> float:
    if period.month is None:
        return _WHOLE_YEAR if day.year == period.year else 0.0
    months_after = 12 * (day.year - period.year) + day.month - period.month
    if months_after in (0, 1):
        return (_SAME_MONTH, _NEXT_MONTH)[months_after]
    return _SAME_YEAR if day.year == period.year else 0.0
