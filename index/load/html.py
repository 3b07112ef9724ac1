"""HTML: the article of a page, by trafilatura, or all of the page where there is none.

The text is made here, so its layout is ours: blank lines between paragraphs, one line per table
row. Reads no picture and nothing from the network.
"""

import copy
import logging
import re
from collections.abc import Iterator
from datetime import date
from typing import Any

from ..errors import LoadError
from .dates import iso_date
from .parsed import Parsed, has_words, reason
from .text import decode, is_mostly_utf8, refuse_binary

_META_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
# Encodings a French or English page may declare. Python knows many more "encodings" that a page
# must not choose, and browsers read Latin-1 as cp1252.
_LATIN_1 = re.compile(
    r"(?:iso[-_]?8859-?1|latin-?1|(?:us-)?ascii|(?:windows-|cp)1252)", re.IGNORECASE
)
_OTHER_CHARSETS = re.compile(
    r"(?:iso[-_]?8859-?\d+|windows-125\d|cp125\d|macintosh)", re.IGNORECASE
)

# What a page may hold and an XML tree may not: trafilatura fails on it.
_NOT_XML = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF))
# trafilatura turns no-break spaces into plain ones, and French has them before « : ; ! ? ».
# They travel through it as private characters.
_HIDE_SPACES = {0x00A0: "\ue0a0", 0x202F: "\ue0af"}
_SHOW_SPACES = {0xE0A0: "\u00a0", 0xE0AF: "\u202f"}


def parse_html(data: bytes, name: str, _max_bytes: int) -> Parsed:
    # Imported here, like every parser below: slow to load, and `import index` must stay light.
    import lxml.etree
    import lxml.html
    import trafilatura

    # What these two have to say is for programmers; what matters is raised below.
    for logger in ("trafilatura", "htmldate"):
        logging.getLogger(logger).setLevel(logging.CRITICAL)
    markup = _decode_html(data, name).translate(_NOT_XML)
    no_text = f"{name}: the page has no text of its own; save it from the browser once it is shown."
    # The parsers may fail in any way on a hostile page, and none may stop the other files.
    try:
        parser = lxml.html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True)
        # A tree, never a string: given a page that is only an address, htmldate would fetch it.
        page = lxml.html.document_fromstring(markup.encode(), parser=parser)
        # Again, because the page may have written them as character references.
        _translate(page, _NOT_XML)
        title = trafilatura.extract_metadata(page, extensive=False).title
        stated = _html_date(page)
        blocks = _article_blocks(page)
    except lxml.etree.ParserError as error:  # how lxml says that nothing but comments was there
        raise LoadError(no_text) from error
    except Exception as error:
        raise LoadError(
            f"{name}: the HTML cannot be read ({reason(error)}); save the page again."
        ) from error
    text = "\n\n".join(blocks).translate(_SHOW_SPACES)
    if not has_words(text):
        raise LoadError(no_text)
    return Parsed(text, title=title, stated=stated)


def _decode_html(data: bytes, name: str) -> str:
    """By byte order mark, then by the charset the page declares, then like any text file.

    Unlike a text file, a page may have a few bytes that are no UTF-8, as browsers allow: servers
    cut descriptions in the middle of a letter, and here the text is not the file's own anyway.
    """
    if not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        for encoding in _html_encodings(data):
            try:
                text = data.decode(
                    encoding, errors="replace" if encoding == "utf-8-sig" else "strict"
                )
            except (LookupError, UnicodeDecodeError):
                continue
            refuse_binary(text, name)
            return text
    return decode(data, name)


def _html_encodings(data: bytes) -> Iterator[str]:
    declared = _META_CHARSET.search(data[:4096])
    if declared and not data.startswith(b"\xef\xbb\xbf"):
        charset = declared[1].decode("ascii", errors="ignore")
        if _LATIN_1.fullmatch(charset):
            yield "cp1252"
        elif _OTHER_CHARSETS.fullmatch(charset):
            yield charset
    if is_mostly_utf8(data):
        yield "utf-8-sig"


def _translate(page: Any, table: dict[int, Any]) -> None:
    for element in page.iter():
        element.text = element.text and element.text.translate(table)
        element.tail = element.tail and element.tail.translate(table)


# A page where less than this share of the running text was taken for the article is taken whole.
_LEAST_SHARE = 0.25
_CONTAINERS = "//main | //article"
_FURNITURE = "//nav | //footer | //aside | //form | //script | //style | //noscript | //template"
_BLOCK_TAGS = frozenset(
    "address article blockquote br caption center dd details div dl dt fieldset figcaption figure "
    "h1 h2 h3 h4 h5 h6 header hr li main ol p pre section summary table tbody td tfoot th thead tr "
    "ul".split()
)
_BLOCK_EDGE = "\ue0b0"
_AROUND_THE_TEXT = f"{_FURNITURE} | //header[not(ancestor::main or ancestor::article)]"
_STRUCK_OUT = "//del | //s | //strike"
# The time that trafilatura takes for a paragraph grows with the square of its elements.
_LONGEST_RUN = 2000
_WORDS_OUTSIDE_LINKS = "descendant::text()[not(ancestor::a or ancestor::script)]"


