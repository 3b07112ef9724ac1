"""The callbacks of the page over a real index: no passage is shown that is not the one cited, and
what cannot be done is told in a sentence, also when the index is damaged under them."""

import re
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

import gradio as gr
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from app import Page, Visit
from index import Hit, Index, Passage
from qa import Answer, Assistant, Config, markup
from qa.extractive import ExtractiveReader
from web import Libraries
from web.permalinks import source_route

FLOOD = "2021-07-20-crue.txt"
QUESTION = "Combien de mètres l'eau a-t-elle atteint à Vire ?"
REQUEST: Any = SimpleNamespace(cookies={"opcit_session": "a" * 43})

Result = TypeVar("Result")


@pytest.fixture
def assistant(index: Index) -> Assistant:
    return Assistant(index, ExtractiveReader(index), Config())


@pytest.fixture
def libraries(assistant: Assistant) -> Libraries:
    return Libraries(assistant)


@pytest.fixture
def page(libraries: Libraries) -> Page:
    return Page(libraries)


@pytest.fixture
def client(libraries: Libraries) -> TestClient:
    """The pages behind the lasting links, over the same index."""
    return TestClient(Starlette(routes=[source_route(libraries)]))


def sent(**asked: object) -> gr.EventData:
    """What the script of the page sends with an event."""
    return gr.EventData(None, asked)


def question(words: str, conversation: int) -> gr.EventData:
    return sent(question=words, conversation=conversation, language="fr")


def opened(page: Page, link: str, *group: str) -> str:
    return page.open(sent(link=link, group=group, language="en"), REQUEST)


def marks(html: str) -> list[str]:
    return [
        unescape(re.sub("</?em>", "", mark))
        for mark in re.findall(r"<mark[^>]*>(.*?)</mark>", html, re.DOTALL)
    ]


def lasting_link(html: str) -> str:
    found = re.search(r'class="copy-link" value="([^"]*)"', html)
    assert found
    return unescape(found[1])


# -- a document that was indexed again -----------------------------------------------------------


def index_again(index: Index, documents: Path, text: str) -> None:
    """Give the file a text, which may hold the one that it has."""
    path = documents / FLOOD
    path.write_text(text.format(path.read_text(encoding="utf-8")), encoding="utf-8")
    index.update(documents, max_bytes=1_000_000)


@pytest.mark.parametrize("text", ["Rectificatif du jour.\n{}", "Non."], ids=["longer", "shorter"])
def test_a_link_never_marks_other_words_than_it_was_made_for(
    page: Page, assistant: Assistant, index: Index, documents: Path, text: str
) -> None:
    answer = assistant.ask(QUESTION)
    (citation,) = answer.citations
    document = assistant.document(FLOOD)
    assert document
    hit = Hit(Passage(FLOOD, citation.start, citation.end, citation.quote), 1.0)
    shown = markup.answer_html(answer) + markup.abstention_html(answer, [(hit, document)])
    chip, near = map(unescape, re.findall(r'href="(#[^"]*)"', shown))
    assert (chip[:6], near[:6]) == ("#cite=", "#near=")
    assert marks(opened(page, chip)) == marks(opened(page, near)) == [citation.quote]
    index_again(index, documents, text)

    for link in (chip, near):
        html = opened(page, link, chip, near)

        assert marks(html) == []
        assert "the cited passage is no longer in this place" in html
        assert lasting_link(html) == f"/source/{FLOOD}"  # and vouches for no other words


def test_the_passage_beside_is_not_marked_where_other_words_stand(
    page: Page, assistant: Assistant, index: Index, documents: Path
) -> None:
    old = markup.link_to(markup.place_of(assistant.ask(QUESTION).citations[0]))
    index_again(index, documents, "Rectificatif du jour.\n{}")
    new = markup.link_to(markup.place_of(assistant.ask(QUESTION).citations[0]))

    html = opened(page, new, old, new)

    assert marks(html) == [assistant.ask(QUESTION).citations[0].quote]
    assert "no longer in this place" not in html


@pytest.mark.parametrize("check", ["", "&check=0123abcd"], ids=["of-now", "of-other-words"])
def test_the_way_from_a_lasting_link_to_the_chat_marks_the_same(
    page: Page, client: TestClient, index: Index, documents: Path, check: str
) -> None:
    alone = client.get(f"/source/{FLOOD}?start=28&end=60{check}").text
    (link,) = (unescape(found) for found in re.findall(r'href="/(#cite[^"]*)"', alone))
    assert marks(opened(page, link)) == marks(alone)
    assert bool(marks(alone)) is not bool(check)
    index_again(index, documents, "Rectificatif du jour.\n{}")

    assert marks(opened(page, link)) == []


