"""What axe-core finds in the page: nothing serious, whatever is open on it.

axe-core is a package of npm that `.ci/run` puts into `.cache/`. It is never part of the page.
"""

from collections.abc import Sequence
from typing import Any

import pytest
from chat_page import FRENCH, PHONE, ROOT, UNANSWERABLE, Visitor, ask
from playwright.sync_api import Browser, Page, expect

AXE = ROOT / ".cache" / "node_modules" / "axe-core" / "axe.min.js"
pytestmark = pytest.mark.skipif(
    not AXE.is_file(),
    reason="axe-core is not there: npm install --prefix .cache axe-core, as .ci/run does",
)


def violations(page: Page, impacts: Sequence[str] = ("serious", "critical")) -> list[str]:
    """Those of the given impacts, each with the elements it is about."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'], preload: false })")
    return [
        f"{violation['id']}: {[node['html'][:200] for node in violation['nodes']]}"
        for violation in found["violations"]
        if violation["impact"] in impacts
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("options", [{}, PHONE], ids=["desk", "phone"])
def test_axe_finds_nothing_serious(visitor: Visitor, options: dict[str, Any], theme: str) -> None:
    page = visitor.arrive(color_scheme=theme, reduced_motion="reduce", **options)
    expect(page.locator("html:has(body.dark)")).to_have_count(1 if theme == "dark" else 0)

    page.locator("#head .all").click()
    page.get_by_role("searchbox").fill("delabarre")
    expect(page.locator(".library li")).to_have_count(3)
    page.get_by_role("checkbox").first.check()
    expect(page.locator("#limits .limits")).to_be_visible()
    found = {"library": violations(page)}
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Interroger tous les documents").click()
    ask(page, FRENCH).locator("a.cite").first.click()
    expect(page.locator("#reader mark.cited")).to_be_focused()
    found["answer and document"] = violations(page)
    page.keyboard.press("Escape")
    ask(page, UNANSWERABLE)
    found["abstention"] = violations(page)

    assert {state: told for state, told in found.items() if told} == {}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("options", [{}, PHONE], ids=["desk", "phone"])
def test_axe_finds_nothing_behind_a_lasting_link(
    browser: Browser, address: str, options: dict[str, Any], theme: str
) -> None:
    source = "source/2022-01-14-entretien-wang-yi-tileuberdi.txt"
    links = {
        "passage": f"{source}?start=300&end=400",
        "moved": f"{source}?start=300&end=400&check=00000000",
        "pages, in English": "source/2024-12-09-notre-dame-reouverture.pdf?lang=en",
        "HTML": "source/2022-07-13-webb-premieres-images.html",
        "no such place": f"{source}?start=9&end=1",
        "no such document": "source/nothing.txt",
    }
    context = browser.new_context(locale="fr-FR", color_scheme=theme, **options)
    page = context.new_page()
    found = {}
    for state, link in links.items():
        page.goto(address + link)
        expect(page.locator("main")).to_be_visible()
        found[state] = violations(page, ["minor", "moderate", "serious", "critical"])
    context.close()

    assert {state: told for state, told in found.items() if told} == {}


def test_axe_sees_what_is_wrong(visitor: Visitor) -> None:
    page = visitor.arrive()
    page.evaluate("document.querySelector('#send').textContent = ''")
    page.evaluate("document.querySelector('.tagline').style.color = '#ddd'")

    found = "\n".join(violations(page))

    assert "button-name" in found
    assert "color-contrast" in found
