"""Makes the pictures of the chat in this folder, over the sample documents, in real Chromium.

Run it with `make screenshots`. Sizes are 1280x800 and 390x844, each light and dark, each in French
and English; two more show an abstention, and a document open on a phone.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which

from playwright.sync_api import Browser, Page, expect, sync_playwright

DOCS = Path(__file__).parent
ROOT = DOCS.parent
PORT = 7869
CHROMIUM = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync"
).split()
SCREENS = {"chat": (1280, 800), "phone": (390, 844)}
LOCALES = {"fr": "fr-FR", "en": "en-GB"}
QUESTIONS = {
    "fr": "Qui est le nouveau ministre des Affaires étrangères du Kazakhstan ?",
    "en": "Who is Kazakhstan's new foreign minister?",
}
UNANSWERABLE = "How tall is the Eiffel Tower?"


@contextmanager
def server() -> Iterator[str]:
    """The chat over a fresh index of the samples; yields its address."""
    start = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from app import serve; from qa import build_index, read_config\n"
        "build_index(sys.argv[1] + '/samples/documents', sys.argv[2])\n"
        "serve(read_config(index=sys.argv[2], port=int(sys.argv[3])), open_browser=False)"
    )
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(
            [sys.executable, "-c", start, str(ROOT), folder, str(PORT)],
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        assert process.stderr
        said = []
        for line in process.stderr:
            said.append(line)
            if f":{PORT}" in line:
                break
        else:
            sys.exit(f"The server did not start: {''.join(said)}")
        yield f"http://127.0.0.1:{PORT}/"
        process.terminate()


def ask(page: Page, question: str) -> None:
    """Ask and wait for the reply."""
    page.locator("#question textarea").fill(question)
    page.locator("#question textarea").press("Enter")
    expect(page.locator("#chat .answer, #chat .abstention")).to_be_visible()


def shoot(browser: Browser, address: str, screen: str, theme: str, language: str) -> None:
    """One picture of an answer, and in English and light the two others."""
    width, height = SCREENS[screen]
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if theme == "dark" else "light",
        locale=LOCALES[language],
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(address)
    expect(page.locator("#reader .library")).to_be_attached()
    page.screenshot()  # fonts are loaded at the first
    ask(page, QUESTIONS[language])
    page.screenshot(path=DOCS / f"{screen}-{theme}-{language}.png")
    if theme == "light" and language == "en":
        if screen == "phone":
            page.locator("#chat a.cite").first.click()
            expect(page.locator("#reader mark.cited")).to_be_in_viewport()
            page.screenshot(path=DOCS / "phone-document.png")
        else:
            page.reload()
            expect(page.locator("#reader .library")).to_be_attached()
            ask(page, UNANSWERABLE)
            expect(page.locator("#chat .abstention")).to_be_visible()
            page.screenshot(path=DOCS / "chat-abstention.png")
    context.close()


def main() -> None:
    """Make all pictures."""
    chromium = which("chromium") or which("chromium-browser")
    if chromium is None:
        sys.exit("The pictures need Chromium: apt-get install chromium")
    expect.set_options(timeout=60_000)
    with server() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM)
        for screen in SCREENS:
            for theme in ("light", "dark"):
                for language in LOCALES:
                    shoot(browser, address, screen, theme, language)
        browser.close()


if __name__ == "__main__":
    main()
