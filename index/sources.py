"""The files behind an index: what they were when indexed, and whether they still are."""

import hashlib
import os
from pathlib import Path
from typing import Literal

from .catalog import Entry, FileState

SourceState = Literal["same", "changed", "missing"]

_CHUNK_BYTES = 1 << 20


def file_state(path: str, known: FileState | None = None) -> FileState:
    """The state of a file now; its bytes are read only if size or time differ from `known`.

    Raises OSError if the file cannot be read.
    """
    status = os.stat(path)  # noqa: PTH116 - asked of 50,000 files, for which a Path costs more
    if known is not None and (status.st_size, status.st_mtime_ns) == (known.size, known.modified):
        return known
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return FileState(status.st_size, status.st_mtime_ns, digest.hexdigest())


def source_state(entry: Entry, *, reread: bool = False) -> SourceState:
    """Whether a document's file still is what was indexed.

    With `reread` the bytes are hashed even if the file's size and time are the same.
    """
    try:
        now = file_state(entry.source, None if reread else entry.state)
    except OSError:
        return "missing"
    return "same" if now.content_hash == entry.state.content_hash else "changed"
