"""The page in a real browser, over the real server and the sample documents.

Everything goes the way a person goes: type, click, read. Each page also records what it asked the
network for, and fails if any of it would have left this machine.
"""

import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qs

import pytest
from chat_page import ENGLISH, FRENCH, PHONE, ROOT, SAMPLES, UNANSWERABLE, Visitor, add, ask
from playwright.sync_api import Browser, Locator, Page, Route, expect


def quoted_in_the_file(chip: Locator) -> str:
    """What a chip's link says is cited, read from the sample file itself."""
    link = chip.get_attribute("href")
    assert link
    document_id, start, end = parse_qs(link.removeprefix("#"))["cite"][0].rsplit(":", 2)
    return (SAMPLES / document_id).read_bytes().decode("utf-8")[int(start) : int(end)]


def marked(page: Page) -> str:
    expect(page.locator("#reader mark.cited")).to_be_visible()
    return str(page.locator("#reader mark.cited").evaluate("mark => mark.textContent"))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_head_is_painted_before_the_page_has_its_words(
    browser: Browser, address: str, theme: Literal["light", "dark"]
) -> None:
    context = browser.new_context(color_scheme=theme)
    page = context.new_page()
    page.add_init_script(  # the page waits two seconds for its words; here it waits for ever
        "const later = window.setTimeout;"
        "window.setTimeout = (what, ms) => (ms === 2000 ? 0 : later(what, ms));"
    )
    page.route("**/queue/join*", lambda route: route.abort())
    page.goto(address)

    page.wait_for_function("getComputedStyle(document.body, '::before').content === '\"Op. cit.\"'")

    ground = page.evaluate("getComputedStyle(document.body, '::before').backgroundColor")
    assert ground == {"light": "rgb(255, 253, 248)", "dark": "rgb(31, 32, 35)"}[theme]
    expect(page.locator("#head .masthead")).to_have_count(0)
    page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length")
    context.close()


# -- asking and reading --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "language", "gold"),
    [(FRENCH, "fr", "Mukhtar Tileuberdi"), (ENGLISH, "en", "100 million doses")],
    ids=["french", "english"],
)
def test_an_answer_is_shown_in_its_place(
    visitor: Visitor, question: str, language: str, gold: str
) -> None:
    page = visitor.arrive()

    answer = ask(page, question)

    assert answer.get_attribute("lang") == language
    expect(page.locator("#chat .question")).to_have_text(question)
    expect(page.locator("#question textarea")).to_have_value("")
    expect(answer.locator(".short strong")).to_contain_text(gold)
    expect(page.locator("#reader mark.cited em")).to_contain_text(gold)
    chip = answer.locator("a.cite").first
    assert marked(page) == quoted_in_the_file(chip)
    expect(page.locator("#reader mark.cited")).to_be_in_viewport()


def test_enter_on_a_chip_opens_its_passage(visitor: Visitor) -> None:
    page = visitor.arrive()
    chip = ask(page, FRENCH).locator("a.cite").last

    chip.focus()
    page.keyboard.press("Enter")

    expect(page.locator("#reader mark.cited")).to_be_focused()
    expect(page.locator("#reader mark.cited")).to_be_in_viewport()
    assert marked(page) == quoted_in_the_file(chip)


def test_a_chip_opens_the_passage_that_a_reader_scrolled_away_from(visitor: Visitor) -> None:
    page = visitor.arrive(viewport={"width": 1280, "height": 300})
    chip = ask(page, FRENCH).locator("a.cite").first
    expect(page.locator("#reader mark.cited")).to_be_in_viewport()
    page.locator("#source").evaluate("pane => pane.scrollTop = 1e6")
    expect(page.locator("#reader mark.cited")).not_to_be_in_viewport()

    chip.click()

    expect(page.locator("#reader mark.cited")).to_be_in_viewport()


