"""One file as a document: its bytes read once, parsed by its format, with a title and a date."""

import hashlib
import os
import stat
from pathlib import Path, PurePosixPath

from ..errors import LoadError
from ..language import detect
from ..types import Document, FileState
from .dates import date_on_top
from .formats import SUFFIXES, Parse, parse
from .parsed import first_line, has_words, listed, megabytes, one_line, shown

_LONGEST_TITLE = 500
_GROWN = 1_000_000  # bytes that a file may grow by while it is read


def load(
    path: Path, document_id: str, max_bytes: int, parse: Parse = parse
) -> tuple[Document, FileState]:
    """Reads one file; gives the state that it was read in, too.

    Size and time are taken before the bytes: a file that changes meanwhile shows another state
    than this at the next update, and is read again.

    The title is the one the file states, else its first line if that is short, else its name.
    The date is, in this order: one the article states in a fixed form (front matter, HTML
    metadata), one that the first lines give as the document's own ("Nîmes, le 12 mars 2021"), the
    file's metadata. Without any of them there is none: the day a file was changed is often only
    the day it was copied.

    `max_bytes` limits the file's size (1 MB is 1,000,000 bytes). `parse` finds the text in the
    bytes: here, or in a process of its own (`worker.Worker.parse`).

    Raises LoadError, and nothing else, if the file cannot become a document.
    """
    name = shown(document_id)
    _check_name(document_id, path, name)
    suffix = path.suffix.lower()
    data, status = _read(path, name, max_bytes)
    if suffix not in SUFFIXES:
        raise LoadError(f"{name}: Opcit does not read this kind of file, only {listed(SUFFIXES)}.")
    if not data.strip():
        raise LoadError(f"{name}: the file is empty; put text in it or take it away.")
    parsed = parse(suffix, data, name, max_bytes)
    if not has_words(parsed.text):
        raise LoadError(f"{name}: there are no words in it; put text in it or take it away.")
    language = detect(parsed.text)
    document = Document(
        id=document_id,
        text=parsed.text,
        title=_title(parsed.title, parsed.text, PurePosixPath(document_id).stem),
        source=str(path),
        language=language,
        date=parsed.stated or date_on_top(parsed.text, language) or parsed.stored,
        page_starts=parsed.page_starts,
    )
    content_hash = hashlib.sha256(data).hexdigest()
    return document, FileState(status.st_size, status.st_mtime_ns, content_hash)


def _check_name(document_id: str, path: Path, name: str) -> None:
    # A name that is not valid Unicode can be neither stored nor shown on a page, nor one of several
    # lines linked to.
    if "\n" in document_id or "\r" in document_id:
        raise LoadError(f"{name}: the file's name has a line break in it; rename the file.")
    try:
        (document_id + str(path)).encode()
    except UnicodeEncodeError:
        raise LoadError(f"{name}: the file's name is not valid text; rename the file.") from None


def _read(path: Path, name: str, max_bytes: int) -> tuple[bytes, os.stat_result]:
    """The file's bytes, read once, and what it was before that."""
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
                # One byte more than allowed, in case the file has grown since it was measured; and
                # no room for more than it can have grown, as the limit may be beyond all memory.
                data = file.read(min(max_bytes, size + _GROWN) + 1)
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
            f"{name}: {megabytes(size)} is too large, the limit is {megabytes(max_bytes)}; "
            "split the file or raise the limit."
        )
    return data, status


def _title(stated: str | None, text: str, stem: str) -> str:
    """One trimmed line, never empty."""
    title = one_line(stated or "")
    if not has_words(title):
        title = first_line(text) or stem
    title = title.strip() or "?"
    # It stands above each of the document's passages.
    return title if len(title) <= _LONGEST_TITLE else f"{title[:_LONGEST_TITLE]}…"
