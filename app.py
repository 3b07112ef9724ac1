"""The web chat: a question on the left, the cited document on the right, open at the span.

Page and callbacks only: what is found, cited or refused is decided in `qa`, and what it looks like
as HTML in `qa.markup`; style and behaviour in the browser are in `assets/`. The state of the page
is in the page: any link works in a new window and after a restart.

Run it with `python app.py`, or `opcit chat`.
"""

import asyncio
import logging
import os
import queue
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
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
    Filter,
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
    ("en", "Who makes the R21 malaria vaccine?", "2023-10-03-r21-malaria-vaccine.txt"),
)


class Page:
    """The callbacks of the page; each sees the library of the session that calls it."""

    def __init__(self, libraries: Libraries) -> None:
        self._libraries = libraries

    def respond(
        self,
        question: str,
        history: History,
        answers: list[Answer],
        among: Filter,
        language: Language,
        request: gr.Request,
    ) -> Iterator[tuple[Any, ...]]:
        """Show the question, say that the search is on, then show the answer.

        Yields the question box, the conversation, its answers and the reader.
        """
        if not question.strip():
            yield gr.skip(), gr.skip(), gr.skip(), gr.skip()
            return
        library = self._libraries.of(request)
        asked = markup.question_html(question.strip(), among, language)
        history = [*history, _said("user", asked)]
        searching = markup.note_html(text("searching", language))
        yield "", [*history, _said("assistant", searching)], gr.skip(), gr.skip()
        try:
            answer = library.ask(question.strip(), among, [answer.turn for answer in answers])
            reply, reader = _reply(library, answer), _first_source(library, answer, language)
            answers = [*answers, answer]
        except Exception as error:
            reply, reader = markup.refusal_html(_told(error, language)), gr.skip()
        yield gr.skip(), [*history, _said("assistant", reply)], answers, reader

    def example(
        self,
        event: gr.EventData,
        history: History,
        answers: list[Answer],
        among: Filter,
        language: Language,
        request: gr.Request,
    ) -> Iterator[tuple[Any, ...]]:
        """The same for a question chosen on the page."""
        yield from self.respond(str(event.question), history, answers, among, language, request)

    def limit(self, event: gr.EventData, latest: int) -> tuple[Any, ...]:
        """The documents that questions go to from now on, the words that say so, and their number.

        Limits that arrive after later ones are passed over.
        """
        asked = event._data or {}
        serial = asked.get("serial")
        if not isinstance(serial, int) or serial < latest:
            return gr.skip(), gr.skip(), gr.skip()
        among = read_filter(asked)
        return among, markup.limits_html(among, _language(asked)), serial

    def copy(self, event: gr.EventData, answers: list[Answer]) -> str:
        """One answer as Markdown."""
        asked = event._data or {}
        return answer_markdown(answers[int(asked["at"])], str(asked["address"]))

    def export(self, event: gr.EventData, answers: list[Answer]) -> str:
        """The whole conversation as Markdown."""
        asked = event._data or {}
        today = date.today()
        return conversation_markdown(answers, _language(asked), today, str(asked["address"]))

    def rate(self, event: gr.EventData, answers: list[Answer], request: gr.Request) -> None:
        """Keep what somebody thinks of an answer."""
        asked = event._data or {}
        try:
            self._libraries.of(request).rate(answers[int(asked["at"])], good=asked["good"] is True)
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

    def speak(self, event: gr.EventData, request: gr.Request) -> tuple[Any, ...]:
        """The page in the wanted language."""
        language = _language(event._data or {})
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
        answers, among, latest = gr.State([]), gr.State(Filter()), gr.State(0)
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
        asking = [chat, answers, among, language]
        shown = [question, chat, answers, reader]
        gr.on(
            [question.submit, send.click],
            page.respond,
            [question, *asking],
            shown,
            concurrency_limit=_AT_ONCE,
            trigger_mode="always_last",  # what is asked meanwhile waits, and is not dropped
            **quiet,
        )
        reader.ask(page.example, asking, shown, concurrency_limit=_AT_ONCE, **quiet)
        # Gradio drops what is clicked while the click before is still being answered, or with
        # "always_last" what was clicked; one at a time keeps the order.
        each: dict[str, Any] = {"trigger_mode": "multiple", **quiet}
        reader.open(page.open, None, [reader], concurrency_limit=_AT_ONCE, **each)
        reader.limit(page.limit, [latest], [among, limits, latest], concurrency_limit=1, **each)
        reader.speak(page.speak, None, labels, **each)
        reader.copy_answer(page.copy, [answers], [taken], **quiet).then(
            None, [taken], None, js="(markdown) => opcit.copied(markdown)"
        )
        reader.export_all(page.export, [answers], [taken], **quiet).then(
            None, [taken], None, js="(markdown) => opcit.save(markdown)"
        )
        reader.rate(page.rate, [answers], None, **each)
        adding = {"concurrency_limit": 1, **quiet}  # an index has one writer at a time
        upload.upload(page.add, [upload, language], [notice, head, upload], **adding)
        reader.remove(page.remove, None, [notice, head], concurrency_limit=1, **each)
        again.click(lambda: ([], []), None, [chat, answers], **quiet)
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