def test_next_and_previous_go_through_the_passages(visitor: Visitor) -> None:
    page = visitor.arrive()
    chips = ask(page, UNANSWERABLE).locator("a.near")
    links = [chip.get_attribute("href") for chip in chips.all()]
    assert len(links) > 1
    current = page.locator("#reader .steps a[aria-current]")
    chips.first.click()
    expect(current).to_have_attribute("href", str(links[0]))

    page.get_by_role("button", name="Citation suivante").click()
    expect(current).to_have_attribute("href", str(links[1]))
    expect(page.locator("#reader mark.passage")).to_be_focused()

    page.get_by_role("button", name="Citation précédente").click()
    expect(current).to_have_attribute("href", str(links[0]))

    page.get_by_role("button", name="Citation précédente").click()
    expect(current).to_have_attribute("href", str(links[-1]))


def test_an_example_question_is_asked_by_a_click(visitor: Visitor) -> None:
    page = visitor.arrive()

    page.get_by_role("button", name=FRENCH).click()

    expect(page.locator("#chat .answer")).to_be_visible()
    expect(page.locator("#chat .question")).to_have_text(FRENCH)


def test_a_link_opens_its_passage_in_a_new_window(visitor: Visitor) -> None:
    chip = ask(visitor.arrive(), FRENCH).locator("a.cite").first
    link = chip.get_attribute("href")
    assert link

    page = visitor.arrive(link)

    assert marked(page) == quoted_in_the_file(chip)
    expect(page.locator("#reader mark.cited")).to_be_in_viewport()


def test_a_link_to_a_document_that_is_gone_says_so(visitor: Visitor) -> None:
    page = visitor.arrive("#cite=gone.txt:0:10")

    expect(page.get_by_text("Ce document n’est plus dans l’index.")).to_be_visible()


def test_going_back_shows_the_passage_before(visitor: Visitor) -> None:
    page = visitor.arrive()
    chips = ask(page, UNANSWERABLE).locator("a.near")
    titles = [chip.inner_text() for chip in chips.all()]
    for at in (0, 1):
        chips.nth(at).click()
        expect(page.locator("#reader .paper h2")).to_have_text(titles[at])

    page.go_back()

    expect(page.locator("#reader .paper h2")).to_have_text(titles[0])
    expect(page.locator("#reader .steps a")).to_have_count(len(titles))


def test_going_back_shows_what_the_answer_brought_and_the_list(visitor: Visitor) -> None:
    page = visitor.arrive()
    ask(page, FRENCH)
    title = page.locator("#reader .paper h2").inner_text()
    page.locator("#head .all").click()
    page.locator("#reader .library li a").last.click()
    expect(page.locator("#reader .paper h2")).not_to_have_text(title)

    page.go_back()
    expect(page.locator("#reader .library h2")).to_be_focused()
    page.go_back()
    expect(page.locator("#reader .paper h2")).to_have_text(title)


def test_the_list_of_documents_opens_them(visitor: Visitor) -> None:
    page = visitor.arrive()
    listed = page.locator("#reader .library li")
    expect(listed).to_have_count(len(list(SAMPLES.iterdir())))

    page.get_by_role("link", name="Chine-Kazakhstan").click()

    expect(page.locator("#reader .paper h2")).to_contain_text("Chine-Kazakhstan")
    expect(page.locator("#reader .paper h2")).to_be_focused()


# -- saying no -----------------------------------------------------------------------------------


def test_an_abstention_leads_to_the_nearest_passages(visitor: Visitor) -> None:
    page = visitor.arrive()

    reply = ask(page, UNANSWERABLE)

    expect(reply).to_have_class(re.compile("abstention"))
    expect(reply.locator("strong")).to_have_count(0)
    reply.locator("a.near").first.click()
    expect(page.locator("#reader mark.passage")).to_be_in_viewport()
    expect(page.locator("#reader mark.cited")).to_have_count(0)


def test_an_empty_question_does_nothing(visitor: Visitor) -> None:
    page = visitor.arrive()

    page.locator("#question textarea").fill("   ")
    page.get_by_role("button", name="Demander").click()
    ask(page, FRENCH)

    expect(page.locator("#chat .question")).to_have_count(1)


def test_a_question_that_is_too_long_is_refused_in_a_sentence(visitor: Visitor) -> None:
    page = visitor.arrive()

    reply = ask(page, "mot " * 2500)

    expect(reply).to_contain_text("10000" if "10000" in reply.inner_text() else "9999")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


