"""From files to documents: every format, every kind of bad file."""

import copy
import io
import os
import random
import socket
import struct
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path

import docx
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from index import Document, FolderError, LoadError
from index.load import SUFFIXES, find_files, load

DATA = Path(__file__).parent / "data"
LIMIT = 1_000_000

TITLE = "L’usine d’eau de Brénac rouvre"
SENTENCES = (
    "Brénac, 12 mars 2021. – L’usine d'eau potable a rouvert vendredi, après onze mois.",
    "«\u00a0L'eau coule de nouveau dans 3\u00a0400 foyers\u00a0», a dit Mme\u00a0Hélène Lefèvre.",
    "Le chantier a coûté 2,7 millions d’euros\u00a0; le maître d'œuvre est une société de Nîmes.",
)
ARTICLES = [
    "article.txt",
    "article-cp1252.txt",
    "article-utf16.txt",
    "article.md",
    "article.html",
    "article-latin1.htm",
    "article.pdf",
    "article.docx",
]


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def read(path: Path) -> Document:
    return load(path, path.name, LIMIT)[0]


def word(build: Callable[..., None]) -> bytes:
    document = docx.Document()
    build(document)
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


# --- the same article in every format --------------------------------------------------------


@pytest.mark.parametrize("name", ARTICLES)
def test_one_article_reads_the_same_in_every_format(name: str) -> None:
    document, _ = load(DATA / name, f"presse/{name}", LIMIT)

    assert document.id == f"presse/{name}"
    assert document.source == str(DATA / name)
    assert document.title == TITLE
    assert document.date == date(2021, 3, 12)
    assert document.language == "fr"
    assert document.page_starts == ((0,) if name.endswith(".pdf") else ())
    places = []
    for sentence in SENTENCES:
        # PDFium gives every no-break space as a plain one.
        expected = sentence.replace("\u00a0", " ") if name.endswith(".pdf") else sentence
        assert document.text.count(expected) == 1
        places.append(document.text.index(expected))
    assert places == sorted(places)


@pytest.mark.parametrize("name", ["article.html", "article-latin1.htm"])
def test_html_text_is_the_article_alone(name: str) -> None:
    assert read(DATA / name).text == "\n\n".join((TITLE, *SENTENCES))


def test_docx_text_has_its_table_in_place() -> None:
    table = "Commune | Foyers\nBrénac | 3\u00a0400"
    expected = (TITLE, SENTENCES[0], SENTENCES[1], table, SENTENCES[2])
    assert read(DATA / "article.docx").text == "\n\n".join(expected)


def test_every_suffix_has_a_document_in_the_table() -> None:
    assert {Path(name).suffix for name in ARTICLES} == SUFFIXES


def test_suffixes_are_read_in_either_case(tmp_path: Path) -> None:
    assert read(write(tmp_path, "NOTE.TXT", "Un mot.\nDeux.")).title == "Un mot."


def test_no_socket_is_opened_and_nothing_is_printed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_args: object, **_kwargs: object) -> None:
        raise AssertionError("a loader asked for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    for name in ARTICLES:
        read(DATA / name)
    # htmldate fetches a page whose content is an address, if it is given it as a string.
    address = write(tmp_path, "address.html", "http://127.0.0.1:9/page.html")
    assert read(address).text == "http://127.0.0.1:9/page.html"
    with pytest.raises(LoadError):
        read(write(tmp_path, "empty.html", "<html><body></body></html>"))
    assert capfd.readouterr() == ("", "")


# --- text is exact ---------------------------------------------------------------------------


readable = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\r\n\t"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")


@pytest.mark.parametrize("suffix", [".txt", ".md"])
@settings(deadline=None)  # the first example waits for the imports
@given(text=readable)
@example(text="un\r\ndeux\rtrois\n\nquatre")
@example(text="e\u0301te\u0301 été œ ﬁ «\u00a0\u202f» l’l' \u2028 \U0001f600")
@example(text="  \n a \n ")
def test_any_text_comes_back_as_it_was_written(folder: Path, suffix: str, text: str) -> None:
    assume(any(character.isalnum() for character in text) and not text.startswith("\ufeff"))
    document = read(write(folder, "any" + suffix, text))
    assert document.text == text
    assert document.title
    assert document.title == document.title.strip()
    assert len(document.title.splitlines()) == 1


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\xef\xbb\xbf\xc3\xa9t\xc3\xa9", "été"),
        (b"\xff\xfe\xe9\x00t\x00\xe9\x00", "été"),
        (b"\xfe\xff\x00\xe9\x00t\x00\xe9", "été"),
        (b"\xc3\xa9t\xc3\xa9", "été"),
        (b"\xe9t\xe9", "été"),
        (b"c\x9cur \x96 l\x92\xe9t\xe9 \x80", "cœur – l’été €"),
        (b"a\r\nb\rc\n", "a\r\nb\rc\n"),
        (b"page\x0csuivante, une ligne assez longue", "page\x0csuivante, une ligne assez longue"),
    ],
)
def test_encodings(tmp_path: Path, data: bytes, text: str) -> None:
    assert read(write(tmp_path, "a.txt", data)).text == text


