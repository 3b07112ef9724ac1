"""Files in, documents out: which files of a folder can be read, and what each one says.

    find_files(folder)                     the supported files, in a fixed order (files.py)
    load(path, document_id, max_bytes)     one file as a `Document`, with the `FileState` it was
                                           read in, or a `LoadError` (document.py)

One module per format, listed in formats.py. A text file's text is the file exactly as decoded.
Formats that a library parses can be parsed in a process of their own, with limits (worker.py).

Does not know: passages, sentences, vectors, or where documents are kept.
"""

from .document import load
from .files import find_files
from .formats import SUFFIXES
from .worker import Worker

__all__ = ["SUFFIXES", "Worker", "find_files", "load"]
