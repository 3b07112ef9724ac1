"""Files in, documents out: which files of a folder can be read, and what each one says.

    find_files(folder)                     the supported files, in a fixed order
    load(path, document_id, max_bytes)     one file as a `Document`, or a `LoadError`

One function per format, listed in `_PARSERS`. A text file's text is the file exactly as decoded.
The text of the other formats is made here, so its layout is ours: blank lines between paragraphs
and pages, one line per table row.

Does not know: passages, sentences, vectors, or where documents are kept. It reads no picture
(a scanned page has no text), no header or footer, and nothing from the network.
"""

import copy
import io
import logging
import os
import re
import stat
import threading
import unicodedata
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from .errors import FolderError, LoadError
from .language import detect
from .types import Document

SUFFIXES: frozenset[str] = frozenset({".txt", ".md", ".html", ".htm", ".pdf", ".docx"})

_TITLE_LENGTH = 200
# How far from the top a written date is still the date of the article.
_DATELINE_LENGTH = 300
# Real text has next to no control characters; pictures and programs are full of them.
_CONTROL_SHARE = 0.02
# What a DOCX may unpack to, in multiples of the size limit of a file: a zip of a few kilobytes
# can hold gigabytes.
_UNPACKED_FACTOR = 4


@dataclass(frozen=True, slots=True)
class _Parsed:
    """What a format's own function found in a file; None where the file states nothing.

    `stated` is a date the article gives for itself, `stored` one that the file carries as
    metadata, which may only say when somebody exported it.
    """

    text: str
    title: str | None = None
    stated: date | None = None
    stored: date | None = None
    page_starts: tuple[int, ...] = ()


# --- which files -----------------------------------------------------------------------------


def find_files(folder: Path) -> list[Path]:
    """The supported files under `folder`, at any depth, sorted by path; each file once.

    Hidden files and folders (leading dot) and the lock files of office programs (`~$`) are left
    out. A symbolic link is followed only to a place inside `folder`. A subfolder that cannot be
    opened is itself in the list, so that `load` tells of it instead of its files going missing
    in silence. A single supported file is a corpus of one.

    Raises FolderError if `folder` is missing, unreadable, or a file of another kind.
    """
    try:
        root = folder.resolve(strict=True)
        if root.is_file():
            if root.suffix.lower() not in SUFFIXES and folder.suffix.lower() not in SUFFIXES:
                raise FolderError(
                    f"{_shown(folder)} is a file of a kind Opcit does not read; "
                    f"give a folder, or a file ending in {_listed(SUFFIXES)}."
                )
            return [folder]
        with os.scandir(root):
            pass
    except FileNotFoundError:
        raise FolderError(
            f"There is no folder {_shown(folder)}; check the path for a typing error."
        ) from None
    except PermissionError:
        raise FolderError(
            f"The folder {_shown(folder)} cannot be read; give yourself permission to open it."
        ) from None
    # RuntimeError: how Python before 3.13 reports links in a circle. ValueError: a NUL in the name.
    except (OSError, RuntimeError, ValueError) as error:
        raise FolderError(f"{_shown(folder)} cannot be opened as a folder: {error}.") from error
    return sorted(_walk(folder, root))


def _walk(folder: Path, root: Path) -> Iterator[Path]:
    """Yields files by their real names first; links afterwards, if they lead to anything new."""
    seen: set[Path] = set()
    pending: list[tuple[Path, Path]] = [(folder, root)]
    links: list[Path] = []
    while pending or links:
        if not pending:
            link = links.pop(0)
            real = _inside(link, root)
            if real is None or real in seen:
                continue
            if real.is_dir():
                pending.append((link, real))
            elif real.is_file() and link.suffix.lower() in SUFFIXES:
                seen.add(real)
                yield link
            continue
        shown, real = pending.pop()
        if real in seen:
            continue
        seen.add(real)
        try:
            with os.scandir(shown) as entries:
                names = sorted(entries, key=lambda entry: entry.name)
        except OSError:
            yield shown
            continue
        for entry in names:
            path = shown / entry.name
            if entry.name.startswith((".", "~$")):
                continue
            if entry.is_symlink():
                links.append(path)
            elif entry.is_dir():
                pending.append((path, real / entry.name))
            elif (
                entry.is_file()
                and path.suffix.lower() in SUFFIXES
                and real / entry.name not in seen
            ):
                seen.add(real / entry.name)
                yield path