@pytest.mark.parametrize(
    ("head", "data"),
    [
        ("<meta charset='windows-1252'>", "l’été à Nîmes".encode("cp1252")),
        (
            '<meta http-equiv=Content-Type content="text/html; charset=ISO-8859-1">',
            b"l\x92\xe9t\xe9 \xe0 N\xeemes",
        ),
        ("<META CHARSET=iso-8859-15>", "l’été à Nîmes".replace("’", "'").encode("iso-8859-15")),
        ("<meta charset=utf-8>", "l’été à Nîmes".encode()),
        # A false or mad declaration: then as for a text file.
        ("<meta charset=utf-8>", "l’été à Nîmes".encode("cp1252")),
        ("<meta charset=rot13>", "l’été à Nîmes".encode()),
        ("", "l’été à Nîmes".encode()),
        ("", "l’été à Nîmes".encode("cp1252")),
    ],
)
def test_html_charsets(tmp_path: Path, head: str, data: bytes) -> None:
    page = f"<html><head>{head}</head><body><p>".encode() + data + b"</p></body></html>"
    text = read(write(tmp_path, "a.html", page)).text
    assert text.replace("'", "’") == "l’été à Nîmes"


def test_html_with_a_letter_cut_in_two(tmp_path: Path) -> None:
    head = '<html><head><meta charset=utf-8><meta name=description content="Un \udcc3">'
    page = head + "</head><body><p>l’été à Nîmes</p></body></html>"
    data = page.encode(errors="surrogateescape")
    assert b'"Un \xc3"' in data
    assert read(write(tmp_path, "a.html", data)).text == "l’été à Nîmes"


def test_html_with_stray_control_characters(tmp_path: Path) -> None:
    page = (
        "<title>Le\u00a0titre\x1f</title><p id='\x02'>l’été\x0b à&#1;\ufffe Nîmes, une phrase.</p>"
        f"<p>{'Deux. ' * 40}</p>"
    )
    document = read(write(tmp_path, "a.html", page))
    assert document.text == "l’été à Nîmes, une phrase.\n\n" + ("Deux. " * 40).strip()
    assert document.title == "Le titre"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_html_with_a_mark(tmp_path: Path, encoding: str) -> None:
    for head in ("<html><head><meta charset=iso-8859-1></head><body><p>", ""):
        page = head + "l’été à Nîmes"
        assert read(write(tmp_path, "a.html", page.encode(encoding))).text == "l’été à Nîmes"


# --- structure -------------------------------------------------------------------------------


def test_pdf_pages_begin_where_they_are_said_to() -> None:
    document = read(DATA / "pages.pdf")
    assert document.text == "Première page.\n\n\n\nUne page\nde deux lignes."
    # 14 characters and 2 newlines; an empty page and 2 newlines.
    assert document.page_starts == (0, 16, 18)
    assert document.text[18:] == "Une page\nde deux lignes."
    assert document.title == "Trois pages"
    assert document.date == date(2022, 5, 4)


def test_pdf_with_a_title_that_is_no_text_is_read(tmp_path: Path) -> None:
    pages = (DATA / "pages.pdf").read_bytes()
    # A lone surrogate in UTF-16.
    damaged = pages.replace(b"(Trois pages)", b"<FEFFD800>")
    document = read(write(tmp_path, "a.pdf", damaged))
    assert (document.title, document.date) == ("Première page.", date(2022, 5, 4))


def test_html_structure(tmp_path: Path) -> None:
    page = """<html><body><article><h1>Bilan</h1><p>Un <b>mot</b>&nbsp;!<br>Deux.</p>
    <h2>Suite</h2><ul><li>un</li><li>deux<ul><li>trois</li></ul></li></ul>
    <table><tr><th>Ville</th><th>Hab.</th></tr><tr><td>Lyon</td><td>500 000</td></tr></table>
    <blockquote><p>Dit-il.</p></blockquote></article><script>alert("non")</script></body></html>"""
    assert read(write(tmp_path, "a.html", page)).text == (
        "Bilan\n\nUn mot\u00a0!\nDeux.\n\nSuite\n\nun\ndeux\ntrois\n\n"
        "Ville | Hab.\nLyon | 500 000\n\nDit-il."
    )


PARAGRAPH = "La ville a voté son budget, après un long débat sur l'eau et les écoles. " * 3
NEWS = f"""<html><body><header><a href="/">La Gazette</a><div>Bandeau</div></header>
<nav><ul><li><a href="/s">Sport</a></li></ul><div>Rubriques<p>Toutes</p></div></nav>
<div class="cookie-banner">Nous posons des témoins.<p>Accepter</p></div>
{{opening}}<h1>Le budget</h1><div class="lead">Le chapeau <b>nu</b> de l'article.</div>
<div>Le début nu.<p>{PARAGRAPH}</p>La suite, <i>nue</i> aussi.
<figure><img src="a.jpg"><figcaption>La légende de l'image.</figcaption></figure>
<p>Le prix est de <del>10</del> <s>11</s> <strike>12</strike> 13 euros.</p>Le mot de la fin.</div>
{{closing}}<aside>À lire<p>Un autre article</p>
<figure><figcaption>Publicité</figcaption></figure></aside>
<div class="sidebar">Les plus lus<p>Une autre page</p></div>
<footer>La Gazette, 1998-2024<div>Contact<p>Mentions légales</p></div></footer></body></html>"""