# -- adding documents ----------------------------------------------------------------------------


def test_an_added_document_answers(visitor: Visitor, tmp_path: Path) -> None:
    page = visitor.arrive()
    (tmp_path / "syldavie.txt").write_text(
        "La Syldavie\n\nLa Syldavie est un royaume des Balkans. La capitale de la Syldavie est"
        " Klow, sur la Wladir. Son roi s'appelle Muskar XII.\n",
        encoding="utf-8",
    )
    (tmp_path / "photo.png").write_bytes(b"\x89PNG\r\n\x1a\n")

    add(page, tmp_path / "syldavie.txt", tmp_path / "photo.png")

    expect(page.locator("#notice")).to_contain_text("Ajouté : syldavie.txt")
    expect(page.locator("#notice")).to_contain_text("photo.png")
    answer = ask(page, "Quelle est la capitale de la Syldavie ?")
    expect(answer.locator("blockquote").first).to_contain_text("Klow")
    expect(page.locator("#reader .paper")).to_contain_text("Muskar XII")


def test_a_document_full_of_code_stays_text(visitor: Visitor, tmp_path: Path) -> None:
    page = visitor.arrive()
    attacks = [
        "<script>window.hacked = 1</script>",
        "<img src='http://192.0.2.1/x.png' onerror='window.hacked = 1'>",
        "![image](http://192.0.2.1/y.png)",
        "${window.hacked = 1}",
        "{{constructor.constructor('window.hacked = 1')()}}",
        "[clic](javascript:window.hacked=1)",
        "$$\\href{javascript:window.hacked=1}{x}$$",
    ]
    title = "<img src=x onerror='window.hacked = 1'> Zorglub"
    lines = [
        f"Le zorglub numéro {at} écrit {attack} sur le mur." for at, attack in enumerate(attacks)
    ]
    page_of_html = (
        "<html><head><title>Zorglubie &lt;script&gt;window.hacked=1&lt;/script&gt;</title>"
        "<script>window.hacked = 1</script></head><body><h1>Zorglubie</h1>"
        "<p>Le zorglub de la place mange des framboises &lt;img src=x"
        " onerror=window.hacked=1&gt; chaque matin.</p>"
        "<script>window.hacked = 1</script></body></html>"
    )
    (tmp_path / "zorglub <img src=x onerror=window.hacked=1>.txt").write_text(
        "\n\n".join([title, *lines]), encoding="utf-8"
    )
    (tmp_path / "zorglubie.html").write_text(page_of_html, encoding="utf-8")

    add(page, *sorted(tmp_path.iterdir()))
    expect(page.locator("#notice")).to_contain_text("zorglubie.html")
    reply = ask(page, "Que mange le zorglub de la place chaque matin ?")
    expect(reply.locator("a.cite").first).to_be_visible()
    for at in range(len(attacks)):
        reply = ask(page, f"Que lit-on sur le mur : le zorglub {at} écrit quoi ?")
        expect(reply.locator("a.cite").first).to_be_visible()
    page.locator("#head .all").click()
    page.get_by_role("link", name="Zorglub").first.click()

    expect(page.locator("#reader .paper .text")).to_contain_text("zorglub")
    assert page.evaluate("window.hacked") is None
    assert page.locator("#chat img, #reader img, #notice img").count() == 0


# -- languages, screens, hands -------------------------------------------------------------------


