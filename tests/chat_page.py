"""The chat in a real browser over the real server, as the browser tests share it.

A `Visitor` opens pages, and records what they asked the network for and what went wrong in them.
"""

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from shutil import which
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright

from qa import build_index

ROOT = Path(__file__).parents[1]
SAMPLES = ROOT / "samples" / "documents"
CHROMIUM = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync"
).split()
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
}
FRENCH = "Qui est le nouveau ministre des Affaires étrangères du Kazakhstan ?"
ENGLISH = "Who makes the R21 malaria vaccine?"
UNANSWERABLE = "xyzzy plugh frobnicate ?"

expect.set_options(timeout=60_000)  # a busy machine is no failure


@pytest.fixture(scope="module")
def index_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("place") / ".opcit"
    build_index(SAMPLES, folder)
    return folder


@pytest.fixture(scope="module")
def address(index_folder: Path) -> Iterator[str]:
    """A server of its own process, as `python app.py` starts it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    start = (
        "import sys; from app import serve; from qa import read_config;"
        " serve(read_config(index=sys.argv[1], port=int(sys.argv[2])), open_browser=False)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", start, str(index_folder), str(port)],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stderr
        said = []
        for line in server.stderr:
            said.append(line)
            if f"http://127.0.0.1:{port}" in line:
                break
        else:
            pytest.fail(f"The server did not start: {''.join(said)}")
        yield f"http://127.0.0.1:{port}/"
        server.terminate()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = which("chromium") or which("chromium-browser")
    if chromium is None:
        pytest.fail("These tests need Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM)
        yield launched
        launched.close()


class Visitor:
    """Somebody at a browser. `requests` holds every address the browser asked for."""

    def __init__(self, browser: Browser, address: str) -> None:
        self._browser, self._address = browser, address
        self._contexts: list[BrowserContext] = []
        self.requests: list[str] = []
        self.errors: list[str] = []

    def arrive(self, link: str = "", locale: str = "fr-FR", **options: Any) -> Page:
        """A new browser that opens the page, or the page at a link."""
        context = self._browser.new_context(locale=locale, **options)
        context.on("request", lambda request: self.requests.append(request.url))
        self._contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.goto(self._address + link)
        expect(page.locator("#reader :is(.library, .toolbar)")).to_be_attached()
        expect(page.locator("#question textarea")).to_be_visible()
        return page

    def leave(self) -> None:
        for context in self._contexts:
            context.close()


@pytest.fixture
def visitor(browser: Browser, address: str) -> Iterator[Visitor]:
    visitor = Visitor(browser, address)
    yield visitor
    visitor.leave()
    hosts = {urlsplit(url).hostname for url in visitor.requests if not url.startswith("data:")}
    assert hosts <= {"127.0.0.1", None}
    assert visitor.errors == []


def ask(page: Page, question: str) -> Locator:
    """Ask, and wait for what comes in answer."""
    replies = page.locator("#chat .answer, #chat .abstention, #chat .refusal")
    before = replies.count()
    page.locator("#question textarea").fill(question)
    page.locator("#question textarea").press("Enter")
    expect(replies).to_have_count(before + 1)
    return replies.nth(before)


def add(page: Page, *paths: Path) -> None:
    """Choose files to add, and wait until Opcit has said what became of each."""
    page.locator("#head .all").click()
    page.locator("#cabinet input[type=file]").set_input_files(list(paths))
    expect(page.locator("#notice li, #notice p:not(:has(+ progress))").first).to_be_visible()