@pytest.mark.parametrize("tag", ["article", "main", "div"])
def test_html_keeps_bare_text_and_captions_and_no_furniture(tmp_path: Path, tag: str) -> None:
    page = NEWS.format(opening=f"<{tag}>", closing=f"</{tag}>")
    assert read(write(tmp_path, "a.html", page)).text.split("\n\n") == [
        "Le budget",
        "Le chapeau nu de l'article.",
        "Le début nu.",
        PARAGRAPH.strip(),
        "La suite, nue aussi.",
        "La légende de l'image.",
        "Le prix est de 13 euros.",
        "Le mot de la fin.",
    ]


def test_html_with_one_long_run_of_elements_is_read_whole(tmp_path: Path) -> None:
    words = [f"mot{number}" for number in range(9000)]
    page = "<article>" + " ".join(f"{word} <i>et</i>" for word in words) + "</article>"
    text = read(write(tmp_path, "a.html", page)).text
    assert text.split() == [part for word in words for part in (word, "et")]


def test_html_without_an_article_keeps_its_headings(tmp_path: Path) -> None:
    page = "<html><body><p>Avant.</p><h2>Milieu</h2><p>Après, une phrase.</p></body></html>"
    assert read(write(tmp_path, "a.html", page)).text == "Avant.\n\nMilieu\n\nAprès, une phrase."


def test_html_no_script_or_hidden_code_in_the_text(tmp_path: Path) -> None:
    page = (
        "<html><body><p>Bonjour à tous.</p><script>mal()</script><style>p{}</style>"
        "<p onclick='mal()'>Au&lt;script&gt;revoir.</p><!-- secret --></body></html>"
    )
    assert read(write(tmp_path, "a.html", page)).text == "Bonjour à tous.\n\nAu<script>revoir."


def test_html_where_no_article_is_found_is_read_whole(tmp_path: Path) -> None:
    # Text laid out in details elements without paragraphs, which the extraction leaves out.
    questions = "".join(
        f"<details><summary>Question {n} ?</summary>Il faut venir au guichet {n} avec un "
        f"justificatif et une pièce d'identité, le matin.</details>"
        for n in range(9)
    )
    page = f"<html><body><nav>Menu</nav><div><p>Aide</p>{questions}</div></body></html>"
    text = read(write(tmp_path, "faq.html", page)).text
    assert "Il faut venir au guichet 8 avec un justificatif" in text
    assert "Menu" not in text


def test_html_with_many_articles_is_read_whole(tmp_path: Path) -> None:
    articles = "".join(
        f"<article><h2>Nouvelle {n}</h2><p>La commune numéro {n} a voté son budget annuel hier "
        f"soir, après un long débat sur l'eau et les écoles.</p></article>"
        for n in range(8)
    )
    page = f"<html><body><nav>Menu</nav>{articles}</body></html>"
    text = read(write(tmp_path, "blog.html", "<title>Blog</title>" + page)).text
    assert text.startswith("Nouvelle 0\n\nLa commune numéro 0")
    assert [n for n in range(8) if f"La commune numéro {n} a voté" in text] == list(range(8))


def test_docx_tables(tmp_path: Path) -> None:
    def build(document: docx.document.Document) -> None:
        document.add_paragraph("Avant.")
        document.add_paragraph("  ")
        table = document.add_table(rows=3, cols=3)
        table.cell(0, 0).merge(table.cell(0, 1)).text = "fusion"
        table.cell(0, 2).merge(table.cell(1, 2)).text = "haut"
        table.cell(1, 0).text = "deux\nlignes"
        inner = table.cell(1, 1).add_table(rows=1, cols=2)
        inner.cell(0, 0).text, inner.cell(0, 1).text = "x", "y"
        document.add_paragraph("Après.")
        document.sections[0].header.paragraphs[0].text = "En-tête"

    text = read(write(tmp_path, "a.docx", word(build))).text
    assert text == "Avant.\n\nfusion | haut\ndeux lignes | \nx | y\n\nAprès."


def test_docx_insertions_form_fields_and_formulas_are_read(tmp_path: Path) -> None:
    def wrapped(before: str, inside: str) -> str:
        return f"<w:{before}><w:r><w:t>{inside}</w:t></w:r></w:{before.split()[0]}>"

    body = (
        "<w:p><w:pPr><w:tabs><w:tab w:val='left' w:pos='9'/></w:tabs></w:pPr>"
        "<w:r><w:t xml:space='preserve'>Le maire </w:t></w:r>"
        + wrapped("ins w:id='1' w:author='a'", "démissionne")
        + "<w:del w:id='2' w:author='a'><w:r><w:delText>reste</w:delText></w:r></w:del>"
        + wrapped("moveFrom w:id='3' w:author='a'", "ailleurs")
        + "<m:oMath><m:sSup><m:e><m:r><m:t> x</m:t></m:r></m:e>"
        "<m:sup><m:r><m:t>2</m:t></m:r></m:sup></m:sSup></m:oMath><w:r><w:br/><w:t>ce</w:t><w:noBreakHyphen/><w:t>soir</w:t></w:r></w:p>"
        "<w:sdt><w:sdtContent><w:p><w:r><w:t>Nom</w:t><w:tab/><w:t>Lefèvre</w:t></w:r></w:p>"
        "</w:sdtContent></w:sdt>"
    )
    space = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    signs = "http://schemas.openxmlformats.org/officeDocument/2006/math"
    part = f"<w:document xmlns:w='{space}' xmlns:m='{signs}'><w:body>{body}</w:body></w:document>"
    data = with_part("word/document.xml", part.encode())
    text = read(write(tmp_path, "a.docx", data)).text
    assert text == "Le maire démissionne x2\nce-soir\n\nNom\tLefèvre"


