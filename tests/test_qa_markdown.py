"""Answers and conversations as Markdown, and the lasting links in them."""

from dataclasses import replace
from datetime import date
from hashlib import sha256

import pytest

from index import Hit, Passage
from qa import Answer, Citation, answer_markdown, conversation_markdown, permalink

QUOTE = "Le nouveau ministre est Mukhtar Tileuberdi."
CHECK = sha256(QUOTE.encode()).hexdigest()[:8]


def citation(quote: str = QUOTE, start: int = 10, **others: object) -> Citation:
    facts: dict[str, object] = {
        "document_id": "2022/kazakhstan.txt",
        "title": "Entretien",
        "source": "/somewhere/kazakhstan.txt",
        "date": date(2022, 1, 14),
        "page": None,
        "answer": None,
        **others,
    }
    return Citation(start=start, end=start + len(quote), quote=quote, **facts)  # type: ignore[arg-type]


def answer(
    *citations: Citation, text: str = "Mukhtar Tileuberdi", confidence: float = 0.8
) -> Answer:
    return Answer("Qui est le ministre ?", "fr", text, citations, confidence, ())


def test_a_link_says_document_place_and_check() -> None:
    assert permalink("a b/é?#%.txt", 3, 7, QUOTE) == (
        f"/source/a%20b/%C3%A9%3F%23%25.txt?start=3&end=7&check={CHECK}"
    )
    assert permalink("a.txt", 3, 7, QUOTE, "http://127.0.0.1:7860/") == (
        f"http://127.0.0.1:7860/source/a.txt?start=3&end=7&check={CHECK}"
    )


def test_it_says_how_a_question_was_understood() -> None:
    meant = replace(answer(citation()), understood="Qui est le *ministre* en 2017 ?")
    silent = replace(meant, citations=(), text="Rien.")

    first, second = (answer_markdown(one).split("\n\n")[:2] for one in (meant, silent))

    assert first == [
        "Compris comme\u00a0: Qui est le \\*ministre\\* en 2017 ?",
        "**Mukhtar Tileuberdi**",
    ]
    assert second == [first[0], "Rien.\n"]


def test_an_answer_with_two_citations() -> None:
    said = answer(citation(), citation("Oui.", page=2, date=None, changed=True))
    other = sha256(b"Oui.").hexdigest()[:8]

    assert answer_markdown(said, "http://127.0.0.1:7860") == (
        "**Mukhtar Tileuberdi**\n\n"
        "> Le nouveau ministre est Mukhtar Tileuberdi.\n"
        ">\n"
        "> \\[1\\] [Entretien](http://127.0.0.1:7860/source/2022/kazakhstan.txt"
        f"?start=10&end=53&check={CHECK}), 14 janvier 2022\n\n"
        "> Oui.\n"
        ">\n"
        "> \\[2\\] [Entretien](http://127.0.0.1:7860/source/2022/kazakhstan.txt"
        f"?start=10&end=14&check={other}), sans date, page 2\n"
        ">\n"
        "> Le fichier a changé depuis son indexation.\n\n"
        "Confiance\u00a0: 80\u00a0%\n"
    )


def test_a_quote_that_is_the_answer_is_not_said_twice() -> None:
    assert answer_markdown(answer(citation(), text=QUOTE)).count("Tileuberdi") == 1


def test_an_uncertain_answer_says_so() -> None:
    assert "Réponse incertaine" in answer_markdown(answer(citation(), confidence=0.42))


def test_an_abstention_lists_each_near_document_once() -> None:
    hits = (
        Hit(Passage("a.txt", 0, 4, "Oui."), 2.0),
        Hit(Passage("a.txt", 5, 9, "Non."), 1.0),
        Hit(Passage(f"session-{'0' * 32}/b.txt", 0, 4, "Oui."), 0.5),
    )
    silent = Answer("Why?", "en", "The documents do not answer this question.", (), 0.1, hits)
    check = sha256(b"Oui.").hexdigest()[:8]

    assert answer_markdown(silent) == (
        "The documents do not answer this question.\n\nThe nearest passages are in:\n\n"
        f"- [a.txt](/source/a.txt?start=0&end=4&check={check})\n"
        f"- [b.txt](/source/session-{'0' * 32}/b.txt?start=0&end=4&check={check})\n"
    )


def test_a_conversation_has_a_heading_for_each_question() -> None:
    told = conversation_markdown([answer(citation()), answer(citation())], "fr", date(2026, 11, 1))

    assert told.startswith("# Conversation avec Opcit, 1er novembre 2026\n\n## Qui est le ministre")
    assert told.count("\n## Qui est le ministre ?\n\n**Mukhtar Tileuberdi**\n") == 2


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("# titre", r"\# titre"),
        ("- liste", r"\- liste"),
        ("12. liste", r"12\. liste"),
        ("2022-01-14", "2022-01-14"),
        ("[clic](javascript:x)", r"\[clic\](javascript:x)"),
        ("![image](http://x/y.png)", r"\!\[image\](http://x/y.png)"),
        ("<script>", r"\<script\>"),
        ("**gras** `code` a_b", r"\*\*gras\*\* \`code\` a\_b"),
        ("ligne\r\n\r\n# deux", r"ligne \# deux"),
        ("3,5\u00a0mètres", "3,5\u00a0mètres"),
    ],
)
def test_words_of_documents_stay_words(words: str, shown: str) -> None:
    assert answer_markdown(answer(citation(words))).splitlines()[2] == f"> {shown}"
