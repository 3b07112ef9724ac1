"""What one takes from a conversation: several answers, copied, exported, judged."""

import re
import time
from pathlib import Path

import pytest
from chat_page import FRENCH, UNANSWERABLE, Visitor, ask
from playwright.sync_api import Locator, Page, Route, expect

from qa import Assistant, answer_markdown
from qa.feedback import Feedback, read_feedback

CLIPBOARD = {"permissions": ["clipboard-read", "clipboard-write"]}
SECOND = "Qui a conçu le nouvel autel de Notre-Dame ?"


def clipboard(page: Page) -> str:
    return str(page.evaluate("navigator.clipboard.readText()"))


def ask_quickly(page: Page, *questions: str) -> None:
    """Ask without waiting for answers."""
    box = page.locator("#question textarea")
    for question in questions:
        expect(box).to_have_value("")
        box.fill(question)
        box.press("Enter")


def hold_back_next_request(page: Page) -> list[Route]:
    """Where the next request to the server lands, to be let go later."""
    held: list[Route] = []
    page.route("**/queue/join*", lambda route: held.append(route), times=1)
    return held


def let_go(page: Page, held: list[Route]) -> None:
    with page.expect_response("**/queue/join*"):
        held[0].continue_()


def asked(page: Page) -> Locator:
    return page.locator("#chat .question")


def judgements(folder: Path, count: int) -> list[Feedback]:
    """What is kept, once there are `count`; the page does not wait for it to be written."""
    deadline = time.monotonic() + 60
    while len(kept := read_feedback(folder)) < count and time.monotonic() < deadline:
        time.sleep(0.05)
    return kept


def test_several_questions_stay_in_view_with_their_answers(visitor: Visitor) -> None:
    page = visitor.arrive()

    for question in (FRENCH, SECOND, UNANSWERABLE):
        ask(page, question)

    expect(page.locator("#chat .question")).to_have_text([FRENCH, SECOND, UNANSWERABLE])
    expect(page.locator("#chat .answer")).to_have_count(2)
    page.locator("#chat .answer a.cite").first.click()
    expect(page.locator("#reader mark.cited")).to_contain_text("Tileuberdi")


def test_a_follow_up_says_how_it_was_understood_until_a_new_conversation(
    visitor: Visitor,
) -> None:
    page = visitor.arrive()
    ask(page, FRENCH)

    reply = ask(page, "Quel est son rang ?")

    understood = "Quel est son rang (Mukhtar Tileuberdi, "
    expect(reply.locator(".understood")).to_contain_text("Compris comme")
    expect(reply.locator(".understood")).to_contain_text(understood)
    with page.expect_download() as download:
        page.get_by_role("button", name="Exporter la conversation").click()
    assert understood in download.value.path().read_text(encoding="utf-8")

    page.get_by_role("button", name="Nouvelle conversation").click()
    expect(page.locator("#chat .question")).to_have_count(0)
    expect(ask(page, "Quel est son rang ?").locator(".understood")).to_have_count(0)


def test_questions_asked_quickly_are_all_answered_in_order(visitor: Visitor) -> None:
    page = visitor.arrive()

    page.get_by_role("button", name=FRENCH).click()
    ask_quickly(page, SECOND, "Quel est son rang ?", UNANSWERABLE)

    expect(page.locator("#chat :is(.answer, .abstention)")).to_have_count(4)
    expect(asked(page)).to_have_text([FRENCH, SECOND, "Quel est son rang ?", UNANSWERABLE])


def test_a_new_conversation_during_a_search_stays_empty(visitor: Visitor) -> None:
    page = visitor.arrive()
    ask(page, FRENCH)
    ask_quickly(page, SECOND, UNANSWERABLE)
    expect(page.locator("#chat .note")).to_be_visible()

    page.get_by_role("button", name="Nouvelle conversation").click()

    expect(asked(page)).to_have_count(0)
    ask(page, FRENCH)
    expect(asked(page)).to_have_text([FRENCH])


@pytest.mark.parametrize("late", ["question", "begin"])
def test_what_arrives_after_a_new_conversation_is_passed_over(visitor: Visitor, late: str) -> None:
    page = visitor.arrive()
    ask(page, FRENCH)
    again = page.get_by_role("button", name="Nouvelle conversation")

    held = hold_back_next_request(page)
    if late == "question":
        ask_quickly(page, SECOND)
        again.click()
        expect(asked(page)).to_have_count(0)
        let_go(page, held)
        ask(page, UNANSWERABLE)
    else:
        again.click()
        ask_quickly(page, UNANSWERABLE)
        expect(page.locator("#chat .abstention")).to_be_visible()
        let_go(page, held)
        ask(page, UNANSWERABLE)

    expect(asked(page)).to_have_text([UNANSWERABLE] * asked(page).count())
    with page.expect_download() as download:
        page.get_by_role("button", name="Exporter la conversation").click()
    written = download.value.path().read_text(encoding="utf-8")
    assert {line for line in written.splitlines() if line.startswith("## ")} == {
        f"## {UNANSWERABLE}"
    }