def test_docx_a_long_merged_column(tmp_path: Path) -> None:
    def build(document: docx.document.Document) -> None:
        table = document.add_table(rows=2, cols=2)
        table.cell(0, 0).merge(table.cell(1, 0)).text = "haut"
        for _ in range(1500):
            table._tbl.append(copy.deepcopy(table.rows[1]._tr))

    text = read(write(tmp_path, "a.docx", word(build))).text
    assert text == "haut | "


# --- titles ----------------------------------------------------------------------------------


def docx_with_title(document: docx.document.Document) -> None:
    document.core_properties.title = "  Le\ntitre "
    document.add_heading("Un intertitre", level=1)


def docx_with_heading(document: docx.document.Document) -> None:
    document.add_paragraph("Note de service")
    document.add_heading("Un intertitre", level=2)


def docx_plain(document: docx.document.Document) -> None:
    document.add_paragraph("Première ligne")
    document.add_paragraph("Seconde ligne")


@pytest.mark.parametrize(
    ("name", "content", "title"),
    [
        ("note.txt", "\n\n  L’été arrive \nIl fait chaud.", "L’été arrive"),
        ("note.txt", "Tout le texte en une ligne.\n", "note"),
        ("note.txt", "x" * 200 + "\nsuite", "x" * 200),
        ("note.txt", "x" * 201 + "\nsuite", "note"),
        ("note.txt", "***\nsuite\nfin", "note"),
        ("note.v2.txt", "Tout le texte.", "note.v2"),
        ("note.md", "Intro\n\n## Le *titre* ##\r\n\ntexte", "Le *titre*"),
        ("note.md", "Le titre\n========\n\ntexte", "Le titre"),
        ("note.md", "```\n# commentaire\n```\n# Titre\ntexte", "Titre"),
        ("note.md", "---\ntitle: 'Un titre'\n---\n# Autre\n", "Un titre"),
        ("note.md", "---\nauteur: moi\n---\nUn début\n\nsuite", "Un début"),
        ("note.md", "#pas un titre\nsuite", "#pas un titre"),
        ("note.html", "<title>Le titre</title><p>Un.</p><p>Deux.</p>", "Le titre"),
        (
            "note.html",
            '<head><meta property="og:title" content="L’autre"><title>Non</title></head><p>Un.</p>',
            "L’autre",
        ),
        ("note.html", "<body><h1>Le\n grand titre</h1><p>Un.</p><p>Deux.</p>", "Le grand titre"),
        ("note.html", "<p>Une seule phrase.</p>", "note"),
        ("note.docx", word(docx_with_title), "Le titre"),
        ("note.docx", word(docx_with_heading), "Un intertitre"),
        ("note.docx", word(docx_plain), "Première ligne"),
    ],
)
def test_titles(tmp_path: Path, name: str, content: str | bytes, title: str) -> None:
    assert read(write(tmp_path, name, content)).title == title


# --- dates -----------------------------------------------------------------------------------

