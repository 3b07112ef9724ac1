"""Two browsers at one chat: what one adds stays out of the other's sight, on every way."""

import json
import shutil
from pathlib import Path

import httpx
from chat_page import Visitor, add, ask
from conftest import running
from playwright.sync_api import Browser, Page, expect

QUESTION = "Quelle est la capitale de la Syldavie ?"
TEXT = "La Syldavie\n\nLa capitale de la Syldavie est Klow, sur la Wladir.\n"


def cookie(page: Page) -> str:
    (found,) = [one for one in page.context.cookies() if one["name"] == "opcit_session"]
    assert found["httpOnly"]
    return str(found["value"])


def test_what_one_adds_the_other_does_not_see(
    browser: Browser, sample_index: Path, tmp_path: Path
) -> None:
    folder = tmp_path / ".opcit"
    shutil.copytree(sample_index, folder)
    upload = tmp_path / "syldavie.txt"
    upload.write_text(TEXT, encoding="utf-8")
    with running(folder) as address:
        visitor = Visitor(browser, f"{address}/")
        anna, bert = visitor.arrive(), visitor.arrive()
        before = anna.locator("#head .all").inner_text()

        add(anna, upload)
        expect(anna.locator("#notice")).to_contain_text("syldavie.txt")

        # Hers: the answer, the reader, the link.
        reply = ask(anna, QUESTION)
        expect(reply.locator("blockquote").first).to_contain_text("Klow")
        expect(anna.locator("#reader .kicker")).to_contain_text("syldavie.txt")
        expect(anna.locator("#reader .kicker")).not_to_contain_text("session-")
        link = str(reply.locator("a.cite").first.get_attribute("href"))
        document_id = link.removeprefix("#cite=").split(":")[0]
        expect(anna.locator("#head .all")).not_to_have_text(before)
        source = f"{address}/source/{document_id}"
        hers = httpx.get(source, headers={"Cookie": f"opcit_session={cookie(anna)}"}, timeout=300)
        assert (hers.status_code, "Klow" in hers.text) == (200, True)

        # His: no count, no answer, no reader by her link, no page.
        bert.reload()
        expect(bert.locator("#head .all")).to_have_text(before)
        expect(ask(bert, QUESTION)).not_to_contain_text("Klow")
        bert.goto(f"{address}/?{link}")  # a query, so that the page is loaded anew
        expect(bert.locator("#reader .refusal")).to_be_visible()
        his = httpx.get(source, headers={"Cookie": f"opcit_session={cookie(bert)}"}, timeout=300)
        assert his.status_code == 404

        # A program's: nothing.
        told = httpx.post(f"{address}/gradio_api/run/ask", json={"data": [QUESTION]}, timeout=300)
        assert told.status_code == 200
        assert "Klow" not in json.dumps(told.json())
        visitor.leave()
