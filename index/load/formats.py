"""The formats Opcit reads: which ending is parsed by whom."""

from collections.abc import Callable

from .docx import parse_docx
from .html import parse_html
from .markdown import parse_markdown
from .parsed import Parsed
from .pdf import parse_pdf
from .text import parse_text

# Bytes, the name to call the file by, and the size limit of a file in; raises LoadError.
Parser = Callable[[bytes, str, int], Parsed]
# The same for any format: the file's ending first.
Parse = Callable[[str, bytes, str, int], Parsed]

_PARSERS: dict[str, Parser] = {
    ".txt": parse_text,
    ".md": parse_markdown,
    ".html": parse_html,
    ".htm": parse_html,
    ".pdf": parse_pdf,
    ".docx": parse_docx,
}
SUFFIXES: frozenset[str] = frozenset(_PARSERS)


def parse(suffix: str, data: bytes, name: str, max_bytes: int) -> Parsed:
    """What the bytes of a file with this ending hold, found in this process."""
    return _PARSERS[suffix](data, name, max_bytes)