APRIL_3 = date(2021, 4, 3)


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.txt", "Titre\n2016-01-04\n\nLe 2 mai 2015, un homme.", date(2016, 1, 4)),
        ("a.txt", "Titre\n\nDate : 2016-01-04T10:00\n\nTexte.", date(2016, 1, 4)),
        ("a.txt", "Paris, 12 mars 2021. Texte du 2 mai 2015.", date(2021, 3, 12)),
        ("a.txt", "Le 1er janvier 2022, à Nîmes.", date(2022, 1, 1)),
        ("a.txt", "Le 3\u00a0août\u00a02020, à Nîmes.", date(2020, 8, 3)),
        ("a.txt", "Le 3 aou\u0302t 2020, à Nîmes.", date(2020, 8, 3)),
        ("a.txt", "MARDI 15 FEVRIER 2022 A NIMES", date(2022, 2, 15)),
        ("a.txt", "Le 5 déc. 2018, à Nîmes.", date(2018, 12, 5)),
        ("a.txt", "London, March 12, 2021. Text.", date(2021, 3, 12)),
        ("a.txt", "London, March 3rd 2021. Text.", date(2021, 3, 3)),
        ("a.txt", "London, 12 March 2021. Text.", date(2021, 3, 12)),
        ("a.txt", "The 12th of May, 2021. Text.", date(2021, 5, 12)),
        ("a.txt", "Sept. 4, 2021: text.", date(2021, 9, 4)),
        ("a.txt", "31 avril 2021\n30 avril 2021.", date(2021, 4, 30)),
        # Numbers with slashes: day first in French; in English only where one order is possible.
        ("a.txt", "Compte rendu du conseil\n03/04/2021\n\nLe maire ouvre la séance.", APRIL_3),
        ("a.txt", "Nîmes, le 03/04/2021\n\nMadame, vous trouverez la facture.", APRIL_3),
        ("a.txt", "London, 03/04/2021\n\nThe minutes of the meeting are here.", None),
        ("a.txt", "London, 25/04/2021\n\nThe minutes of the meeting.", date(2021, 4, 25)),
        ("a.txt", "London, 04/25/2021\n\nThe minutes of the meeting.", date(2021, 4, 25)),
        ("a.txt", "London, 04/04/2021\n\nThe minutes of the meeting.", date(2021, 4, 4)),
        ("a.txt", "Voir les pages 1/2/2021/3 et le dossier de la mairie.", None),
        ("a.txt", "Nîmes, 1er mars 2020. – La ville a voté.", date(2020, 3, 1)),
        ("a.txt", "Nîmes, 1ᵉʳ mars 2020. – La ville a voté.", date(2020, 3, 1)),
        ("a.txt", "Nîmes, 1 er mars 2020. – La ville a voté.", date(2020, 3, 1)),
        # The document's own date.
        ("a.txt", "Note\n\nPublié le 3 avril 2021 par la mairie de Nîmes.", APRIL_3),
        ("a.txt", "Note\n\nMis à jour le 3 avril 2021 à 12 h.", APRIL_3),
        ("a.txt", "Note\n\nDate de publication : 3 avril 2021", APRIL_3),
        ("a.txt", "Note\n\nSaint-Denis (AFP) – samedi 3 avril 2021 – " + "Un mot. " * 20, APRIL_3),
        ("a.txt", "Compte rendu de la séance du 3 avril 2021\n\nLe maire ouvre.", APRIL_3),
        ("a.txt", "Minutes of the meeting of 3 April 2021\n\nThe mayor opens.", APRIL_3),
        ("a.txt", "Mairie de Nîmes\n1, place de la Comédie\nNîmes, le 3 avril 2021\n", APRIL_3),
        ("a.txt", "WASHINGTON, April 3, 2021 (AP) — " + "The mayor spoke. " * 9, APRIL_3),
        ("a.txt", "A note (3 April 2021)\n\n" + "The mayor spoke. " * 9, APRIL_3),
        ("a.md", "# Note\n\n**Date :** *3 avril 2021*\n\nUn mot.", APRIL_3),
        ("a.md", "# Note\n\n*2021-04-03*\n\nUn mot.", APRIL_3),
        # A date that the text tells of.
        ("a.txt", "Jean Moulin\nNé le 3 avril 1951 à Béziers, il fut préfet.", None),
        ("a.txt", "Jean Moulin est né le\n3 avril 1951 à Béziers.", None),
        ("a.txt", "Marie, née à Lyon, le 3 avril 1951\n\nElle a trois filles.", None),
        ("a.txt", "Curriculum\nDate de naissance : 03/04/1951\n\nElle a trois filles.", None),
        ("a.txt", "Curriculum\nDate of birth: 1951-04-03\n\nShe has the keys.", None),
        ("a.txt", "Albert Einstein (14 March 1879 – 18 April 1955) was a physicist.", None),
        ("a.txt", "Albert Einstein\n14 March 1879 – 18 April 1955\n\nHe was a physicist.", None),
        ("a.txt", "Einstein (Ulm, 14 mars 1879 – Princeton, 18 avril 1955), physicien.", None),
        ("a.txt", "Einstein mourut à Princeton, le 18 avril 1955, d'un anévrisme.", None),
        ("a.txt", "Le Débarquement\n\nLe 6 juin 1944, " + "des soldats arrivent. " * 9, None),
        ("a.txt", "La ville et le rapport que le conseil de Nîmes a rendu le 3 mai 2019.", None),
        (
            "a.txt",
            "Le rapport du conseil de Nîmes et des communes voisines a été voté à la séance du\n"
            "3 mai 2019.",
            None,
        ),
        ("a.md", "---\ndate: 03/04/2021\n---\nLa note de la mairie.", APRIL_3),
        ("a.txt", "x " * 160 + "le 12 mars 2021.", None),
        ("a.txt", "Le 12 mars, sans année.", None),
        ("a.txt", "Référence 12016-01-04 et 2016-13-04.", None),
        ("a.txt", "Sans date.", None),
        ("a.md", "---\ndate: 2021-03-12T08:00:00Z\n---\n2016-01-04\n", date(2021, 3, 12)),
        ("a.md", '---\ndate: "12 mars 2021"\n---\n# T\n', date(2021, 3, 12)),
        ("a.md", "# T\n\n2016-01-04\n\nTexte.", date(2016, 1, 4)),
        (
            "a.html",
            '<meta property="article:published_time" content="2021-03-12T23:30:00+01:00">'
            "<p>Le 2 mai 2015.",
            date(2021, 3, 12),
        ),
        (
            "a.html",
            '<script type="application/ld+json">{"datePublished": "2021-03-12"}</script><p>Un mot.',
            date(2021, 3, 12),
        ),
        (
            "a.html",
            '<article><time datetime="2021-03-12">hier</time><p>Un mot. '
            '<time datetime="1999-01-01">jadis</time></article>',
            date(2021, 3, 12),
        ),
        ("a.html", "<p>Nîmes, le 12 mars 2021. Un mot.</p>", date(2021, 3, 12)),
        (
            "a.html",
            "<p>Un mot.</p><p>" + "mot " * 90 + "</p><p>Mis en ligne : 2015-05-02</p>",
            None,
        ),
        ("a.html", "<p>Un mot.</p><footer>Copyright 1998-2015</footer>", None),
    ],
)
def test_dates(tmp_path: Path, name: str, content: str, expected: date) -> None:
    assert read(write(tmp_path, name, content)).date == expected


