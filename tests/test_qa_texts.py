"""Every sentence exists in both languages, with the same places for values."""

from datetime import date
from string import Formatter

import pytest

from index import LANGUAGES
from qa.texts import TEXTS, date_text, text


def _places(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name is not None}


@pytest.mark.parametrize("key", TEXTS)
def test_a_sentence_is_there_in_both_languages(key: str) -> None:
    assert set(TEXTS[key]) == set(LANGUAGES)
    assert all(sentence.strip() for sentence in TEXTS[key].values())


@pytest.mark.parametrize("key", TEXTS)
def test_both_languages_have_the_same_places_for_values(key: str) -> None:
    french, english = (_places(TEXTS[key][language]) for language in LANGUAGES)

    assert french == english
    assert all(place.isidentifier() for place in french)


def test_values_go_into_their_places() -> None:
    assert text("library", "fr", count=38) == "Documents\u00a0: 38"
    assert text("library", "en", count=38) == "Documents: 38"


def test_only_our_own_words_get_no_break_spaces() -> None:
    told = text("open_citation", "fr", title="a : b")

    assert told == "Ouvrir le passage\u00a0: a : b"


def test_a_value_may_hold_braces() -> None:
    assert text("open_citation", "en", title="{count}") == "Open the passage: {count}"


def test_an_unknown_sentence_or_a_missing_value_is_an_error() -> None:
    with pytest.raises(KeyError):
        text("no_such_sentence", "fr")
    with pytest.raises(KeyError):
        text("library", "fr")


def test_days_are_written_as_in_running_text() -> None:
    assert date_text(date(2024, 3, 1), "fr") == "1er mars 2024"
    assert date_text(date(2024, 8, 12), "fr") == "12 août 2024"
    assert date_text(date(2024, 3, 1), "en") == "1 March 2024"
