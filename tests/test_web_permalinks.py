"""Lasting links: a page for a span of a document, the same today and after a restart."""

import hashlib
import re
from html import unescape
from pathlib import Path
from typing import Literal

import httpx
import pytest
from conftest import SAMPLES, running
from playwright.sync_api import Browser, ViewportSize, expect
from starlette.applications import Starlette
from starlette.testclient import TestClient

from index import Index
from qa import Assistant, Config, permalink
from qa.extractive import ExtractiveReader
from web import Libraries
from web.permalinks import source_route

FLOOD = "2021-07-20-crue.txt"
# Counted by hand: "Crue de la Vire" (15), a line, the date (10), an empty line: 28 characters.
SPAN = (28, 60)
WORDS = "L'eau a atteint 3,5 mètres à Vir"
CHECK = hashlib.sha256(WORDS.encode()).hexdigest()[:8]


@pytest.fixture
def client(index: Index) -> TestClient:
    libraries = Libraries(Assistant(index, ExtractiveReader(index), Config()))
    return TestClient(Starlette(routes=[source_route(libraries)]))


def marks(page: str) -> list[str]:
    return [unescape(mark) for mark in re.findall(r"<mark[^>]*>(.*?)</mark>", page, re.DOTALL)]


def test_a_link_marks_its_span(client: TestClient) -> None:
    link = permalink(FLOOD, *SPAN, WORDS)

    reply = client.get(link)

    assert link == f"/source/{FLOOD}?start=28&end=60&check={CHECK}"
    assert reply.status_code == 200
    assert marks(reply.text) == [WORDS]
    assert "<title>Crue de la Vire</title>" in reply.text
    assert "<script" not in reply.text
    assert 'class="changed"' not in reply.text


def test_without_offsets_the_document_opens_at_its_beginning(client: TestClient) -> None:
    reply = client.get("/source/sub/museum.md")

    assert reply.status_code == 200
    assert "The museum reopens" in reply.text
    assert marks(reply.text) == []


@pytest.mark.parametrize(
    "offsets",
    [
        "start=0",
        "end=5",
        "start=5&end=5",
        "start=0&end=0",
        "start=9&end=5",
        "start=-1&end=5",
        "start=0&end=1000",
        "start=a&end=b",
        "start=1e1&end=20",
        "start=&end=",
        f"start=0&end={'9' * 5000}",
    ],
)
def test_offsets_that_are_no_span_are_a_bad_request(client: TestClient, offsets: str) -> None:
    reply = client.get(f"/source/{FLOOD}?{offsets}&lang=en")

    assert reply.status_code == 400
    assert "This link leads to no passage" in reply.text
    assert "in a text of 104 characters" in reply.text
    assert marks(reply.text) == []


@pytest.mark.parametrize("name", ["gone.txt", "../catalog.sqlite", "", "<b>x", f"{FLOOD}/"])
def test_an_unknown_document_is_not_found(client: TestClient, name: str) -> None:
    reply = client.get("/source/" + name.replace("../", "%2E%2E%2F"), params={"lang": "en"})

    assert reply.status_code == 404
    assert "There is no document named" in reply.text
    assert "<b>" not in reply.text


@pytest.mark.parametrize(
    ("accepted", "query", "language"),
    [
        ("fr-FR,fr;q=0.9,en;q=0.8", "", "fr"),
        ("en-GB,en;q=0.9,fr;q=0.2", "", "en"),
        ("de,en;q=0.5", "", "en"),
        ("fr;q=0,en;q=0.1", "", "en"),
        ("de", "", "fr"),
        ("", "", "fr"),
        ("en;q=nonsense,fr;q=0.1", "", "fr"),
        ("fr", "lang=en", "en"),
        ("en", "lang=de", "en"),
    ],
)
def test_the_page_speaks_the_wanted_language(
    client: TestClient, accepted: str, query: str, language: str
) -> None:
    reply = client.get(f"/source/{FLOOD}?{query}", headers={"Accept-Language": accepted})

    assert f'<html lang="{language}">' in reply.text
    date = {"fr": "20 juillet 2021", "en": "20 July 2021"}[language]
    assert date in reply.text


