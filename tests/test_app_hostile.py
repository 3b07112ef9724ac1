"""Documents, titles and file names that would like to be more than text, in a real browser.

Each payload is the title, part of the text and the name of one document. All are listed, opened,
asked for and cited. They must be read character for character, and nothing may come of them: no
element, no dialog, no request.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from chat_page import Visitor, ask
from playwright.sync_api import Browser, Dialog, Page, expect

from qa import Assistant, build_index

PAYLOADS = [
    # scripts
    "<script>window.hacked = 1</script>",
    "<SCRIPT SRC=http://192.0.2.1/a.js></SCRIPT>",
    "</script><script>window.hacked = 1</script>",
    "<scr<script>ipt>window.hacked = 1</scr</script>ipt>",
    "<script>alert(document.domain)</script>",
    "javascript:alert(1)",
    "${window.hacked = 1}",
    "{{constructor.constructor('window.hacked = 1')()}}",
    "{@html '<img src=x onerror=window.hacked=1>'}",
    "#{window.hacked = 1} <%= window.hacked = 1 %>",
    # elements that act
    "<img src=x onerror=window.hacked=1>",
    "<img src='http://192.0.2.1/b.png'>",
    "<svg onload=window.hacked=1></svg>",
    "<svg><script>window.hacked=1</script></svg>",
    "<svg><animate onbegin=window.hacked=1 attributeName=x></svg>",
    "<math><mtext><style><img src=x onerror=window.hacked=1></style></mtext></math>",
    "<iframe src='javascript:window.hacked=1'></iframe>",
    "<iframe srcdoc='<script>parent.hacked=1</script>'></iframe>",
    "<object data='http://192.0.2.1/c'></object>",
    "<embed src='http://192.0.2.1/d'>",
    "<video><source onerror=window.hacked=1></video>",
    "<audio src=x onerror=window.hacked=1>",
    "<details open ontoggle=window.hacked=1>",
    "<input autofocus onfocus=window.hacked=1>",
    "<body onload=window.hacked=1>",
    "<marquee onstart=window.hacked=1>",
    "<form action='http://192.0.2.1/e'><button>Demander</button></form>",
    "<meta http-equiv=refresh content='0;url=http://192.0.2.1/f'>",
    "<link rel=stylesheet href='http://192.0.2.1/g.css'>",
    "<base href='http://192.0.2.1/'>",
    "<style>body { display: none } @import 'http://192.0.2.1/h.css';</style>",
    "<template><img src=x onerror=window.hacked=1></template>",
    # out of what it stands in
    "\"'><img src=x onerror=window.hacked=1>",
    "' onmouseover='window.hacked=1",
    '" autofocus onfocus="window.hacked = 1',
    "</p></div></article><h1>Op. cit.</h1>",
    "--><!-- --!><img src=x onerror=window.hacked=1>",
    "]]><img src=x onerror=window.hacked=1>",
    "&lt;img src=x onerror=window.hacked=1&gt;",
    "&#60;script&#62;window.hacked=1&#60;/script&#62;",
    "\\u003cscript\\u003ewindow.hacked=1\\u003c/script\\u003e",
    # Markdown
    "![image](http://192.0.2.1/i.png)",
    "[clic](javascript:window.hacked=1)",
    "[clic](data:text/html,<script>window.hacked=1</script>)",
    "<http://192.0.2.1/j> **gras** _bas_ `code` ~~non~~",
    "$$\\href{javascript:window.hacked=1}{x}$$ \\(x^2\\)",
    "| a | b | <br> [^1] :::note",
    # signs that turn, hide or break
    "\u202egnp.tnemucod\u202c",
    "\u2066\u2067abc\u2069 \u200b\u200d\ufeffxyz",
    "a\u0300\u0301\u0302\u0303\u0304\u0305\u0306\u0307z",
    "\u2028<img src=x onerror=window.hacked=1>\u2029",
    "%3Cscript%3Ewindow.hacked%3D1%3C%2Fscript%3E",
    "%00%0d%0aSet-Cookie: hacked=1",
    "../../../etc/passwd",
]
# What Opcit itself makes; anything else came out of a document.
OURS = (
    "a article blockquote br button cite div em footer h1 h2 h3 header input label li mark nav p"
    " search section span strong ul"
).split()


def body(at: int) -> str:
    return f"Le zorglub numéro {at} écrit {PAYLOADS[at]} sur le mur de la place."


class Wall:
    """A browser whose documents are all hostile, and what came of it."""

    def __init__(self, page: Page, ids: dict[int, str], assistant: Assistant) -> None:
        self.page, self.ids, self.assistant = page, ids, assistant
        self.dialogs: list[str] = []
        page.on("dialog", self._meet)

    def _meet(self, dialog: Dialog) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def assert_nothing_came_of_it(self) -> None:
        assert self.dialogs == []
        assert self.page.evaluate("window.hacked") is None
        strange = self.page.evaluate(
            "(ours) => [...document.querySelectorAll("
            "'#reader .library *, #reader .paper *, #chat .answer *, #chat .abstention *,"
            " #chat .question *, #notice :is(ul, p) *')]"
            ".filter((one) => !ours.includes(one.localName)"
            " || [...one.attributes].some((it) => it.name.startsWith('on')))"
            ".map((one) => one.outerHTML)",
            OURS,
        )
        assert strange == []
        assert self.page.locator("#head .name").inner_text() == "Op. cit."


@pytest.fixture(scope="module")
def wall(
    browser: Browser,
    address: str,
    index_folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Wall]:
    folder = tmp_path_factory.mktemp("hostile")
    for at, payload in enumerate(PAYLOADS):
        name = f"{at:02} {payload.replace('/', '∕')}.txt"
        text = f"{payload}\n\n{body(at)}\n"
        (folder / name).write_text(text, encoding="utf-8", newline="")
    # Not by the page's own upload, where Gradio would tame the names.
    build_index(folder, index_folder)
    visitor = Visitor(browser, address)
    page = visitor.arrive()
    assistant = Assistant.open(index_folder)
    ids = {}
    for entry in assistant.documents():
        document = assistant.document(entry.id)
        for at in range(len(PAYLOADS)):
            if document and body(at) in document.text:
                ids[at] = entry.id
    yield Wall(page, ids, assistant)
    visitor.leave()


def test_the_table_is_long_enough(wall: Wall) -> None:
    assert len(set(PAYLOADS)) >= 40
    assert set(wall.ids) == set(range(len(PAYLOADS)))


def test_the_list_holds_titles_and_names_as_they_are(wall: Wall) -> None:
    page = wall.page
    page.locator("#head .all").click()
    rows = page.locator(".library h3.indexed ~ ul").first.locator("li")
    expect(rows).to_have_count(len(PAYLOADS))

    shown = set(rows.locator("a.cite").all_text_contents())

    entries = [entry for entry in wall.assistant.documents() if entry.id in wall.ids.values()]
    assert shown == {entry.title for entry in entries}
    told = [line.split(" · ", 1)[1] for line in rows.locator(".from").all_text_contents()]
    assert set(told) == {entry.id for entry in entries}
    wall.assert_nothing_came_of_it()


@pytest.mark.parametrize("at", range(len(PAYLOADS)), ids=[repr(it)[:40] for it in PAYLOADS])
def test_a_payload_stays_text(wall: Wall, at: int) -> None:
    page, document = wall.page, wall.assistant.document(wall.ids[at])
    assert document

    page.locator("#head .all").click()
    page.locator(f".library li:has(input[value^='{at:02} ']) a.cite").click()

    expect(page.locator("#reader .paper h2")).to_be_focused()
    assert page.locator("#reader .paper h2").text_content() == document.title
    assert body(at) in str(page.locator("#reader .paper .text").text_content())

    page.locator("#again").click()
    expect(page.locator("#chat .question")).to_have_count(0)
    reply = ask(page, f"Que lit-on : {PAYLOADS[at]} ? Zorglub numéro {at}")
    expect(reply).to_be_visible()
    reply.locator("a.cite").first.click()
    # Cited, or where it is no question one can answer, one of the nearest passages.
    expect(page.locator("#reader mark").first).to_be_focused()
    wall.assert_nothing_came_of_it()