def test_the_lasting_link_of_a_document_from_the_list_leads_there(
    page: Page, client: TestClient
) -> None:
    link = lasting_link(opened(page, f"#cite={FLOOD}:0:0"))

    assert client.get(link).status_code == 200


# -- a conversation ------------------------------------------------------------------------------


def test_an_answer_that_comes_after_its_conversation_is_not_shown(page: Page) -> None:
    visit = Visit()
    [*page.respond(question(QUESTION, 0), visit, REQUEST)]
    search = page.respond(question(QUESTION, 0), visit, REQUEST)
    shown, _ = next(search)
    assert len(shown) == 4

    assert page.begin(sent(conversation=1), visit) == []

    assert [*search] == []
    assert [*page.respond(question(QUESTION, 0), visit, REQUEST)] == []
    assert page.copy(sent(conversation=0, at=0, address="", serial=1), visit) == gr.skip()
    assert page.begin(sent(conversation=1), visit) == []
    *_, (shown, _) = page.respond(question(QUESTION, 1), visit, REQUEST)
    assert len(shown) == 2


# -- what cannot be done -------------------------------------------------------------------------


@pytest.fixture
def added(libraries: Libraries, tmp_path: Path) -> str:
    """A document that was added in the page."""
    path = tmp_path / "lettre.txt"
    path.write_text("Une lettre.\n", encoding="utf-8")
    (document_id,) = libraries.of(REQUEST).add_files([path]).added
    return document_id


@pytest.fixture(params=["damaged", "gone"])
def told(request: pytest.FixtureRequest, index: Index, added: str) -> str:
    """Breaks the catalog; what is said of it."""
    assert added
    catalog = index.folder / "catalog.sqlite"
    for path in index.folder.glob("catalog.sqlite*"):
        path.unlink()
    if request.param == "gone":
        return f"Le catalogue {catalog} manque\u00a0; remettez sa dernière bonne copie"
    catalog.write_bytes(b"no catalog " * 1000)
    return f"Le catalogue {catalog} est abîmé (file is not a database)\u00a0; remettez"


def as_gradio_calls(call: Callable[[], Result]) -> Result:
    """In another thread, which opens a connection of its own to the catalog."""
    with ThreadPoolExecutor(1) as worker:
        return worker.submit(call).result()


@pytest.mark.parametrize("link", [f"#cite={FLOOD}:28:60", "#library"])
def test_opening_tells_why_it_cannot(page: Page, told: str, link: str) -> None:
    html = as_gradio_calls(lambda: page.open(sent(link=link, serial=7), REQUEST))

    assert 'data-serial="7"' in html
    assert told in unescape(html)


def test_the_page_speaks_all_the_same(page: Page, told: str) -> None:
    assert told
    language, head, *_ = as_gradio_calls(
        lambda: page.speak(sent(language="en", serial=1), Visit(), REQUEST)
    )

    assert language == "en"
    assert 'class="language"' in head


def test_removing_tells_why_it_cannot(page: Page, added: str, told: str) -> None:
    notice, _ = as_gradio_calls(lambda: page.remove(sent(document=added), REQUEST))

    assert told in unescape(notice)


def test_adding_tells_why_it_cannot(page: Page, told: str, documents: Path) -> None:
    path = str(documents / FLOOD)
    *_, (notice, _, _) = as_gradio_calls(lambda: [*page.add([path], "fr", REQUEST)])

    assert told in unescape(notice)


def test_removing_from_a_folder_that_is_gone_ends_in_a_sentence(
    page: Page, index: Index, added: str
) -> None:
    shutil.rmtree(index.folder / "uploads")

    notice, head = page.remove(sent(document=added), REQUEST)

    assert re.fullmatch(r"<p [^>]*>[^<]+</p>", notice)
    assert 'class="masthead"' in head


def test_a_thumb_that_cannot_be_kept_is_told_in_the_language_of_the_page(
    page: Page, index: Index
) -> None:
    (index.folder / "feedback.sqlite").write_bytes(b"no feedback " * 1000)
    visit = Visit()
    visit.conversation.answers.append(Answer("?", "fr", "Rien.", (), 0.0, ()))

    for language, told in (("fr", "déplacez ce fichier"), ("en", "move that file away")):
        with pytest.warns(UserWarning, match=told):
            asked = sent(at=0, good=True, language=language, conversation=0, serial=1)
            page.rate(asked, visit, REQUEST)