def test_a_docx_has_the_date_it_was_made(tmp_path: Path) -> None:
    def build(document: docx.document.Document) -> None:
        document.add_paragraph("Sans date.")
        document.core_properties.created = datetime(2020, 2, 29, 8)

    assert read(write(tmp_path, "a.docx", word(build))).date == date(2020, 2, 29)


def test_the_date_of_the_template_is_no_date(tmp_path: Path) -> None:
    # python-docx makes every document from a template of 2013-12-23 and leaves its dates in.
    plain = word(docx_plain)
    assert docx.Document(io.BytesIO(plain)).core_properties.created.date() == date(2013, 12, 23)
    assert read(write(tmp_path, "a.docx", plain)).date is None


# --- bad files -------------------------------------------------------------------------------


def zipped(parts: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return file.getvalue()


def with_part(name: str, data: bytes) -> bytes:
    """The article's DOCX with one of its parts replaced or added."""
    with zipfile.ZipFile(DATA / "article.docx") as archive:
        parts = {part: archive.read(part) for part in archive.namelist()}
    return zipped(parts | {name: data})


ARTICLE_PDF = (DATA / "article.pdf").read_bytes()
ARTICLE_DOCX = (DATA / "article.docx").read_bytes()
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)) * 4
NO_PAGES = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    b"2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF"
)