def _inside(link: Path, root: Path) -> Path | None:
    """Where a link leads, or None for a dead link, a circle, or a place outside `root`."""
    try:
        real = link.resolve(strict=True)
    except (OSError, RuntimeError):
        return None
    return real if real.is_relative_to(root) else None


# --- one file --------------------------------------------------------------------------------


def load(path: Path, document_id: str, max_bytes: int) -> Document:
    """Reads one file.

    The title is the one the file states, else its first line if that is short, else its name.
    The date is, in this order: one the article states in a fixed form (front matter, HTML
    metadata, an ISO date in the first lines), one written near the top ("12 mars 2021"), the
    file's metadata, the day the file was last changed.

    `max_bytes` limits the file's size (1 MB is 1,000,000 bytes).

    Raises LoadError, and nothing else, if the file cannot become a document.
    """
    name = _shown(document_id)
    _check_name(document_id, path, name)
    parse = _PARSERS.get(path.suffix.lower())
    data, changed = _read(path, name, max_bytes)
    if parse is None:
        raise LoadError(f"{name}: Opcit does not read this kind of file, only {_listed(SUFFIXES)}.")
    if not data.strip():
        raise LoadError(f"{name}: the file is empty; put text in it or take it away.")
    parsed = parse(data, name, max_bytes)
    if not _has_words(parsed.text):
        raise LoadError(f"{name}: there are no words in it; put text in it or take it away.")
    top = parsed.text[:_DATELINE_LENGTH]
    return Document(
        id=document_id,
        text=parsed.text,
        title=_title(parsed.title, parsed.text, PurePosixPath(document_id).stem),
        source=str(path),
        language=detect(parsed.text),
        date=parsed.stated
        or _iso_date_on_top(parsed.text)
        or _written_date(top)
        or parsed.stored
        or changed,
        page_starts=parsed.page_starts,
    )


def _check_name(document_id: str, path: Path, name: str) -> None:
    # A name that is not valid Unicode can be neither stored nor shown on a page.
    try:
        (document_id + str(path)).encode()
    except UnicodeEncodeError:
        raise LoadError(f"{name}: the file's name is not valid text; rename the file.") from None


def _read(path: Path, name: str, max_bytes: int) -> tuple[bytes, date | None]:
    """The file's bytes, read once, and the day it was last changed."""
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            # Opened to tell a folder that cannot be read from one given by mistake.
            with os.scandir(path):
                pass
            raise LoadError(f"{name}: this is a folder, not a file; index it as a folder.")
        if not stat.S_ISREG(status.st_mode):
            raise LoadError(f"{name}: this is a device or a pipe, not a file; take it away.")
        size = status.st_size
        data = b""
        if size <= max_bytes:
            with path.open("rb") as file:
                # One byte more than allowed, in case the file has grown since it was measured.
                data = file.read(max_bytes + 1)
            size = len(data)
    except FileNotFoundError:
        raise LoadError(
            f"{name}: the file is not there (any more); index the folder again."
        ) from None
    except PermissionError:
        raise LoadError(f"{name}: no permission to read it; change its permissions.") from None
    except (OSError, ValueError) as error:
        raise LoadError(
            f"{name}: it cannot be read ({error}); check the disk and the name."
        ) from error
    if size > max_bytes:
        raise LoadError(
            f"{name}: {_megabytes(size)} is too large, the limit is {_megabytes(max_bytes)}; "
            "split the file or raise the limit."
        )
    return data, _day(status.st_mtime)


def _day(timestamp: float) -> date | None:
    try:
        return datetime.fromtimestamp(timestamp).date()
    except (OverflowError, OSError, ValueError):  # a clock that was set to year 30,000
        return None


# --- plain text and Markdown -----------------------------------------------------------------


def _parse_text(data: bytes, name: str, _max_bytes: int) -> _Parsed:
    return _Parsed(_decode(data, name))


