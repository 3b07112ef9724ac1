"""The web chat: a question on the left, the cited document on the right, open at the span.

Page and callbacks only: what is found, cited or refused is decided in `qa`, and what it looks like
as HTML in `qa.markup`; style and behaviour in the browser are in `assets/`. The state of the page
is in the page: any link works in a new window and after a restart.

Run it with `python app.py`, or `opcit chat`.
"""

import asyncio
import json
import logging
import os
import queue
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from html import escape
from pathlib import Path
from typing import Any

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read once, when gradio is imported

import gradio as gr

from qa import (
    Answer,
    Assistant,
    Config,
    Entry,
    Language,
    OpcitError,
    answer_markdown,
    conversation_markdown,
    find_entries,
    markup,
    permalink,
    read_config,
    read_filter,
    refusal_text,
    text,
)
from web import Libraries, Library, add_endpoints, serve_blocks

History = list[dict[str, Any]]

_ASSETS = Path(__file__).parent / "assets"
_SAMPLES = Path(__file__).parent / "samples" / "documents"
_NEAREST = 3  # documents named when there is no answer
_AT_ONCE = 20  # questions answered side by side
_OPEN_PAGES = 2000  # at most; further ones wait
_LOG = logging.getLogger("opcit")

# Each is offered only while the document that answers it is in the index.
_EXAMPLES: Sequence[tuple[Language, str, str]] = (
    (
        "fr",
        "Qui est le nouveau ministre des Affaires étrangères du Kazakhstan ?",
        "2022-01-14-entretien-wang-yi-tileuberdi.txt",
    ),
    (
        "fr",
        "Qui a conçu le nouvel autel de Notre-Dame ?",
        "2024-12-09-notre-dame-reouverture.pdf",
    ),
    (
        "en",
        "Why were water-bombing planes ruled out for the Notre-Dame fire?",
        "2019-04-16-incendie-notre-dame.txt",
    ),
    (
        "en",
        "How many doses a year can the Serum Institute make?",
        "2023-10-03-r21-malaria-vaccine.txt",
    ),
)


@dataclass(slots=True)
class Conversation:
    """What was asked and answered: as it is shown, and as it is understood and exported."""

    number: int = 0
    messages: History = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)


@dataclass(slots=True)
class Visit:
    """What the server remembers of one open page, as long as it is open.

    Requests may arrive in another order than they were sent. So the page numbers all that it sends,
    and its conversations, and what belongs before something that came already is passed over.
    """

    conversation: Conversation = field(default_factory=Conversation)
    latest: dict[str, int] = field(default_factory=dict)  # kind -> the number of the last one

    def is_overtaken(self, kind: str, asked: dict[str, Any]) -> bool:
        """Whether a later one of the same kind has come already; else this is the latest."""
        serial = asked.get("serial")
        if not isinstance(serial, int) or serial < self.latest.get(kind, 0):
            return True
        self.latest[kind] = serial
        return False

    def conversation_of(self, asked: dict[str, Any]) -> Conversation | None:
        """The conversation that something belongs to, begun if it is new; None if it is over."""
        number = asked.get("conversation")
        if not isinstance(number, int) or number < self.conversation.number:
            return None
        if number > self.conversation.number:
            self.conversation = Conversation(number)
        return self.conversation

    def answer(self, asked: dict[str, Any]) -> Answer | None:
        """The answer that something is about; None if it is not in the conversation."""
        conversation, at = self.conversation_of(asked), asked.get("at")
        if conversation is None or not isinstance(at, int):
            return None
        return conversation.answers[at] if 0 <= at < len(conversation.answers) else None