BAD_CONTENT = [
    ("empty.txt", b"", "is empty"),
    ("empty.pdf", b"", "is empty"),
    ("empty.docx", b"", "is empty"),
    ("blank.txt", b" \n\t\r\n", "is empty"),
    ("blank.html", b"\n\n", "is empty"),
    ("no-break-spaces.txt", "\u00a0\n\u202f".encode(), "no words"),
    ("mark-only.txt", b"\xef\xbb\xbf", "no words"),
    ("rules.md", b"---\n\n***\n", "no words"),
    ("too-large.txt", b"a" * (LIMIT + 1), "1.0 MB is too large, the limit is 1.0 MB"),
    ("too-large.pdf", b"a" * 2_500_000, "2.5 MB is too large"),
    ("nul.txt", b"un mot\0 et la suite d'une phrase assez longue pour le reste", "binary data"),
    ("picture.txt", PNG, "binary data"),
    ("picture.md", PNG, "binary data"),
    ("picture.html", PNG, "binary data"),
    ("program.txt", b"\x7fELF\x02\x01\x01" + bytes(8) + b"\x03\0>\0", "binary data"),
    ("controls.txt", b"un\x01deux\x02trois\x03", "binary data"),
    ("utf16-without-mark.txt", "un texte".encode("utf-16-le"), "binary data"),
    ("undefined.txt", b"caf\x81", "cannot be decoded"),
    ("utf16-cut.txt", "un texte".encode("utf-16")[:-1], "cannot be decoded"),
    ("utf16-half-pair.txt", b"\xff\xfeu\0\x00\xd8n\0", "cannot be decoded"),
    ("cut.txt", "Il a plu tout l'été à Nîmes, sauf en août.é".encode()[:-1], "damaged at byte 47"),
    ("mark-then-latin.txt", b"\xef\xbb\xbfcaf\xe9", "UTF-8 is damaged at byte"),
    ("table.xlsx", b"PK\x03\x04", "does not read this kind of file"),
    ("no-suffix", b"un texte", "does not read this kind of file"),
    ("encrypted.pdf", (DATA / "encrypted.pdf").read_bytes(), "is encrypted"),
    ("scan.pdf", (DATA / "scan.pdf").read_bytes(), "OCR"),
    ("half.pdf", ARTICLE_PDF[:300], "PDF is damaged"),
    ("not-a.pdf", b"Un texte sous un autre nom.", "PDF is damaged"),
    ("header-only.pdf", b"%PDF-1.7\n", "PDF is damaged"),
    ("no-pages.pdf", NO_PAGES, "PDF"),
    ("half.docx", ARTICLE_DOCX[: len(ARTICLE_DOCX) // 2], "DOCX is damaged"),
    ("not-a.docx", b"Un texte sous un autre nom.", "DOCX is damaged"),
    ("rich-text.docx", b"{\\rtf1 Un texte.}", "DOCX is damaged"),
    ("old.docx", OLE + bytes(2000), "an old .doc file"),
    ("encrypted.docx", OLE + bytes(2000) + "EncryptedPackage".encode("utf-16-le"), "is encrypted"),
    ("other-zip.docx", zipped({"a.txt": b"un"}), "no Word document"),
    ("bad-xml.docx", with_part("word/document.xml", b"<w:document><w:p>"), "DOCX is damaged"),
    ("bomb.docx", with_part("word/media/a.bin", bytes(5_000_000)), "unpacks to 5."),
    ("wordless.docx", word(lambda _document: None), "no words"),
    ("no-text.html", b"<html><head><title>T</title></head><body><img src=a></body>", "no text"),
    ("script-only.html", b"<html><body><script>let a = 'mot';</script></body></html>", "no text"),
    ("comment-only.htm", b"<!-- rien -->", "no text"),
]


@pytest.mark.parametrize(("name", "data", "fragment"), BAD_CONTENT, ids=[b[0] for b in BAD_CONTENT])
def test_bad_content(tmp_path: Path, name: str, data: bytes, fragment: str) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    assert fragment in refusal(path, f"dossier/{name}")


def refusal(path: Path, document_id: str) -> str:
    """The sentence of a file that is refused: one line, its name first, a remedy at the end."""
    with pytest.raises(LoadError) as caught:
        load(path, document_id, LIMIT)
    sentence = str(caught.value)
    assert len(sentence.splitlines()) == 1
    assert sentence.endswith(".")
    name, _, rest = sentence.partition(": ")
    assert Path(name).name == path.name or "\\" in name
    assert ";" in rest or "only .docx" in rest, "a remedy is missing"
    return sentence


def test_a_vanished_file(tmp_path: Path) -> None:
    assert "is not there" in refusal(tmp_path / "gone.txt", "gone.txt")


def test_a_dead_link(tmp_path: Path) -> None:
    (tmp_path / "link.txt").symlink_to("nowhere.txt")
    assert "is not there" in refusal(tmp_path / "link.txt", "link.txt")


def test_a_circle_of_links(tmp_path: Path) -> None:
    (tmp_path / "a.txt").symlink_to("b.txt")
    (tmp_path / "b.txt").symlink_to("a.txt")
    assert "cannot be read" in refusal(tmp_path / "a.txt", "a.txt")


def test_a_folder_with_the_name_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "folder.txt").mkdir()
    assert "a folder, not a file" in refusal(tmp_path / "folder.txt", "folder.txt")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    assert "a device or a pipe" in refusal(tmp_path / "pipe.txt", "pipe.txt")


def test_a_name_that_is_not_text(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.txt")
    sentence = refusal(write(tmp_path, name, "un mot"), name)
    assert sentence.startswith("caf\\udce9.txt: ")
    assert "rename" in sentence
    sentence.encode()


def test_a_name_with_a_newline_stays_on_one_line(tmp_path: Path) -> None:
    told = refusal(write(tmp_path, "a\nb.txt", "un mot"), "a\nb.txt")
    assert told == "a\\nb.txt: the file's name has a line break in it; rename the file."


@contextmanager
def as_somebody_else() -> Iterator[Path]:
    """A folder whose permissions hold, even where the tests run as root."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        root = os.geteuid() == 0
        yield_to = Path(name)
        if root:
            os.chown(name, 65534, -1)
            os.seteuid(65534)
        try:
            yield yield_to
        finally:
            if root:
                os.seteuid(0)


def test_a_file_without_permission() -> None:
    with as_somebody_else() as folder:
        path = write(folder, "secret.txt", "un mot")
        path.chmod(0)
        assert "no permission" in refusal(path, "secret.txt")


def test_a_file_that_grows_while_it_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, "log.txt", "a" * 30)
    small = write(tmp_path, "small.txt", "a").stat()
    monkeypatch.setattr(Path, "stat", lambda _path: small)
    with pytest.raises(LoadError, match="too large"):
        load(path, "log.txt", 20)


def test_a_limit_beyond_all_memory(tmp_path: Path) -> None:
    assert load(write(tmp_path, "a.txt", "un mot"), "a.txt", 10**20)[0].text == "un mot"


def test_a_file_of_exactly_the_limit_is_read(tmp_path: Path) -> None:
    path = write(tmp_path, "a.txt", "a" * 20)
    assert load(path, "a.txt", 20)[0].text == "a" * 20


def test_a_size_claimed_too_small_unpacks_no_further(tmp_path: Path) -> None:
    """A zip whose directory lies about the size of a part is refused, not unpacked."""
    bomb = with_part("word/document.xml", b"<a>" + b" " * 5_000_000)
    lying = bomb.replace(struct.pack("<I", 5_000_003), struct.pack("<I", 1000))
    assert lying != bomb
    assert "DOCX is damaged" in refusal(write(tmp_path, "a.docx", lying), "a.docx")


@pytest.mark.parametrize("suffix", sorted(SUFFIXES))
@given(data=st.binary(max_size=2000))
@settings(deadline=None)
def test_any_bytes_are_a_document_or_a_load_error(folder: Path, suffix: str, data: bytes) -> None:
    document_or_refusal(write(folder, "any" + suffix, data))


@pytest.mark.parametrize("name", ["article.html", "article.pdf", "article.docx", "article.md"])
@given(seed=st.integers(min_value=0), cut=st.booleans())
@settings(deadline=None)
def test_damaged_files_are_a_document_or_a_load_error(
    folder: Path, name: str, seed: int, cut: bool
) -> None:
    chance = random.Random(seed)
    data = bytearray((DATA / name).read_bytes())
    for _ in range(chance.randrange(1, 30)):
        data[chance.randrange(len(data))] = chance.randrange(256)
    if cut:
        del data[chance.randrange(len(data)) :]
    document_or_refusal(write(folder, name, bytes(data)))


TAGS = "<p> </p> <table> <tr> <td> </table> <ul> <li> <h1> <div> </div> <script> <!-- </ & &#0;"


@given(
    st.lists(
        st.sampled_from(TAGS.split()) | st.text(st.characters(exclude_categories=["Cs"])),
        max_size=40,
    ).map("".join)
)
@settings(deadline=None)
def test_any_markup_is_a_document_or_a_load_error(folder: Path, markup: str) -> None:
    document_or_refusal(write(folder, "any.html", markup))


@pytest.mark.parametrize("tag", ["div", "b", "table><tr><td", "ul><li", "blockquote"])
def test_deeply_nested_html(tmp_path: Path, tag: str) -> None:
    page = f"<{tag}>" * 20_000 + "un mot"
    document_or_refusal(write(tmp_path, "deep.html", page))


def document_or_refusal(path: Path) -> None:
    try:
        document = read(path)
    except LoadError as error:
        assert str(error)
    else:
        assert document.text
        document.text.encode()
        assert document.title


# --- which files -----------------------------------------------------------------------------


def tree(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("un mot")


def found(folder: Path) -> list[str]:
    return [Path(path).relative_to(folder).as_posix() for path in find_files(folder)]


def test_supported_files_are_found_at_any_depth_in_order(tmp_path: Path) -> None:
    tree(tmp_path, "b.txt", "a/z.md", "a/b/c.HTML", "é.pdf", "a.docx", "B.htm")
    tree(tmp_path, "x.csv", "README", "a/y.doc")
    expected = ["B.htm", "a/b/c.HTML", "a/z.md", "a.docx", "b.txt", "é.pdf"]
    assert found(tmp_path) == expected
    paths = [Path(path) for path in find_files(tmp_path)]
    assert paths == sorted(paths)


def test_hidden_files_and_lock_files_are_left_out(tmp_path: Path) -> None:
    tree(tmp_path, ".a.txt", ".git/b.txt", "c/.d/e.txt", "~$f.docx", "g.txt")
    assert found(tmp_path) == ["g.txt"]


def test_a_hidden_folder_may_be_given_itself(tmp_path: Path) -> None:
    tree(tmp_path, ".notes/a.txt")
    assert found(tmp_path / ".notes") == ["a.txt"]


def test_an_empty_folder(tmp_path: Path) -> None:
    assert find_files(tmp_path) == []


def test_links_that_leave_the_folder_are_not_followed(tmp_path: Path) -> None:
    tree(tmp_path, "in/a.txt", "out/b.txt", "in-too/c.txt")
    inside = tmp_path / "in"
    (inside / "file.txt").symlink_to(tmp_path / "out/b.txt")
    (inside / "folder").symlink_to(tmp_path / "out")
    (inside / "neighbour").symlink_to("../in-too")
    (inside / "above").symlink_to("..")
    (inside / "dead.txt").symlink_to("nowhere.txt")
    (inside / "self.txt").symlink_to("self.txt")
    assert found(inside) == ["a.txt"]


def test_links_inside_the_folder_give_no_file_twice(tmp_path: Path) -> None:
    tree(tmp_path, "z/a.txt", ".store/kept.txt", ".store/sub/deep.md")
    (tmp_path / "again.txt").symlink_to("z/a.txt")
    (tmp_path / "z/loop").symlink_to("..")
    (tmp_path / "a-folder").symlink_to("z")
    # Reached by links alone, once each.
    (tmp_path / "one.txt").symlink_to(".store/kept.txt")
    (tmp_path / "two.txt").symlink_to(".store/kept.txt")
    (tmp_path / "sub").symlink_to(".store/sub")
    assert found(tmp_path) == ["one.txt", "sub/deep.md", "z/a.txt"]


def test_a_folder_that_is_a_link_keeps_its_name(tmp_path: Path) -> None:
    tree(tmp_path, "real/a.txt")
    (tmp_path / "link").symlink_to("real")
    assert find_files(tmp_path / "link") == [str(tmp_path / "link" / "a.txt")]


def test_one_file_is_a_corpus_of_one(tmp_path: Path) -> None:
    tree(tmp_path, "a.txt")
    assert find_files(tmp_path / "a.txt") == [str(tmp_path / "a.txt")]


def test_folders_that_are_none(tmp_path: Path) -> None:
    tree(tmp_path, "a.csv")
    for path, fragment in (
        (tmp_path / "nowhere", "There is no folder"),
        (tmp_path / "a.csv", "a kind Opcit does not read"),
        (tmp_path / "a.csv" / "b", "cannot be opened"),
        (tmp_path / "nul\0", "cannot be opened"),
    ):
        with pytest.raises(FolderError, match=fragment) as caught:
            find_files(path)
        assert len(str(caught.value).splitlines()) == 1


def test_a_folder_without_permission() -> None:
    with as_somebody_else() as folder:
        (folder / "closed").mkdir()
        tree(folder, "closed/a.txt", "open/b.txt")
        (folder / "closed").chmod(0)
        try:
            with pytest.raises(FolderError, match="cannot be read"):
                find_files(folder / "closed")
            # Inside another folder it is told of, and the rest is found.
            assert found(folder) == ["closed", "open/b.txt"]
            assert "no permission" in refusal(folder / "closed", "closed")
        finally:
            (folder / "closed").chmod(0o755)