def test_the_page_speaks_the_browsers_language_until_told_otherwise(visitor: Visitor) -> None:
    page = visitor.arrive(locale="en-GB")
    expect(page.get_by_role("button", name="Ask", exact=True)).to_be_visible()

    page.get_by_role("button", name="FR").click()
    expect(page.get_by_role("button", name="Demander")).to_be_visible()
    page.reload()

    expect(page.get_by_role("button", name="Demander")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    expect(page.get_by_role("button", name="FR")).to_have_attribute("aria-pressed", "true")


def test_a_browser_that_keeps_nothing_can_switch_languages_too(visitor: Visitor) -> None:
    page = visitor.arrive()
    page.add_init_script(
        "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException(); } })"
    )
    page.reload()

    page.get_by_role("button", name="EN", exact=True).click()

    expect(page.get_by_role("button", name="Ask", exact=True)).to_be_visible()


def test_the_last_choice_of_language_counts_however_they_arrive(visitor: Visitor) -> None:
    page = visitor.arrive()
    held: list[Route] = []
    page.route("**/queue/join*", lambda route: held.append(route), times=1)
    page.get_by_role("button", name="EN", exact=True).click()
    page.get_by_role("button", name="FR", exact=True).click()
    expect(page.get_by_role("button", name="Demander")).to_be_visible()

    with page.expect_response("**/queue/join*"):
        held[0].continue_()
    ask(page, FRENCH)

    expect(page.get_by_role("button", name="Demander")).to_be_visible()
    expect(page.get_by_role("button", name="FR", exact=True)).to_have_attribute(
        "aria-pressed", "true"
    )


def test_the_open_document_stays_open_in_the_other_language(visitor: Visitor) -> None:
    page = visitor.arrive()
    ask(page, FRENCH)
    before = marked(page)

    page.get_by_role("button", name="EN", exact=True).click()

    expect(page.get_by_role("button", name="Copy link")).to_be_visible()
    expect(page.locator("#reader .kicker")).to_contain_text("14 January 2022")
    assert marked(page) == before


def test_on_a_phone_the_document_is_a_drawer(visitor: Visitor) -> None:
    page = visitor.arrive(**PHONE)

    answer = ask(page, FRENCH)
    expect(page.locator("#reader .paper")).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    answer.locator("a.cite").first.click()

    expect(page.locator("#reader mark.cited")).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("button", name="Fermer").click()
    expect(page.locator("#reader .paper")).to_be_hidden()
    expect(page.locator("#question textarea")).to_be_in_viewport()


@pytest.mark.parametrize("options", [{}, PHONE], ids=["desk", "phone"])
def test_every_control_has_a_name(visitor: Visitor, options: dict[str, Any]) -> None:
    page = visitor.arrive(**options)
    ask(page, FRENCH).locator("a.cite").first.click()
    expect(page.locator("#reader mark.cited")).to_be_visible()

    roles: list[Literal["button", "link", "textbox"]] = ["button", "link", "textbox"]
    for role in roles:
        controls = page.get_by_role(role)
        named = page.get_by_role(role, name=re.compile(r"\S"))
        assert controls.count() == named.count() > 0


def test_the_whole_way_goes_by_keyboard(visitor: Visitor) -> None:
    page = visitor.arrive()
    page.locator("#question textarea").focus()
    page.keyboard.type(FRENCH)
    page.keyboard.press("Enter")
    chip = page.locator("#chat .answer a.cite").first
    expect(chip).to_be_visible()

    for _ in range(30):
        page.keyboard.press("Shift+Tab")
        if chip.evaluate("chip => chip === document.activeElement"):
            break
    page.keyboard.press("Enter")

    expect(page.locator("#reader mark.cited")).to_be_focused()


def test_a_new_conversation_starts_empty(visitor: Visitor) -> None:
    page = visitor.arrive()
    ask(page, FRENCH)

    page.get_by_role("button", name="Nouvelle conversation").click()

    expect(page.locator("#chat .question")).to_have_count(0)
    expect(page.get_by_role("button", name=FRENCH)).to_be_visible()


# -- the server ----------------------------------------------------------------------------------


def test_a_taken_port_is_one_sentence_and_status_1(index_folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [sys.executable, str(ROOT / "app.py")],
            cwd=index_folder.parent,
            env={"PATH": "", "OPCIT_PORT": port},
            capture_output=True,
            text=True,
        )

    assert done.returncode == 1
    assert done.stderr.strip() == (
        f"Port {port} of 127.0.0.1 is taken by another program; choose another with --port."
    )


def test_an_address_that_others_reach_is_refused(index_folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "app.py")],
        cwd=index_folder.parent,
        env={"PATH": "", "OPCIT_HOST": "0.0.0.0"},
        capture_output=True,
        text=True,
    )

    assert done.returncode == 1
    assert "0.0.0.0" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