_FRONT_MATTER = re.compile(r"\A---[ \t]*\r?\n(.*?)^(?:---|\.\.\.)[ \t]*$", re.DOTALL | re.MULTILINE)
_FENCED = re.compile(r"^(```|~~~).*?(?:^\1|\Z)", re.DOTALL | re.MULTILINE)
_HEADING = re.compile(
    r"^ {0,3}#{1,6}[ \t]+(?P<hashed>\S.*?)(?:[ \t]+#+)?[ \t]*\r?$"
    r"|^ {0,3}(?P<underlined>\S[^\r\n]*?)[ \t]*\r?\n {0,3}=+[ \t]*\r?$",
    re.MULTILINE,
)


def _parse_markdown(data: bytes, name: str, _max_bytes: int) -> _Parsed:
    text = _decode(data, name)
    front = _FRONT_MATTER.match(text)
    body = text[front.end() :] if front else text
    heading = _HEADING.search(_FENCED.sub("", body))
    return _Parsed(
        text,
        title=(_front_value(front, "title") or (heading and (heading[1] or heading[2])))
        # Without a heading, the first line of the article, not the dashes of the front matter.
        or (_first_line(body) if front else None),
        stated=_iso_date(_front_value(front, "date")) or _written_date(_front_value(front, "date")),
    )


def _front_value(front: re.Match[str] | None, key: str) -> str:
    """The value of a top-level `key: value` line of the front matter, unquoted, or ""."""
    if front is None:
        return ""
    line = re.search(rf"^{key}[ \t]*:[ \t]*(.*?)[ \t]*\r?$", front[1], re.MULTILINE | re.IGNORECASE)
    value = line[1] if line else ""
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        value = value[1:-1]
    return value


def _decode(data: bytes, name: str) -> str:
    """UTF-8, else UTF-16 if it begins with a byte order mark, else Windows-1252 (cp1252).

    The mark is dropped; nothing else is changed. Guessing among more encodings took French
    cp1252 for something else too often.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = _decode_as(data, "utf-16", name)
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            # Binary first: "not text" is a better answer for a picture than "bad encoding".
            _refuse_binary(data.decode("latin-1"), name)
            if _is_mostly_utf8(data):
                raise LoadError(
                    f"{name}: its UTF-8 is damaged at byte {error.start}; save it again as UTF-8."
                ) from None
            text = _decode_as(data, "cp1252", name)
    _refuse_binary(text, name)
    return text


def _decode_as(data: bytes, encoding: str, name: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        raise LoadError(
            f"{name}: its characters cannot be decoded (tried UTF-8 and {encoding}); "
            "save it as UTF-8."
        ) from None


def _is_mostly_utf8(data: bytes) -> bool:
    """Whether what is not ASCII is UTF-8, but for a few bytes.

    In cp1252 text hardly any accent happens to be good UTF-8. A damaged UTF-8 file would decode
    as cp1252 too, but with two wrong letters for every accent.
    """
    if data.startswith(b"\xef\xbb\xbf"):
        return True
    text = data.decode("utf-8", errors="replace")
    bad = text.count("\ufffd")
    good = len(text) - len(text.encode("ascii", errors="ignore")) - bad
    return good > bad


def _refuse_binary(text: str, name: str) -> None:
    controls = len(_CONTROLS.findall(text))
    if "\0" in text or controls > _CONTROL_SHARE * len(text):
        raise LoadError(
            f"{name}: it holds binary data, not text; convert it to UTF-8 text or take it away."
        )


# Control characters other than tab, line feed, vertical tab, form feed and carriage return.
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")


# --- HTML ------------------------------------------------------------------------------------

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


def _parse_html(data: bytes, name: str, _max_bytes: int) -> _Parsed:
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
            f"{name}: the HTML cannot be read ({_reason(error)}); save the page again."
        ) from error
    text = "\n\n".join(blocks).translate(_SHOW_SPACES)
    if not _has_words(text):
        raise LoadError(no_text)
    return _Parsed(text, title=title, stated=stated)


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
            _refuse_binary(text, name)
            return text
    return _decode(data, name)


def _html_encodings(data: bytes) -> Iterator[str]:
    declared = _META_CHARSET.search(data[:4096])
    if declared and not data.startswith(b"\xef\xbb\xbf"):
        charset = declared[1].decode("ascii", errors="ignore")
        if _LATIN_1.fullmatch(charset):
            yield "cp1252"
        elif _OTHER_CHARSETS.fullmatch(charset):
            yield charset
    if _is_mostly_utf8(data):
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


def _article_blocks(page: Any) -> list[str]:
    """The paragraphs of the page's article, or of the whole page where none can be made out."""
    import trafilatura
    from trafilatura.settings import DEFAULT_CONFIG

    _translate(page, _HIDE_SPACES)
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
    return _iso_date(found or "")


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