def _article_blocks(page: Any) -> list[str]:
    """The paragraphs of the page's article, or of the whole page where none can be made out."""
    import trafilatura
    from trafilatura.settings import DEFAULT_CONFIG

    _translate(page, _HIDE_SPACES)
    _make_paragraphs(page)
    _mark_article(page)
    # By default anything under 250 characters is extracted again as a single block: a short
    # article would lose its paragraphs.
    settings = copy.deepcopy(DEFAULT_CONFIG)
    settings["DEFAULT"]["MIN_EXTRACTED_SIZE"] = "1"
    article: Any = trafilatura.bare_extraction(
        page, favor_recall=True, include_comments=False, include_tables=True, config=settings
    )
    blocks = [] if article is None else _html_blocks(article.body)
    kept = sum(len(block.split()) for block in blocks)
    for element in page.xpath(_FURNITURE):
        element.drop_tree()
    containers = page.xpath(_CONTAINERS)
    body = page.find("body")
    container = containers[0] if len(containers) == 1 else page if body is None else body
    if kept and kept >= _LEAST_SHARE * _running_words(container):
        return blocks
    return _all_blocks(container)


def _mark_article(page: Any) -> None:
    """Calls the body an article if nothing in it is one: only then are all headings kept."""
    import lxml.html

    body = page.find("body")
    if body is None or page.xpath(_CONTAINERS):
        return
    article = lxml.html.Element("article")
    article.text, body.text = body.text, None
    article.extend(list(body))
    body.append(article)


def _make_paragraphs(page: Any) -> None:
    """Makes paragraphs of what trafilatura leaves out: captions, and bare text beside a block.

    What is struck out no longer holds, and is no text.
    """
    for element in page.xpath(_STRUCK_OUT):
        element.drop_tree()
    for figure in page.xpath("//figure[.//figcaption]"):
        figure.tag = "div"
    for caption in page.xpath("//figcaption"):
        caption.tag = "p"
    furniture = {part for element in page.xpath(_AROUND_THE_TEXT) for part in element.iter()}
    for parent in list(page.iter("body", "main", "article", "section", "div")):
        if parent not in furniture:
            _wrap_bare_text(parent)


def _is_block(element: Any) -> bool:
    return element.tag in _BLOCK_TAGS and element.tag != "br"


def _wrap_bare_text(parent: Any) -> None:
    """Puts each run of text and inline elements between its blocks in a paragraph."""
    import lxml.html

    text, parent.text = parent.text, None
    run: list[Any] = []
    for child in (*parent, None):
        is_inline = child is not None and not _is_block(child)
        if is_inline and len(run) < _LONGEST_RUN:
            run.append(child)
            continue
        paragraph = lxml.html.Element("p")
        paragraph.text = text
        paragraph.extend(run)
        has_text = has_words("".join(paragraph.xpath(_WORDS_OUTSIDE_LINKS)))
        for element in [paragraph] if has_text else run:
            if child is None:
                parent.append(element)
            else:
                child.addprevious(element)
        if is_inline:
            text, run = None, [child]
        elif child is not None:
            text, child.tail, run = child.tail, None, []


def _running_words(container: Any) -> int:
    """The number of words outside links: menus and lists of other articles are all links."""
    links = sum(len(link.text_content().split()) for link in container.iter("a"))
    return len(container.text_content().split()) - links


def _all_blocks(container: Any) -> list[str]:
    for element in container.iter():
        if element.tag in _BLOCK_TAGS:
            element.text = _BLOCK_EDGE + (element.text or "")
            element.tail = _BLOCK_EDGE + (element.tail or "")
    blocks = (" ".join(block.split()) for block in container.text_content().split(_BLOCK_EDGE))
    return [block for block in blocks if block]


def _html_date(page: Any) -> date | None:
    """The date the page states: metadata, JSON-LD, or its first `<time>`.

    htmldate gets only those parts of the page. On the whole of it, it would also take any date
    it meets in the text or the copyright line.
    """
    import lxml.html
    from htmldate import find_date

    times = page.xpath("(//article|//main)//time[@datetime]") or page.xpath("//time[@datetime]")
    excerpt = lxml.html.document_fromstring("<html><head></head><body></body></html>")
    for element in page.xpath(
        "//meta | //link[@rel='canonical'] | //script[contains(@type, 'ld+json')]"
    ):
        excerpt.head.append(_without_tail(element))
    for element in times[:1]:
        excerpt.body.append(_without_tail(element))
    found = find_date(excerpt, extensive_search=False, original_date=True, min_date="1900-01-01")
    return iso_date(found or "")


def _without_tail(element: Any) -> Any:
    twin = copy.deepcopy(element)
    twin.tail = None
    return twin


def _html_blocks(parent: Any) -> list[str]:
    """The paragraphs, headings, lists and tables of trafilatura's tree, one string for each."""
    blocks = [parent.text or ""]
    for element in parent:
        if element.tag == "table":
            blocks.append("\n".join(_html_row(row) for row in element.iter("row")))
        elif element.tag == "list":
            blocks.append("\n".join(_flowing(item) for item in element.iter("item")))
        elif element.tag in ("quote", "div") and len(element):
            blocks.extend(_html_blocks(element))
        else:
            blocks.append(_flowing(element))
        blocks.append(element.tail or "")
    return [block.strip() for block in blocks if block.strip()]


def _html_row(row: Any) -> str:
    return " | ".join(" ".join(" ".join(cell.itertext()).split()) for cell in row.iter("cell"))


def _flowing(element: Any) -> str:
    """An element's text, with `<lb/>` as a line break and its own paragraphs on their own lines."""
    parts = [element.text or ""]
    for child in element:
        if child.tag in ("lb", "p"):
            parts.append("\n")
        # A list in an item is told by the items of its own.
        if child.tag not in ("list", "item", "cell", "row"):
            parts.append(_flowing(child))
        parts.append(child.tail or "")
    lines = (line.strip(" \t") for line in "".join(parts).split("\n"))
    return "\n".join(line for line in lines if line)