class Page:
    """The callbacks of the page; each sees the library of the session that calls it.

    Gradio names an endpoint after each: none may be called `ask` or `search`, which are the
    programs'.
    """

    def __init__(self, libraries: Libraries) -> None:
        self._libraries = libraries

    def respond(
        self, event: gr.EventData, visit: Visit, request: gr.Request
    ) -> Iterator[tuple[Any, ...]]:
        """Show the question, say that the search is on, then show the answer.

        Yields the conversation and the reader.
        """
        asked = event._data or {}
        conversation = visit.conversation_of(asked)
        if conversation is None:
            return
        question, among, language = str(asked["question"]), read_filter(asked), _language(asked)
        messages = conversation.messages
        messages.append(_said("user", markup.question_html(question, among, language)))
        messages.append(_said("assistant", markup.note_html(text("searching", language))))
        yield messages, gr.skip()
        try:
            library = self._libraries.of(request)
            turns = [answer.turn for answer in conversation.answers]
            answer = library.ask(question, among, turns)
            reply, reader = _reply(library, answer), _first_source(library, answer, language)
            conversation.answers.append(answer)
        except Exception as error:
            reply, reader = markup.refusal_html(_told(error, language)), gr.skip()
        messages[-1] = _said("assistant", reply)
        if conversation is visit.conversation:
            yield messages, reader

    def begin(self, event: gr.EventData, visit: Visit) -> History:
        """Begin a new conversation."""
        visit.conversation_of(event._data or {})
        return visit.conversation.messages

    def limit(self, event: gr.EventData, visit: Visit) -> Any:
        """The words that say which documents questions go to."""
        asked = event._data or {}
        if visit.is_overtaken("limit", asked):
            return gr.skip()
        return markup.limits_html(read_filter(asked), _language(asked))

    def copy(self, event: gr.EventData, visit: Visit) -> Any:
        """One answer as Markdown, with the number of the request, as JSON."""
        asked = event._data or {}
        answer = visit.answer(asked)
        if answer is None or visit.is_overtaken("copy", asked):
            return gr.skip()
        markdown = answer_markdown(answer, str(asked["address"]))
        return json.dumps({"serial": asked["serial"], "markdown": markdown})

    def export(self, event: gr.EventData, visit: Visit) -> str:
        """The whole conversation as Markdown."""
        asked = event._data or {}
        answers, today = visit.conversation.answers, date.today()
        return conversation_markdown(answers, _language(asked), today, str(asked["address"]))

    def rate(self, event: gr.EventData, visit: Visit, request: gr.Request) -> None:
        """Keep what somebody thinks of an answer."""
        asked = event._data or {}
        answer = visit.answer(asked)
        if answer is None or visit.is_overtaken(f"rate {asked['at']}", asked):
            return
        try:
            self._libraries.of(request).rate(answer, good=asked["good"] is True)
        except Exception as error:
            gr.Warning(escape(_told(error, _language(asked))))

    def open(self, event: gr.EventData, request: gr.Request) -> str:
        """The document that a link leads to, or the list of documents."""
        asked = event._data or {}
        links = [link for link in asked.get("group", []) if isinstance(link, str)]
        group = [place for place in map(markup.read_link, links) if place]
        place = markup.read_link(str(asked.get("link", "")))
        library = self._libraries.of(request)
        whole = asked.get("whole") is True
        try:
            opened = (
                _source(library, place, group, _language(asked), whole=whole)
                if place
                else _listed(library, asked)
            )
        except Exception as error:
            opened = markup.refusal_html(_told(error, _language(asked)))
        return markup.reply_html(opened, asked.get("serial"))

    def speak(self, event: gr.EventData, visit: Visit, request: gr.Request) -> Any:
        """The page in the wanted language."""
        asked = event._data or {}
        if visit.is_overtaken("speak", asked):
            return gr.skip()
        language = _language(asked)
        entries = _documents(self._libraries.of(request))
        present = {entry.id for entry in entries}
        examples = [(spoken, asked) for spoken, asked, id_ in _EXAMPLES if id_ in present]
        return (
            language,
            markup.head_html(language, len(entries)),
            gr.update(
                placeholder=markup.examples_html(examples, language),
                label=text("conversation", language),
            ),
            gr.update(
                placeholder=text("question_hint", language), label=text("question_label", language)
            ),
            gr.update(value=text("ask", language)),
            markup.shelf_html(language),
            gr.update(label=text("add_documents", language)),
            gr.update(value=text("new_conversation", language)),
            gr.update(value=text("export", language)),
        )

    def add(
        self, paths: list[str] | None, language: Language, request: gr.Request
    ) -> Iterator[tuple[Any, ...]]:
        """Add files to the index. Yields the notice, the head and the upload button."""
        library = self._libraries.of(request)
        files = [Path(path) for path in paths or []]
        steps: queue.Queue[tuple[int, int]] = queue.Queue()
        with ThreadPoolExecutor(1) as worker:
            task = worker.submit(
                library.add_files,
                files,
                progress=lambda done, total: steps.put((done, total)),
            )
            yield markup.progress_html(0, len(files), language), gr.skip(), gr.skip()
            while not task.done():
                try:
                    done, total = steps.get(timeout=0.1)
                except queue.Empty:
                    continue
                yield markup.progress_html(done, total, language), gr.skip(), gr.skip()
        try:
            report = task.result()
            refused = [refusal_text(sentence, language) for sentence in report.skipped]
            notice = markup.outcome_html(report.added, report.changed, refused, language)
        except Exception as error:
            notice = markup.refusal_html(_told(error, language))
        yield notice, markup.head_html(language, len(_documents(library))), None

    def remove(self, event: gr.EventData, request: gr.Request) -> tuple[str, str]:
        """Take an added document away again. The notice and the head."""
        asked = event._data or {}
        library = self._libraries.of(request)
        language, document_id = _language(asked), str(asked.get("document", ""))
        try:
            library.remove(document_id)
            notice = markup.removal_html(document_id, language)
        except Exception as error:
            notice = markup.refusal_html(_told(error, language))
        return notice, markup.head_html(language, len(_documents(library)))


