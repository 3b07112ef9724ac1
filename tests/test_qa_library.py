"""Which documents are found, and which the questions are limited to."""

from datetime import date

import pytest

from index import Entry, Filter
from index.types import FileState
from qa import find_entries, read_filter


def entry(id_: str, title: str, day: date | None) -> Entry:
    return Entry(1, id_, "/root", f"/root/{id_}", title, "fr", day, FileState(1, 1, ""))


CRUE = entry("2021-crue.txt", "Crue de la Vire", date(2021, 7, 20))
MUSEE = entry("musee.pdf", "Le musée d’Évreux rouvre", date(2023, 5, 2))
NOTE = entry(f"session-{0:032x}/note.md", "Note sans date", None)
ALL = [CRUE, MUSEE, NOTE]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("", [MUSEE, CRUE, NOTE]),
        ("MUSEE evr", [MUSEE]),
        ("musée crue", []),
        ("2021", [CRUE]),
        ("pdf", [MUSEE]),
        ("ire", []),
        ("session", []),
        ("  ?! ", [MUSEE, CRUE, NOTE]),
    ],
)
def test_words_are_found_in_titles_and_file_names(words: str, found: list[Entry]) -> None:
    assert find_entries(ALL, words, None, None) == found


@pytest.mark.parametrize(
    ("after", "before", "found"),
    [
        (date(2021, 7, 20), None, [MUSEE, CRUE]),
        (date(2021, 7, 21), None, [MUSEE]),
        (None, date(2021, 7, 20), [CRUE]),
        (date(2022, 1, 1), date(2022, 12, 31), []),
        (date(2024, 1, 1), date(2020, 1, 1), []),
    ],
)
def test_both_days_of_a_range_count_and_the_undated_are_outside(
    after: date | None, before: date | None, found: list[Entry]
) -> None:
    assert find_entries(ALL, "", after, before) == found


def test_a_form_becomes_a_filter() -> None:
    form = {"documents": ["a.txt", "b.txt"], "after": "2021-01-02", "before": "2022-03-04"}

    assert read_filter(form) == Filter(
        frozenset({"a.txt", "b.txt"}), date(2021, 1, 2), date(2022, 3, 4)
    )


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"documents": [], "after": "", "before": ""},
        {"documents": "a.txt", "after": 5, "before": "2022-13-40"},
        {"documents": [1, None], "after": None, "before": "demain"},
    ],
)
def test_what_a_form_does_not_say_limits_nothing(form: dict[str, object]) -> None:
    assert read_filter(form) == Filter()
