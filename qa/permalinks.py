"""The lasting link to a span of a document: `/source/<document>?start=&end=&check=`.

The one place that builds such links and proves them; the page, the interface for programs, the
command and the exports all take them from here. Knows no server: a link is a path, and whoever has
an address puts it in front.

`check` is a fingerprint of the words at the span. Offsets alone would lead to other words once the
document has changed and been indexed again; a link with a check then says so instead.
"""

import hashlib
from urllib.parse import quote, urlencode

from index import Hit, Passage

from .types import Citation

_CHECK_LENGTH = 8  # hexadecimal digits: enough to notice a change, and not meant against forgers


def permalink(document_id: str, start: int, end: int, words: str, address: str = "") -> str:
    """The link to a span whose text is `words`, absolute if the server's `address` is given.

    Without words it leads to the document.
    """
    link = f"{address.rstrip('/')}/source/{quote(document_id)}"
    places = urlencode({"start": start, "end": end, "check": check_of(words)})
    return f"{link}?{places}" if words else link


def citation_link(citation: Citation, address: str = "") -> str:
    """The link to the place of a citation."""
    return permalink(citation.document_id, citation.start, citation.end, citation.quote, address)


def hit_link(hit: Hit, address: str = "") -> str:
    """The link to a passage that was found."""
    return passage_link(hit.passage, address)


def passage_link(passage: Passage, address: str = "") -> str:
    """The link to a passage or a sentence of one."""
    return permalink(passage.document_id, passage.start, passage.end, passage.text, address)


def check_of(words: str) -> str:
    """The fingerprint of the words at a span, for the `check` of a link to it."""
    return hashlib.sha256(words.encode()).hexdigest()[:_CHECK_LENGTH]
