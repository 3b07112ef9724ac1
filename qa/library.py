"""Which documents a person looks for, and which ones the questions are limited to.

Pure functions over the entries of an index. They know no page: the values come as the strings a
form holds, and what is no date counts as none.
"""

from collections.abc import Iterable, Mapping
from datetime import date

from index import Entry, Filter, folded_words

from .uploads import shown_id


def read_filter(fields: Mapping[str, object]) -> Filter:
    """The filter of a form with `documents` (ids), `after` and `before` (ISO dates).

    No document chosen means all of them.
    """
    listed = fields.get("documents")
    chosen = listed if isinstance(listed, list) else []
    documents = frozenset(id_ for id_ in chosen if isinstance(id_, str))
    return Filter(documents or None, _day(fields.get("after")), _day(fields.get("before")))


def find_entries(
    entries: Iterable[Entry], words: str, after: date | None, before: date | None
) -> list[Entry]:
    """The entries dated between two days whose title or file name has all the words, newest first.

    A word may be the beginning of one; case and accents do not count. An undated document is
    outside any range.
    """
    wanted = folded_words(words)
    found = [
        entry for entry in entries if _within(entry.date, after, before) and _has(entry, wanted)
    ]
    return sorted(found, key=lambda entry: entry.date or date.min, reverse=True)


def _within(day: date | None, after: date | None, before: date | None) -> bool:
    if day is None:
        return after is None and before is None
    return (after or date.min) <= day <= (before or date.max)


def _has(entry: Entry, wanted: list[str]) -> bool:
    have = folded_words(f"{entry.title} {shown_id(entry.id)}")
    return all(any(word.startswith(part) for word in have) for part in wanted)


def _day(value: object) -> date | None:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
