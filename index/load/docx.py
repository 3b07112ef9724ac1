"""DOCX: paragraphs and tables in reading order, by python-docx; no headers, footers or notes.

The text is made here, so its layout is ours: blank lines between paragraphs, one line per table
row.
"""

import io
import zipfile
from collections.abc import Iterator
from datetime import date
from typing import Any

from ..errors import LoadError
from .parsed import Parsed, megabytes, reason

# What a DOCX may unpack to, in multiples of the size limit of a file: a zip of a few kilobytes
# can hold gigabytes.
_UNPACKED_FACTOR = 4

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED_STREAM = "EncryptedPackage".encode("utf-16-le")
# The date in the template that python-docx makes every new document from.
_PYTHON_DOCX_TEMPLATE = date(2013, 12, 23)


def parse_docx(data: bytes, name: str, max_bytes: int) -> Parsed:
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
            f"{name}: the DOCX is damaged or no Word document ({reason(error)}); "
            "open it in a word processor and save it again as .docx."
        ) from error
    return Parsed(text, title=title, stored=stored)


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
            f"{name}: the DOCX is damaged ({reason(error)}); "
            "open it in a word processor and save it again as .docx."
        ) from error
    if encrypted:
        raise LoadError(f"{name}: the DOCX is encrypted; save a copy without a password.")
    # A part is never unpacked further than the size its directory entry claims, so the claims
    # are enough to check.
    if unpacked > _UNPACKED_FACTOR * max_bytes:
        raise LoadError(
            f"{name}: the DOCX unpacks to {megabytes(unpacked)}, which is too large, the limit is "
            f"{megabytes(_UNPACKED_FACTOR * max_bytes)}; split the document or raise the limit."
        )


_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_PARAGRAPH, _TABLE, _ROW, _CELL = (_W + tag for tag in ("p", "tbl", "tr", "tc"))
# What may stand around a paragraph, a row or a cell: form fields and tracked insertions.
# python-docx's own `iter_inner_content()` and `.text` leave out what is inside them.
_WRAPPERS = frozenset(_W + tag for tag in ("sdt", "sdtContent", "ins", "smartTag", "customXml"))
# Text boxes are stored twice, and moved text stays at its old place too. Of a formula, its signs.
_RUN_PARTS = (
    ".//*[self::w:r or self::m:r][not(ancestor::w:txbxContent or ancestor::w:moveFrom)]"
    "/*[self::w:t or self::w:tab or self::w:br or self::w:cr or self::w:noBreakHyphen"
    " or self::m:t]"
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
