"""The server when many pages are open, and when it stops and starts again under them."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
from chat_page import FRENCH, Visitor, ask
from conftest import free_port, running
from playwright.sync_api import Browser, expect

PAGES = 45  # more than the threads of Gradio's queue, and than its events at once


@contextmanager
def event(http: httpx.Client, id_: int, session: str, **data: Any) -> Iterator[Iterator[str]]:
    """Send an event as a page does, and listen: the kinds of messages that come for it."""
    sent = {"fn_index": id_, "data": [], "session_hash": session, "event_data": data}
    http.post("/gradio_api/queue/join", json=sent).raise_for_status()
    heard = {"session_hash": session}
    with http.stream("GET", "/gradio_api/queue/data", params=heard) as stream:
        yield (json.loads(line[5:])["msg"] for line in stream.iter_lines() if line)


def test_pages_that_stay_open_do_not_keep_others_waiting(chat_address: str) -> None:
    limits = httpx.Limits(max_connections=None)
    with (
        httpx.Client(base_url=chat_address, timeout=60, limits=limits) as http,
        ExitStack() as all_,
    ):
        ids = {
            name: dependency["id"]
            for dependency in http.get("/config").json()["dependencies"]
            for _, name in dependency["targets"]
        }
        pages = []  # a stream that nobody holds is closed
        for at in range(PAGES):
            pages.append(all_.enter_context(event(http, ids["load"], f"open{at}")))
            assert "process_starts" in pages[at]

        asked = {"question": FRENCH, "conversation": 0}
        with event(http, ids["ask"], "asking", **asked) as messages:
            assert "process_completed" in messages


def test_an_open_page_works_again_once_the_server_was_started_again(
    browser: Browser, sample_index: Path
) -> None:
    port = free_port()
    with running(sample_index, port) as address:
        visitor = Visitor(browser, f"{address}/")
        page = visitor.arrive()
        ask(page, FRENCH)

    with running(sample_index, port):
        expect(page.locator("#chat .answer")).to_have_count(0)
        expect(page.locator("#reader .library")).to_be_visible()

        expect(ask(page, FRENCH)).to_contain_text("Tileuberdi")
        visitor.leave()
