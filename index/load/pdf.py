"""PDF: the text of each page, by PDFium, with a blank line between pages.

A scanned page has no text: there is no character recognition.
"""

import re
import threading
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

from ..errors import LoadError
from .dates import to_date
from .parsed import CONTROLS, Parsed, has_words, reason

# PDFium may be called from one thread at a time, and the web page loads in several.
_PDFIUM = threading.Lock()


def parse_pdf(data: bytes, name: str, _max_bytes: int) -> Parsed:
    import pypdfium2
    from pypdfium2.raw import FPDF_ERR_PASSWORD, FPDF_ERR_SECURITY

    # The parser may fail in any way on a damaged file, and none may stop the other files.
    try:
        with _PDFIUM, pypdfium2.PdfDocument(data) as pdf:
            pages = [_pdf_page(page) for page in pdf]
            title, *days = (_metadata(pdf, key) for key in ("Title", "CreationDate", "ModDate"))
    except pypdfium2.PdfiumError as error:
        if error.err_code in (FPDF_ERR_PASSWORD, FPDF_ERR_SECURITY):
            raise LoadError(
                f"{name}: the PDF is encrypted; save a copy without a password."
            ) from error
        raise LoadError(_broken_pdf(name, error)) from error
    except Exception as error:
        raise LoadError(_broken_pdf(name, error)) from error
    text = "\n\n".join(pages)
    if not has_words(text):
        raise LoadError(
            f"{name}: the PDF has no text, only pictures of pages; "
            "make its text readable by OCR (character recognition) first."
        )
    return Parsed(
        text,
        title=_sensible_pdf_title(title),
        stored=next(filter(None, map(_pdf_date, days)), None),
        page_starts=tuple(_starts(pages, separator_length=2)),
    )


def _broken_pdf(name: str, error: Exception) -> str:
    return f"{name}: the PDF is damaged ({reason(error)}); open it in a viewer and save it again."


def _metadata(pdf: Any, key: str) -> str:
    try:
        return str(pdf.get_metadata_value(key))
    except UnicodeDecodeError:
        return ""


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
    return CONTROLS.sub("", text)


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
    return title if has_words(title) else None


def _pdf_date(value: str) -> date | None:
    """The day of a PDF date such as `D:20210312101500+01'00'`."""
    digits = re.match(r"(?:D:)?\s*(\d{4})-?(\d\d)-?(\d\d)", value)
    return to_date(*map(int, digits.groups())) if digits else None