def test_the_other_language_is_a_link_to_the_same_place(client: TestClient) -> None:
    reply = client.get(f"/source/{FLOOD}?start=28&end=60&lang=fr")

    assert '<a href="?start=28&amp;end=60&amp;lang=en" lang="en">EN</a>' in reply.text


def test_a_changed_file_is_told_of_and_shown_as_it_was(client: TestClient, documents: Path) -> None:
    (documents / FLOOD).write_text("Autre chose.")

    reply = client.get(permalink(FLOOD, *SPAN, WORDS), headers={"Accept-Language": "en"})

    assert reply.status_code == 200
    assert "This is the text as it was indexed." in reply.text
    assert marks(reply.text) == [WORDS]


@pytest.mark.parametrize(
    "text", ["Crue\n\nL'eau n'a rien atteint, heureusement pour tous.", "Non."]
)
def test_a_document_indexed_again_never_shows_other_words_as_cited(
    client: TestClient, index: Index, documents: Path, text: str
) -> None:
    (documents / FLOOD).write_text(text)
    index.update(documents, max_bytes=1_000_000)

    reply = client.get(permalink(FLOOD, *SPAN, WORDS), headers={"Accept-Language": "en"})

    assert reply.status_code == 200
    assert "the cited passage is no longer in this place" in reply.text
    assert marks(reply.text) == []


def test_a_document_that_holds_html_stays_text(
    client: TestClient, index: Index, documents: Path
) -> None:
    name = "<img src=x onerror=alert(1)>.txt"
    text = "<script>alert(1)</script>\n\n</div></main><img src=x> & \u202etxt"
    (documents / name).write_text(text)
    index.update(documents, max_bytes=1_000_000)

    reply = client.get(permalink(name, 0, len(text), text))

    assert marks(reply.text) == [text]
    assert "<script" not in reply.text
    assert "<img" not in reply.text


@pytest.fixture(scope="module")
def last_words() -> tuple[str, int, int, str]:
    """The last words of a long sample, far below the first screen."""
    path = SAMPLES / "2019-04-16-incendie-notre-dame.txt"
    text = path.read_bytes().decode()
    start = len(text.rstrip()) - 60
    return path.name, start, start + 60, text[start : start + 60]


@pytest.fixture(scope="module")
def pages(
    sample_index: Path, chat_address: str, last_words: tuple[str, int, int, str]
) -> list[str]:
    """What one link shows at two servers over the same index, each a process of its own."""
    with running(sample_index) as another:
        return [
            httpx.get(
                address + permalink(*last_words), headers={"Accept-Language": "en"}, timeout=300
            ).text
            for address in (chat_address, another)
        ]


def test_a_link_shows_the_same_after_a_restart(
    pages: list[str], last_words: tuple[str, int, int, str]
) -> None:
    assert pages[0] == pages[1]
    assert marks(pages[0]) == [last_words[3]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_browser_opens_it_at_the_mark_without_any_script(
    browser: Browser, pages: list[str], tmp_path: Path, scheme: Literal["light", "dark"]
) -> None:
    saved = tmp_path / "page.html"
    saved.write_text(pages[0], encoding="utf-8")
    screen: ViewportSize = {"width": 390, "height": 400}
    context = browser.new_context(java_script_enabled=False, color_scheme=scheme, viewport=screen)
    page = context.new_page()

    page.goto(saved.as_uri())

    expect(page.locator("mark")).to_be_in_viewport()
    expect(page.locator("body > header")).not_to_be_in_viewport()
    ground = "rgb(255, 253, 248)" if scheme == "light" else "rgb(31, 32, 35)"
    expect(page.locator("body")).to_have_css("background-color", ground)
    context.close()
