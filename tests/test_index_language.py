"""The language of questions and documents."""

import subprocess
import sys

import pytest

from index.language import detect


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Qui gagne ?", "fr"),
        ("Who won?", "en"),
        ("Où est-ce ?", "fr"),
        ("QUI EST LE MAIRE DE LYON ?", "fr"),
        ("WHO IS THE MAYOR OF LYON?", "en"),
        ("Qu’est-ce que l’euro", "fr"),
        ("l'eau potable", "fr"),
        ("drinking water supply", "en"),
        ("Combien coûte « Le Monde » ?", "fr"),
        ("Who wrote “Les Misérables”?", "en"),
        ("Was Valérie Pécresse elected?", "en"),
        ("Qui a dit « What a wonderful world » ?", "fr"),
        ("D’où vient « Game of Thrones » ?", "fr"),
        ("What did Élisabeth Borne announce?", "en"),
        ("When did the war end", "en"),
        ("Quand la guerre a-t-elle fini", "fr"),
        ("In whose memory did François Hollande unveil a plaque in Montrouge?", "en"),
        ("De quel groupe John Entwistle était-il le bassiste ?", "fr"),
        ("Le groupe The Who a-t-il joué à Paris ?", "fr"),
        ("2022 model years", "en"),
        # a name that begins with a word of the other language
        ("Will Smith a-t-il reçu un Oscar ?", "fr"),
        ("Will Smith est le père de Jaden ?", "fr"),
        ("Will Smith joue dans quel film ?", "fr"),
        ("Did Will Smith win?", "en"),
        ("Do Kwon a-t-il été arrêté au Monténégro ?", "fr"),
        ("Who Framed Roger Rabbit est-il sorti en 1988 ?", "fr"),
        ("Can : quand le groupe a joué à Cologne ?", "fr"),
        ("Est Ensemble is in which region?", "en"),
        ("Qui Nhon was bombed when?", "en"),
        ("L Word: who plays Bette?", "en"),
        ("D-Day: how many soldiers landed?", "en"),
        ("L'Oréal: who owns it?", "en"),
        ("Who was Kim Jong-il?", "en"),
        ("Who wrote “Qu'est-ce que la littérature ?” and when?", "en"),
        ("Who said “Où va-t-on ?”", "en"),
        ("Is Le Rouge et le Noir a novel?", "en"),
        ("Where is the Musée de la Ville de Paris?", "en"),
    ],
)
def test_a_question(text: str, language: str) -> None:
    assert detect(text) == language


@pytest.mark.parametrize("text", ["", " \n\u00a0", "2021", "12/03/2021 ?", "…", "«\u00a0»"])
def test_text_without_letters_is_french(text: str) -> None:
    assert detect(text) == "fr"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("1. The council of the town has voted the budget for the year.", "en"),
        ("1. Le conseil de la ville a voté le budget de l'année pour les écoles.", "fr"),
        ("Le maire a lu « The Wire » dans les écoles de la ville et au musée.", "fr"),
        ("The mayor of the town read from « Les Misérables, la fin » in the museum.", "en"),
    ],
)
def test_common_words_tell_without_the_identifier(
    text: str, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("index.language._identifier", lambda: pytest.fail("it was asked"))
    assert detect(text) == language


def test_only_the_beginning_of_a_document_is_read() -> None:
    french = "La mairie de la ville a voté le budget de l'année. " * 100
    assert len(french) > 4000
    assert detect(french + "The council of the town has voted the budget. " * 1000) == "fr"


def test_the_identifier_other_libraries_share_is_left_alone() -> None:
    from py3langid import langid

    detect("Qui gagne ?")
    assert langid.classify("Wo ist der Bahnhof, und wann fährt der nächste Zug?")[0] == "de"


def test_importing_index_does_not_load_the_parsers() -> None:
    heavy = ("py3langid", "trafilatura", "lxml", "docx", "pypdfium2")
    code = (
        "import sys, index.load, index.language; "
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"
    assert run.stderr == ""


def test_no_question_takes_for_ever() -> None:
    # Each apostrophe could stand in a name or between two: backtracking would try all ways.
    assert detect("L'A B " * 33) == "fr"
