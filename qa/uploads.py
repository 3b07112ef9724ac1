"""Whose a document is, by its id: everybody's, or added by one session of the chat.

A session's documents have ids that begin with its name, `session-` and 32 hexadecimal digits, so
that an id alone says who may see it, also in an index folder that was moved or copied. Knows no
server, and not how a session proves which one it is.
"""

import re
from typing import Final

SHARED: Final = "shared"  # the owner of what is added for everybody
_OWNED: Final = re.compile(r"(session-[0-9a-f]{32})/(?=[\s\S])")


def owner_of(document_id: str) -> str | None:
    """The name of the session that added a document; None if it is everybody's."""
    found = _OWNED.match(document_id)
    return found[1] if found else None


def hidden_from(owner: str | None) -> re.Pattern[str]:
    """What the ids of the documents match that other sessions added."""
    own = f"(?!{re.escape(owner)}/)" if owner else ""
    return re.compile(own + _OWNED.pattern)


def prefix_of(owner: str) -> str:
    """How the ids of the documents that `owner` adds begin."""
    return "" if owner == SHARED else f"{owner}/"


def shown_id(document_id: str) -> str:
    """An id as a person reads it: without the name of the session."""
    return _OWNED.sub("", document_id, count=1) if owner_of(document_id) else document_id