# --- PDF -------------------------------------------------------------------------------------

# PDFium may be called from one thread at a time, and the web page loads in several.
_PDFIUM = threading.Lock()


def _parse_pdf(data: bytes, name: str, _max_bytes: int) -> _Parsed:
    import pypdfium2
    from pypdfium2.raw import FPDF_ERR_PASSWORD, FPDF_ERR_SECURITY

    # The parser may fail in any way on a damaged file, and none may stop the other files.
    try:
        with _PDFIUM, pypdfium2.PdfDocument(data) as pdf:
            pages = [_pdf_page(page) for page in pdf]
            metadata = pdf.get_metadata_dict()
    except pypdfium2.PdfiumError as error:
        if error.err_code in (FPDF_ERR_PASSWORD, FPDF_ERR_SECURITY):
            raise LoadError(
                f"{name}: the PDF is encrypted; save a copy without a password."
            ) from error
        raise LoadError(_broken_pdf(name, error)) from error
    except Exception as error:
        raise LoadError(_broken_pdf(name, error)) from error
    text = "\n\n".join(pages)
    if not _has_words(text):
        raise LoadError(
            f"{name}: the PDF has no text, only pictures of pages; "
            "make its text readable by OCR (character recognition) first."
        )
    return _Parsed(
        text,
        title=_sensible_pdf_title(metadata.get("Title", "")),
        stored=_pdf_date(metadata.get("CreationDate", ""))
        or _pdf_date(metadata.get("ModDate", "")),
        page_starts=tuple(_starts(pages, separator_length=2)),
    )


def _broken_pdf(name: str, error: Exception) -> str:
    return f"{name}: the PDF is damaged ({_reason(error)}); open it in a viewer and save it again."


def _pdf_page(page: Any) -> str:
    textpage = page.get_textpage()
    try:
        text: str = textpage.get_text_range()
    finally:
        textpage.close()
        page.close()
    # PDFium joins a word cut at the end of a line and marks the place with U+FFFE: what stands on
    # the page is a hyphen and a new line.
    text = text.replace("\ufffe", "-\n").replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROLS.sub("", text)


def _starts(pages: Iterable[str], separator_length: int) -> Iterator[int]:
    start = 0
    for page in pages:
        yield start
        start += len(page) + separator_length


def _sensible_pdf_title(title: str) -> str | None:
    """A PDF's title, unless it is only what the printing program had at hand."""
    title = re.sub(r"^Microsoft \w+ - ", "", title.strip())
    if re.fullmatch(r"(?:untitled|sans titre|document\d*|.*\.\w{2,5})", title, re.IGNORECASE):
        return None
    return title if _has_words(title) else None


def _pdf_date(value: str) -> date | None:
    """The day of a PDF date such as `D:20210312101500+01'00'`."""
    digits = re.match(r"(?:D:)?\s*(\d{4})-?(\d\d)-?(\d\d)", value)
    return _date(*map(int, digits.groups())) if digits else None


# --- DOCX ------------------------------------------------------------------------------------

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED_STREAM = "EncryptedPackage".encode("utf-16-le")
# The date in the template that python-docx makes every new document from.
_PYTHON_DOCX_TEMPLATE = date(2013, 12, 23)


def _parse_docx(data: bytes, name: str, max_bytes: int) -> _Parsed:
    import docx

    _check_docx_container(data, name, max_bytes)
    # The parser may fail in any way on a damaged file, and none may stop the other files.
    try:
        document = docx.Document(io.BytesIO(data))
        text = "\n\n".join(_docx_blocks(document.element.body))
        title = document.core_properties.title or _docx_heading(document)
        stored = _docx_date(document.core_properties)
    except Exception as error:
        raise LoadError(
            f"{name}: the DOCX is damaged or no Word document ({_reason(error)}); "
            "open it in a word processor and save it again as .docx."
        ) from error
    return _Parsed(text, title=title, stored=stored)


