"""Makes the pictures of the chat in this folder, over the sample documents, in real Chromium.

Run it with `make screenshots`. An answer, an abstention and the library, at 1280x800 and 390x844,
light and dark, in French and English; on a phone also the document, which is a drawer there.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from shutil import which

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

DOCS = Path(__file__).parent
ROOT = DOCS.parent
PORT = 7869
CHROMIUM = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync"
).split()
SCREENS = {"desk": (1280, 800), "phone": (390, 844)}
_COLOURS = 128
LOCALES = {"fr": "fr-FR", "en": "en-GB"}
QUESTIONS = {
    "fr": "Qui est le nouveau ministre des Affaires étrangères du Kazakhstan ?",
    "en": "Who is Kazakhstan's new foreign minister?",
}
UNANSWERABLE = {
    "fr": "Qui a peint la Joconde ?",
    "en": "What is the capital of Australia?",
}


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
        try:
            yield f"http://127.0.0.1:{PORT}/"
        finally:
            process.terminate()


def ask(page: Page, question: str, reply: str) -> None:
    """Ask and wait for the kind of reply that the picture is to show."""
    page.locator("#question textarea").fill(question)
    page.locator("#question textarea").press("Enter")
    expect(page.locator(f"#chat .{reply}")).to_have_count(1)


def shoot(browser: Browser, address: str, screen: str, theme: str, language: str) -> None:
    """An answer, an abstention and the library; on a phone also the open document."""
    width, height = SCREENS[screen]
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if theme == "dark" else "light",
        locale=LOCALES[language],
        reduced_motion="reduce",
    )
    page = context.new_page()

    def take(what: str) -> None:
        picture = Image.open(BytesIO(page.screenshot())).convert("RGB")
        # The page has few colours: a palette keeps a picture to a third of its size.
        path = DOCS / f"{screen}-{what}-{theme}-{language}.png"
        picture.quantize(_COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)

    page.goto(address)
    expect(page.locator("#reader .library")).to_be_attached()
    page.screenshot()  # fonts are loaded at the first
    ask(page, QUESTIONS[language], "answer")
    take("answer")
    if screen == "phone":
        page.locator("#chat a.cite").first.click()
        expect(page.locator("#reader mark.cited")).to_be_in_viewport()
        take("document")
        page.keyboard.press("Escape")
    page.locator("#again").click()
    expect(page.locator("#chat .question")).to_have_count(0)
    ask(page, UNANSWERABLE[language], "abstention")
    take("abstention")
    page.locator("#head .all").click()
    page.locator(".library .choose").nth(1).check()
    page.locator(".library .choose").nth(3).check()
    expect(page.locator("#limits .limits")).to_contain_text("2")
    take("library")
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
