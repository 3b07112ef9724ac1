"""What a person sees of an answer: marks in the right place, and nothing of a document as HTML."""

import re
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index import Document, Entry, Filter, Hit, Passage
from index.types import FileState
from qa import Answer, Citation, markup
from qa.markup import Place, link_to, read_link

TEXT = "Titre\n\nLe « maire » s'appelle Zoé Kerbrat.\r\nElle a 40 ans. Fin de l'article."
DOCUMENT = Document("sous dossier/é:l'un&autre.txt", TEXT, "Titre", "x", "fr", date(2024, 3, 1))

PAYLOADS = [
    "<script>window.hacked = 1</script>",
    "<img src=x onerror='window.hacked = 1'>",
    "![image](http://192.0.2.1/x.png)",
    "[lien](javascript:window.hacked=1)",
    "${window.hacked = 1}",
    "{{constructor.constructor('window.hacked = 1')()}}",
    "`code` **gras** _bas_ $$x^2$$ <!-- --> ]]> &lt;b&gt;",
    "</p></div></article><iframe src='http://192.0.2.1'></iframe>",
    '" onmouseover="window.hacked = 1',
    "ligne\n\n# titre\r\n\r\n<svg onload=window.hacked=1>",
    "\u202etsil a si siht\u202c",
    "<style>body { display: none }</style>",
]