def _check_docx_container(data: bytes, name: str, max_bytes: int) -> None:
    if data.startswith(_OLE):
        if _ENCRYPTED_STREAM in data:
            raise LoadError(f"{name}: the DOCX is encrypted; save a copy without a password.")
        raise LoadError(
            f"{name}: this is an old .doc file under another name; "
            "open it in a word processor and save it as .docx."
        )
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
            encrypted = any(entry.flag_bits & 1 for entry in archive.infolist())
    # Besides BadZipFile, zipfile lets out whatever its decoding of the directory stumbles on.
    except Exception as error:
        raise LoadError(
            f"{name}: the DOCX is damaged ({_reason(error)}); "
            "open it in a word processor and save it again as .docx."
        ) from error
    if encrypted:
        raise LoadError(f"{name}: the DOCX is encrypted; save a copy without a password.")
    # A part is never unpacked further than the size its directory entry claims, so the claims
    # are enough to check.
    if unpacked > _UNPACKED_FACTOR * max_bytes:
        raise LoadError(
            f"{name}: the DOCX unpacks to {_megabytes(unpacked)}, which is too large, the limit is "
            f"{_megabytes(_UNPACKED_FACTOR * max_bytes)}; split the document or raise the limit."
        )


_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_PARAGRAPH, _TABLE, _ROW, _CELL = (_W + tag for tag in ("p", "tbl", "tr", "tc"))
# What may stand around a paragraph, a row or a cell: form fields and tracked insertions.
# python-docx's own `iter_inner_content()` and `.text` leave out what is inside them.
_WRAPPERS = frozenset(_W + tag for tag in ("sdt", "sdtContent", "ins", "smartTag", "customXml"))
# Text boxes are stored twice, and moved text stays at its old place too.
_RUN_PARTS = (
    ".//w:r[not(ancestor::w:txbxContent or ancestor::w:moveFrom)]"
    "/*[self::w:t or self::w:tab or self::w:br or self::w:cr or self::w:noBreakHyphen]"
)
_SIGNS = {_W + "tab": "\t", _W + "br": "\n", _W + "cr": "\n", _W + "noBreakHyphen": "-"}


def _docx_blocks(container: Any) -> Iterator[str]:
    """Paragraphs and tables in reading order, without the blank ones."""
    for block in _inside_wrappers(container, _PARAGRAPH, _TABLE):
        is_table = block.tag == _TABLE
        text = "\n".join(_table_lines(block)) if is_table else _paragraph_text(block)
        if text:
            yield text


def _inside_wrappers(parent: Any, *tags: str) -> Iterator[Any]:
    for child in parent:
        if child.tag in tags:
            yield child
        elif child.tag in _WRAPPERS:
            yield from _inside_wrappers(child, *tags)


def _paragraph_text(paragraph: Any) -> str:
    parts = (_SIGNS.get(part.tag, part.text or "") for part in paragraph.xpath(_RUN_PARTS))
    return "".join(parts).strip()


def _table_lines(table: Any) -> list[str]:
    """One line per row, cells joined by ` | `; a table inside a cell follows its row."""
    lines: list[str] = []
    for row in _inside_wrappers(table, _ROW):
        cells: list[str] = []
        inner: list[str] = []
        for cell in _inside_wrappers(row, _CELL):
            # A cell merged with the one above has its text up there.
            if cell.vMerge == "continue":
                continue
            texts = map(_paragraph_text, _inside_wrappers(cell, _PARAGRAPH))
            cells.append(" ".join(text.replace("\n", " ") for text in texts if text))
            for nested in _inside_wrappers(cell, _TABLE):
                inner.extend(_table_lines(nested))
        if any(cells):
            lines.append(" | ".join(cells))
        lines.extend(inner)
    return lines


def _docx_heading(document: Any) -> str | None:
    """The first paragraph in a title or heading style; style names stay English in the file."""
    for paragraph in document.paragraphs:
        style = paragraph.style.name or "" if paragraph.style is not None else ""
        if style.startswith(("Title", "Heading")) and paragraph.text.strip():
            return str(paragraph.text)
    return None


def _docx_date(properties: Any) -> date | None:
    for moment in (properties.created, properties.modified):
        if moment is not None and moment.date() != _PYTHON_DOCX_TEMPLATE:
            return date(moment.year, moment.month, moment.day)
    return None


