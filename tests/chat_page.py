"""The chat in a real browser over the real server, as the browser tests share it.

A `Visitor` opens pages, and records what they asked the network for and what went wrong in them.
"""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

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
ENGLISH = "How many doses a year can the Serum Institute make?"
UNANSWERABLE = "xyzzy plugh frobnicate ?"

expect.set_options(timeout=60_000)  # a busy machine is no failure


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
        """Close the browser; fails if anything left this machine or broke on the page."""
        for context in self._contexts:
            context.close()
        hosts = {urlsplit(url).hostname for url in self.requests if not url.startswith("data:")}
        assert hosts <= {"127.0.0.1", None}
        assert self.errors == []


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