def _told(error: Exception, language: Language) -> str:
    """What went wrong, in a sentence; the details of what nobody foresaw go to the terminal."""
    if isinstance(error, OpcitError):
        return refusal_text(str(error), language)
    _LOG.error("Something unexpected went wrong", exc_info=error)
    return text("unexpected", language)


def _documents(library: Library) -> list[Entry]:
    """The documents; none where they cannot be read: the list itself, or the notice, says why."""
    try:
        return library.documents()
    except Exception:
        return []


def _reply(library: Library, answer: Answer) -> str:
    if answer.citations:
        return markup.answer_html(answer)
    nearest = {hit.passage.document_id: hit for hit in reversed(answer.nearest)}
    best = sorted(nearest.values(), key=lambda hit: hit.score, reverse=True)[:_NEAREST]
    documents = [(hit, library.document(hit.passage.document_id)) for hit in best]
    return markup.abstention_html(answer, [(hit, found) for hit, found in documents if found])


def _first_source(library: Library, answer: Answer, language: Language) -> str:
    places = [markup.place_of(citation) for citation in answer.citations]
    if not places:
        return _listed(library, {"language": language})
    return _source(library, places[0], places, language)


def _listed(library: Library, asked: dict[str, Any]) -> str:
    entries = library.documents()
    dates = read_filter(asked)
    found = find_entries(entries, str(asked.get("search", "")), dates.after, dates.before)
    groups: dict[markup.Origin, list[Entry]] = {}
    for entry in found:
        groups.setdefault(_origin(library, entry), []).append(entry)
    return markup.library_html(groups, len(entries), _language(asked), library.kept_days)


def _origin(library: Library, entry: Entry) -> markup.Origin:
    if library.may_remove(entry):
        return "upload"
    return "sample" if entry.root == str(_SAMPLES.resolve()) else "indexed"


def _source(
    library: Library,
    place: markup.Place,
    group: list[markup.Place],
    language: Language,
    *,
    whole: bool = False,
) -> str:
    document = library.document(place.document_id)
    words = document.text[slice(*place.span)] if document and place.holds_in(document) else ""
    link = permalink(place.document_id, *place.span, words)
    bar = markup.toolbar_html(place, group, language, link)
    if document is None:
        return bar + markup.refusal_html(text("missing_document", language))
    return bar + markup.document_html(
        document,
        place,
        language,
        group=group,
        changed=library.source_changed(place.document_id),
        whole=whole,
    )