# --- titles and dates ------------------------------------------------------------------------


def _title(stated: str | None, text: str, stem: str) -> str:
    """One trimmed line, never empty."""
    title = _one_line(stated or "")
    if not _has_words(title):
        title = _first_line(text) or stem
    return title.strip() or "?"


def _first_line(text: str) -> str:
    """The first line with anything on it, or "" if it is long or all there is."""
    beginning = text.lstrip()
    line, _, rest = beginning.partition("\n")
    line = _one_line(line)
    return line if len(line) <= _TITLE_LENGTH and _has_words(line) and _has_words(rest) else ""


def _one_line(text: str) -> str:
    return (
        re.sub(r"[\r\n\t\v\f\x1c-\x1e\x85\u2028\u2029]+", " ", text).strip().strip("\ufeff\u200b")
    )


def _has_words(text: str) -> bool:
    return any(character.isalnum() for character in text)


_ISO_DATE = re.compile(r"(?<![\d-])((?:1[5-9]|20)\d\d)-(\d\d)-(\d\d)(?!\d|-\d)")


def _iso_date(text: str) -> date | None:
    found = _ISO_DATE.search(text)
    return _date(*map(int, found.groups())) if found else None


def _iso_date_on_top(text: str) -> date | None:
    """An ISO date among the first five lines, on a line too short to be a paragraph."""
    lines = text.lstrip()[:_DATELINE_LENGTH].splitlines()[:5]
    return next((day for line in lines if len(line) <= 80 and (day := _iso_date(line))), None)


_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "janvier janv january jan",
            "fevrier fevr fev february feb",
            "mars march mar",
            "avril avr april apr",
            "mai may",
            "juin june jun",
            "juillet juil july jul",
            "aout august aug",
            "septembre september sept sep",
            "octobre october oct",
            "novembre november nov",
            "decembre december dec",
        ),
        start=1,
    )
    for name in names.split()
}
_MONTH = r"(?P<{}>" + "|".join(sorted(_MONTHS, key=len, reverse=True)) + r")\b\.?"
_YEAR = r"(?P<{}>(?:1[5-9]|20)\d\d)\b"
_WRITTEN_DATE = re.compile(
    # 12 mars 2021, 1er janvier 2022, 12 March 2021, 12th of March, 2021
    r"\b(?P<d1>\d{1,2})(?:er|st|nd|rd|th)?\s+(?:of\s+)?"
    + _MONTH.format("m1")
    + r",?\s+"
    + _YEAR.format("y1")
    # March 12, 2021
    + r"|\b"
    + _MONTH.format("m2")
    + r"\s+(?P<d2>\d{1,2})(?:st|nd|rd|th)?,?\s+"
    + _YEAR.format("y2")
)


def _written_date(text: str) -> date | None:
    """The first date written out in French or English, with or without accents."""
    plain = "".join(
        character
        for character in unicodedata.normalize("NFD", text.casefold())
        if not unicodedata.combining(character)
    )
    for found in _WRITTEN_DATE.finditer(plain):
        day = _date(
            int(found["y1"] or found["y2"]),
            _MONTHS[found["m1"] or found["m2"]],
            int(found["d1"] or found["d2"]),
        )
        if day:
            return day
    return None


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


# --- words for the messages ------------------------------------------------------------------


def _shown(name: str | Path) -> str:
    """A name that fits on one line of a message and can be printed."""
    text = str(name).encode("utf-8", errors="backslashreplace").decode()
    return "".join(
        c if c.isprintable() or c in "\u00a0\u202f" else c.encode("unicode_escape").decode()
        for c in text
    )


def _reason(error: Exception) -> str:
    """What a parser had to say, on one line and not for ever."""
    words = " ".join(str(error).split()).rstrip(".") or type(error).__name__
    return words if len(words) <= 100 else words[:99] + "…"


def _listed(names: Iterable[str]) -> str:
    return " ".join(sorted(names))


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size >= 1e6 else f"{size / 1e6:.3f} MB"


_PARSERS: dict[str, Callable[[bytes, str, int], _Parsed]] = {
    ".txt": _parse_text,
    ".md": _parse_markdown,
    ".html": _parse_html,
    ".htm": _parse_html,
    ".pdf": _parse_pdf,
    ".docx": _parse_docx,
}