def test_an_answer_is_copied_as_markdown(
    visitor: Visitor, address: str, index_folder: Path
) -> None:
    page = visitor.arrive(**CLIPBOARD)
    ask(page, FRENCH)
    answer = ask(page, SECOND)

    answer.get_by_role("button", name="Copier avec les citations").click()

    expect(answer.locator(".copy.done")).to_be_visible()
    expected = answer_markdown(Assistant.open(index_folder).ask(SECOND), address)
    assert clipboard(page) == expected
    assert f"]({address}source/" in expected


def test_of_two_answers_the_one_that_was_chosen_last_is_copied(visitor: Visitor) -> None:
    page = visitor.arrive(**CLIPBOARD)
    first, second = ask(page, FRENCH), ask(page, SECOND)
    held = hold_back_next_request(page)

    first.locator(".copy").click()
    second.locator(".copy").click()
    expect(second.locator(".copy.done")).to_be_visible()
    let_go(page, held)
    ask(page, UNANSWERABLE)

    assert "autel" in clipboard(page)
    expect(first.locator(".copy.done")).to_have_count(0)


def test_without_a_secure_connection_one_can_copy_too(visitor: Visitor, address: str) -> None:
    page = visitor.arrive()
    answer, box = ask(page, FRENCH), page.locator("#question textarea")
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")

    answer.locator(".copy").click()
    expect(answer.locator(".copy.done")).to_be_visible()
    expect(answer.locator(".copy")).to_be_focused()
    box.press("Control+v")
    expect(box).to_have_value(re.compile(re.escape(f"]({address}source/")))

    page.get_by_role("button", name="Copier le lien").click()
    expect(page.get_by_role("button", name="Lien copié")).to_be_visible()
    box.fill("")
    box.press("Control+v")
    expect(box).to_have_value(re.compile(f"^{re.escape(address)}source/"))


def test_the_link_to_a_passage_is_copied(visitor: Visitor, address: str) -> None:
    page = visitor.arrive(**CLIPBOARD)
    ask(page, FRENCH)

    page.get_by_role("button", name="Copier le lien").click()

    expect(page.get_by_role("button", name="Lien copié")).to_be_visible()
    assert clipboard(page).startswith(
        f"{address}source/2022-01-14-entretien-wang-yi-tileuberdi.txt?start="
    )


def test_a_conversation_is_exported_as_markdown(visitor: Visitor, address: str) -> None:
    page = visitor.arrive()
    expect(page.get_by_role("button", name="Exporter la conversation")).to_be_hidden()
    ask(page, FRENCH)
    ask(page, UNANSWERABLE)

    with page.expect_download() as download:
        page.get_by_role("button", name="Exporter la conversation").click()

    assert download.value.suggested_filename == "opcit.md"
    written = download.value.path().read_text(encoding="utf-8")
    assert written.startswith("# Conversation avec Opcit, ")
    assert [line for line in written.splitlines() if line.startswith("## ")] == [
        f"## {FRENCH}",
        f"## {UNANSWERABLE}",
    ]
    assert f"]({address}source/2022-01-14-entretien-wang-yi-tileuberdi.txt?start=" in written


def test_a_thumb_is_kept_and_shown(visitor: Visitor, index_folder: Path) -> None:
    page = visitor.arrive()
    first = ask(page, FRENCH)
    second = ask(page, UNANSWERABLE)
    before = len(read_feedback(index_folder))

    first.get_by_role("button", name="Réponse utile").click()
    second.locator(".down").click()

    up, down = (judgements(index_folder, before + 2))[before:]
    told = {up.question: up.good, down.question: down.good}
    assert told == {FRENCH: True, UNANSWERABLE: False}
    ask(page, SECOND)  # the thumbs stay where they were set
    pressed = page.locator("#chat [aria-pressed=true]")
    expect(pressed).to_have_count(2)
    expect(first.locator(".up")).to_have_attribute("aria-pressed", "true")
    expect(second.locator(".down")).to_have_attribute("aria-pressed", "true")

    page.get_by_role("button", name="Nouvelle conversation").click()
    expect(page.locator("#chat .question")).to_have_count(0)
    ask(page, FRENCH)
    expect(page.locator("#chat .up")).to_have_attribute("aria-pressed", "false")


def test_the_last_thumb_counts_however_they_arrive(visitor: Visitor, index_folder: Path) -> None:
    page = visitor.arrive()
    first, second = ask(page, FRENCH), ask(page, UNANSWERABLE)
    before = len(read_feedback(index_folder))
    held = hold_back_next_request(page)
    first.locator(".up").click()
    first.locator(".down").click()
    judgements(index_folder, before + 1)

    let_go(page, held)
    second.locator(".up").click()

    kept = judgements(index_folder, before + 2)[before:]
    assert [(one.question, one.good) for one in kept] == [(FRENCH, False), (UNANSWERABLE, True)]


def test_one_stream_serves_the_page_while_it_is_open(visitor: Visitor) -> None:
    page = visitor.arrive()
    streams: list[str] = []
    page.on("request", lambda sent: streams.append(sent.url) if "/queue/data" in sent.url else None)
    ask(page, FRENCH)  # the stream may begin before or after we began to count
    begun = len(streams)
    ask(page, SECOND)
    page.locator("#head .all").click()
    expect(page.locator("#reader .library")).to_be_visible()
    ask(page, FRENCH)
    assert len(streams) == begun