class _Reading(HTMLParser):
    """The tags, their attributes and the text of some HTML; the text inside each `mark`."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.marks: dict[str, str] = {}
        self._open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "mark":
            self._open.append(dict(attrs)["class"] or "")
        elif tag == "em":
            self._open.append("em")

    def handle_endtag(self, tag: str) -> None:
        if tag in {"mark", "em"}:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        self.text += data
        for kind in self._open:
            self.marks[kind] = self.marks.get(kind, "") + data


def _span(words: str) -> tuple[int, int]:
    start = TEXT.index(words)
    return start, start + len(words)


def _citation(title: str, quote: str) -> Citation:
    return Citation(title, 0, len(quote), quote, title, title, None, None, (0, 1))


def _entry(words: str) -> Entry:
    return Entry(1, words, words, words, words, "fr", None, FileState(1, 1, ""))


# -- links ---------------------------------------------------------------------------------------


@given(
    st.text(min_size=1).filter(lambda name: name.isprintable()),
    st.tuples(st.integers(0, 10**7), st.integers(0, 10**7)),
    st.none() | st.tuples(st.integers(0, 10**7), st.integers(0, 10**7)),
    st.booleans(),
    st.text(),
)
def test_a_link_leads_back_to_its_place(
    document_id: str,
    span: tuple[int, int],
    answer: tuple[int, int] | None,
    near: bool,
    check: str,
) -> None:
    place = Place(document_id, span, answer, near, check)

    link = link_to(place)

    assert re.fullmatch(r"#[A-Za-z0-9%_.~=:&-]+", link)
    assert read_link(link) == place


@pytest.mark.parametrize(
    "link",
    ["", "#", "#library", "#cite=x", "#cite=x:1", "#cite=x:a:b", "#cite=x:1:2&answer=3", "é"],
)
def test_another_link_leads_nowhere(link: str) -> None:
    assert read_link(link) is None


# -- the document --------------------------------------------------------------------------------


def test_the_mark_holds_the_span_character_for_character() -> None:
    span = _span("Le « maire » s'appelle Zoé Kerbrat.\r\nElle a 40 ans.")
    place = Place(DOCUMENT.id, span, _span("Zoé Kerbrat"))
    other = Place(DOCUMENT.id, _span("Fin de l'article."))
    elsewhere = Place("another.txt", (0, 5))

    reading = _Reading(markup.document_html(DOCUMENT, place, "fr", group=[place, other, elsewhere]))

    assert reading.marks["cited"] == TEXT[slice(*span)]
    assert reading.marks["em"] == "Zoé Kerbrat"
    assert reading.marks["other"] == "Fin de l'article."


def test_another_citation_that_overlaps_is_marked_where_it_goes_further() -> None:
    place = Place(DOCUMENT.id, _span("Elle a 40 ans."))
    overlapping = Place(DOCUMENT.id, _span("40 ans. Fin"))

    reading = _Reading(markup.document_html(DOCUMENT, place, "fr", group=[place, overlapping]))

    assert reading.marks == {"cited": "Elle a 40 ans.", "other": " Fin"}


@given(
    st.tuples(st.integers(-5, 90), st.integers(-5, 90)),
    st.lists(st.tuples(st.integers(-5, 90), st.integers(-5, 90)), max_size=3),
)
def test_whatever_the_spans_the_text_stays_the_same(
    span: tuple[int, int], others: list[tuple[int, int]]
) -> None:
    group = [Place(DOCUMENT.id, other) for other in others]

    html = markup.document_html(DOCUMENT, Place(DOCUMENT.id, span), "fr", group=group)

    body = _Reading(html.split('<div class="text">')[1])
    assert TEXT.endswith(body.text)
    start, end = (min(max(at, 0), len(TEXT)) for at in span)
    if start < end:
        assert body.marks["cited"] == TEXT[start:end]


def test_the_title_is_not_shown_twice() -> None:
    html = markup.document_html(DOCUMENT, Place(DOCUMENT.id, (0, 0)), "fr")

    assert _Reading(html).text.count("Titre") == 1


def test_the_title_stays_in_the_text_when_it_is_cited() -> None:
    html = markup.document_html(DOCUMENT, Place(DOCUMENT.id, (0, 5)), "fr")

    assert _Reading(html).marks["cited"] == "Titre"


def test_a_long_document_opens_around_its_span() -> None:
    long = Document("long.txt", "ligne de texte\n" * 70_000, "Long", "long.txt", "fr", None)
    place = Place("long.txt", (600_000, 600_014))

    part = markup.document_html(long, place, "fr")
    whole = markup.document_html(long, place, "fr", whole=True)

    assert markup.WINDOW * 0.9 < len(_Reading(part).text) < markup.WINDOW * 1.1
    assert _Reading(part).marks["cited"] == long.text[600_000:600_014]
    assert part.count('class="whole"') == 2
    assert len(_Reading(whole).text) > len(long.text)
    assert 'class="whole"' not in whole


def test_a_changed_source_is_said() -> None:
    place = Place(DOCUMENT.id, (7, 12))

    assert "Le fichier a changé" in markup.document_html(DOCUMENT, place, "fr", changed=True)
    assert "Le fichier a changé" not in markup.document_html(DOCUMENT, place, "fr")


def test_the_page_of_the_span_is_named() -> None:
    paged = Document("p.pdf", "un deux trois", "P", "p.pdf", "fr", None, page_starts=(0, 3, 8))

    assert "page 2" in markup.document_html(paged, Place("p.pdf", (3, 7)), "fr")


def test_an_answer_more_likely_wrong_than_right_is_called_uncertain() -> None:
    citation = _citation("titre", "Le maire s'appelle Zoé.")

    for confidence, uncertain in ((0.49, True), (0.5, False)):
        html = markup.answer_html(Answer("?", "fr", "Zoé", (citation,), confidence, ()))
        assert ("Réponse incertaine" in html) == uncertain


# -- the library ---------------------------------------------------------------------------------


def test_only_what_was_added_here_can_be_removed() -> None:
    html = markup.library_html({"sample": [_entry("a.txt")], "upload": [_entry("b.txt")]}, 2, "fr")

    assert html.count('class="remove"') == 1
    assert html.index("Ajoutés ici") < html.index("Exemples")


@pytest.mark.parametrize(("days", "told"), [(30.0, "retirés après 30 jours"), (None, "")])
def test_it_is_told_how_long_added_documents_stay(days: float | None, told: str) -> None:
    html = markup.library_html({"upload": [_entry("b.txt")]}, 1, "fr", days)

    assert ("retirés" in html) is bool(told)
    assert told in html


def test_a_session_is_not_in_a_name_that_is_shown() -> None:
    name = f"session-{'0' * 32}/lettre.txt"

    shown = _Reading(markup.library_html({"upload": [_entry(name)]}, 1, "fr")).text

    assert "sans date · lettre.txt" in shown


@pytest.mark.parametrize(
    ("among", "told"),
    [
        (Filter(), ""),
        (Filter(frozenset({"a", "b"})), "Questions limitées · documents choisis\u00a0: 2"),
        (Filter(after=date(2024, 3, 1)), "Questions limitées · depuis le 1er mars 2024"),
        (Filter(before=date(2024, 3, 2)), "Questions limitées · jusqu’au 2 mars 2024"),
        (
            Filter(after=date(2024, 3, 1), before=date(2024, 3, 2)),
            "Questions limitées · du 1er mars 2024 au 2 mars 2024",
        ),
    ],
)
def test_a_limit_is_told(among: Filter, told: str) -> None:
    assert markup.limits_text(among, "fr") == told
    assert ("<button" in markup.limits_html(among, "fr")) == bool(told)


# -- hostile text --------------------------------------------------------------------------------


@pytest.mark.parametrize("payload", PAYLOADS)
def test_nothing_of_a_document_or_a_person_becomes_html(payload: str) -> None:
    citation = _citation(payload, payload)
    answer = Answer(payload, "fr", payload + "!", (citation,), 0.5, (), payload)
    silent = Answer(payload, "fr", payload, (), 0.1, (), payload)
    document = Document(payload, payload, payload, payload, "fr", None)
    place = Place(payload, (0, 3), (1, 2))
    hit = Hit(Passage(payload, 0, 3, payload[:3]), 1.0)
    plain = "paisible"

    for made, model in [
        (markup.question_html(payload), markup.question_html(plain)),
        (markup.note_html(payload), markup.note_html(plain)),
        (
            markup.answer_html(answer),
            markup.answer_html(
                Answer(plain, "fr", plain + "!", (_citation(plain, plain),), 0.5, (), plain)
            ),
        ),
        (
            markup.abstention_html(silent, [(hit, document)]),
            markup.abstention_html(
                Answer(plain, "fr", plain, (), 0.1, (), plain),
                [(hit, Document(plain, plain, plain, plain, "fr", None))],
            ),
        ),
        (
            markup.document_html(document, place, "fr"),
            markup.document_html(
                Document(plain, plain, plain, plain, "fr", None), Place(plain, (0, 3), (1, 2)), "fr"
            ),
        ),
        (
            markup.outcome_html([payload], [payload], [payload], "fr"),
            markup.outcome_html([plain], [plain], [plain], "fr"),
        ),
        (markup.removal_html(payload, "fr"), markup.removal_html(plain, "fr")),
        (
            markup.toolbar_html(place, [place], "fr", payload),
            markup.toolbar_html(
                Place(plain, (0, 3), (1, 2)), [Place(plain, (0, 3), (1, 2))], "fr", plain
            ),
        ),
        (
            markup.library_html({"upload": [_entry(payload)]}, 1, "fr"),
            markup.library_html({"upload": [_entry(plain)]}, 1, "fr"),
        ),
    ]:
        names = [(tag, sorted(attributes)) for tag, attributes in _Reading(made).tags]
        assert names == [(tag, sorted(attributes)) for tag, attributes in _Reading(model).tags]
        # A line break would end the block of HTML and let Markdown read what follows.
        assert not re.search(r"[\r\n]", made)


# -- the style -----------------------------------------------------------------------------------

STYLE = (Path(__file__).parents[1] / "assets" / "page.css").read_text(encoding="utf-8")
PAIRS = [
    ("ink", "paper"),
    ("ink", "desk"),
    ("soft", "paper"),
    ("soft", "desk"),
    ("accent", "paper"),
    ("accent", "desk"),
    ("accent", "chip"),
    ("accent", "silent-ground"),
    ("on-accent", "accent"),
    ("ink", "chip"),
    ("soft", "chip"),
    ("ink", "mark"),
    ("ink", "mark-answer"),
    ("ink", "mark-other"),
    ("ink", "silent-ground"),
    ("silent", "silent-ground"),
    ("soft", "silent-ground"),
    ("paper", "ink"),
]


def _luminance(colour: str) -> float:
    """Relative luminance, as in WCAG 2.2."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize(
    "theme", [r":root \{(.*?)\}", r":root:has\(body\.dark\) \{(.*?)\}"], ids=["light", "dark"]
)
@pytest.mark.parametrize(("front", "back"), PAIRS)
def test_text_stands_out_from_its_ground(theme: str, front: str, back: str) -> None:
    found = re.search(theme, STYLE, re.S)
    assert found
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", found[1]))

    lighter, darker = sorted((_luminance(colours[front]), _luminance(colours[back])), reverse=True)

    assert (lighter + 0.05) / (darker + 0.05) >= 4.5