def build_app(assistant: Assistant, *, shared_library: bool = False) -> gr.Blocks:
    """The page over an assistant, with the endpoints for programs."""
    libraries = Libraries(assistant, shared=shared_library)
    page = Page(libraries)
    with gr.Blocks(
        title="Opcit", fill_height=True, fill_width=True, delete_cache=(3600, 3600)
    ) as blocks:
        language = gr.Textbox("fr", visible=False)
        taken = gr.Textbox(visible=False)  # on its way to the clipboard or into a file
        visit = gr.State(Visit())
        head = gr.HTML(elem_id="head", apply_default_css=False)
        with gr.Row(elem_id="desk"):
            with gr.Column(elem_id="talk"):
                chat = gr.Chatbot(
                    elem_id="chat",
                    show_label=False,
                    container=False,
                    height="100%",
                    layout="panel",
                    buttons=[],
                    latex_delimiters=[],
                    allow_tags=False,
                    feedback_options=None,
                    autoscroll=False,
                )
                limits = gr.HTML(elem_id="limits", apply_default_css=False)
                with gr.Row(elem_id="ask"):
                    question = gr.Textbox(
                        elem_id="question", show_label=False, container=False, max_lines=5, scale=1
                    )
                    send = gr.Button("", elem_id="send", variant="primary", scale=0, min_width=0)
                with gr.Row(elem_id="more"):
                    again = gr.Button("", elem_id="again", size="sm", scale=0)
                    export = gr.Button("", elem_id="export", size="sm", scale=0)
            with gr.Column(elem_id="source"):
                with gr.Column(elem_id="cabinet"):
                    shelf = gr.HTML(elem_id="shelf", apply_default_css=False)
                    upload = gr.UploadButton(
                        "", elem_id="upload", file_count="multiple", size="sm", scale=0
                    )
                    notice = gr.HTML(elem_id="notice", apply_default_css=False)
                reader = gr.HTML(
                    elem_id="reader", apply_default_css=False, js_on_load=_asset("page.js")
                )

        labels = [language, head, chat, question, send, shelf, upload, again, export]
        quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
        blocks.load(_stay, concurrency_limit=None, **quiet)
        # Gradio drops what is clicked while the click before is still being answered, or with
        # "always_last" what was clicked; one at a time keeps the order.
        each: dict[str, Any] = {"trigger_mode": "multiple", **quiet}
        in_order = {"concurrency_limit": 1, **each}
        gr.on(
            [question.submit, send.click],
            None,
            [question],
            [question],
            js="(question) => opcit.ask(question)",
            **each,
        )
        asking = reader.ask(
            page.respond, [visit], [chat, reader], concurrency_limit=_AT_ONCE, **each
        )
        for done in (asking.then, asking.failure):
            done(None, None, None, js="() => opcit.answered()", **each)
        reader.begin(page.begin, [visit], [chat], **in_order)
        reader.open(page.open, None, [reader], concurrency_limit=_AT_ONCE, **each)
        reader.limit(page.limit, [visit], [limits], **in_order)
        reader.speak(page.speak, [visit], labels, **in_order)
        reader.rate(page.rate, [visit], None, **in_order)
        reader.copy_answer(page.copy, [visit], [taken], **in_order).then(
            None, [taken], None, js="(reply) => opcit.copied(reply)", **each
        )
        reader.export_all(page.export, [visit], [taken], **quiet).then(
            None, [taken], None, js="(markdown) => opcit.save(markdown)"
        )
        # An index has one writer at a time.
        adding = upload.upload(page.add, [upload, language], [notice, head, upload], **in_order)
        removing = reader.remove(page.remove, None, [notice, head], **in_order)
        for changing in (adding, removing):
            changing.then(None, None, None, js="() => opcit.listed()", **each)
        add_endpoints(libraries)
    blocks.queue(default_concurrency_limit=_AT_ONCE)
    blocks._queue.max_thread_count = _OPEN_PAGES  # else 40, of which each holds one
    return blocks  # type: ignore[no-any-return]


async def _stay() -> AsyncIterator[None]:
    """Never end while the page is open.

    Gradio's browser side listens to one stream and closes it when no event is under way; an event
    that is sent at that very moment, a question say, is answered to nobody. So one always is.
    Gradio notices at a yield that a page was closed; until then it counts among those it serves.
    """
    while True:
        await asyncio.sleep(10)
        yield


def serve(config: Config, *, open_browser: bool = True) -> None:
    """Open the index and serve the page over it until Ctrl-C.

    Raises OpcitError if the index cannot be opened, the port is taken, or other machines could
    reach the chat and nobody said who may.
    """
    assistant = Assistant.open(config.index, config)
    serve_blocks(
        build_app(assistant, shared_library=config.shared_library),
        assistant,
        config,
        open_browser=open_browser,
        theme=_theme(),
        # Not `css=`, which Gradio confines to its own container and applies late.
        head=f"<style>{_asset('page.css')}</style>{_asset('head.html')}",
    )


def _theme() -> gr.themes.Base:
    """System fonts only: a font of the web would be a request to another machine."""
    font = gr.themes.utils.fonts.Font
    sans = [font(name) for name in ("system-ui", "Segoe UI", "Liberation Sans", "sans-serif")]
    mono = [font(name) for name in ("ui-monospace", "Liberation Mono", "monospace")]
    return gr.themes.Base(font=sans, font_mono=mono, radius_size="sm")


def _language(asked: dict[str, Any]) -> Language:
    return "en" if asked.get("language") == "en" else "fr"


def _said(role: str, html: str) -> dict[str, Any]:
    return {"role": role, "content": html}


def _asset(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")


if __name__ == "__main__":
    try:
        serve(read_config())
    except OpcitError as problem:
        sys.exit(str(problem))
