"""Every sentence exists in both languages, with the same places for values."""

import ast
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from string import Formatter

import pytest

from index import LANGUAGES
from qa.texts import REFUSALS, TEXTS, date_text, refusal_text, text


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


# -- refusals ------------------------------------------------------------------------------------

ROOT = Path(__file__).parents[1]
RAISERS = [
    *(f"index/load/{path.name}" for path in (ROOT / "index/load").glob("*.py")),
    "index/update.py",
    "qa/assistant.py",
    "qa/feedback.py",
    "web/sessions.py",
]
# What else stands in these, `opcit verify` prints.
ONLY_RAISERS = ["index/catalog.py", "index/derived.py", "index/index.py"]
RAISED = {
    "FolderError",
    "IndexBusyError",
    "IndexFolderError",
    "LoadError",
    "OpcitError",
    "QuestionError",
}


def _sentence(node: ast.expr) -> str | None:
    """A sentence as the code writes it, with `<0>`, `<1>` for what it fills in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if not isinstance(node, ast.JoinedStr):
        return None
    return "".join(
        str(part.value) if isinstance(part, ast.Constant) else f"<{at}>"
        for at, part in enumerate(node.values)
    )


def _refusals() -> Iterator[str]:
    """Every sentence that is raised, or left in a report, where the page may show it."""
    for name in RAISERS + ONLY_RAISERS:
        tree = ast.parse((ROOT / name).read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in RAISED:
                sentence = _sentence(node.args[0])
            elif name in RAISERS and isinstance(node, ast.Assign | ast.Return | ast.ListComp):
                sentence = _sentence(getattr(node, "value", None) or getattr(node, "elt", None))
            else:
                continue
            if sentence and sentence.endswith(".") and " " in sentence:
                yield sentence


@pytest.mark.parametrize("sentence", sorted(set(_refusals())))
def test_a_refusal_is_told_in_french_with_all_it_names(sentence: str) -> None:
    french = refusal_text(sentence, "fr")

    assert french != sentence
    assert {f"<{at}>" in french for at in range(9) if f"<{at}>" in sentence} <= {True}
    assert refusal_text(sentence, "en") == sentence


def test_refusals_are_found_in_the_code() -> None:
    assert len(set(_refusals())) >= 30


@pytest.mark.parametrize("english", REFUSALS)
def test_a_refusal_names_the_same_in_both_languages(english: str) -> None:
    assert _places(english) == _places(REFUSALS[english])


def test_a_refusal_keeps_what_it_names_as_it_is() -> None:
    told = refusal_text("a: b {x}.pdf: the PDF is encrypted; save a copy without a password.", "fr")

    assert told == (
        "a: b {x}.pdf\u00a0: le PDF est chiffré\u00a0; enregistrez-en une copie sans mot de passe."
    )


def test_an_unknown_refusal_is_told_as_it_is() -> None:
    assert refusal_text("Something else.", "fr") == "Something else."
