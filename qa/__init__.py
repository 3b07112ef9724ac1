"""A question in, an answer with citations out: the Python API of Opcit."""

from index import (
    LANGUAGES,
    ConfigError,
    Document,
    Entry,
    Filter,
    Hit,
    Language,
    OpcitError,
    Passage,
    Progress,
    QuestionError,
    UpdateReport,
)

from . import markup
from .assistant import Assistant, build_index
from .config import Config, read_config
from .library import find_entries, read_filter
from .markdown import answer_markdown, conversation_markdown
from .passwords import PasswordHash, read_password_file
from .permalinks import check_of, citation_link, hit_link, passage_link, permalink
from .texts import refusal_text, text
from .types import Answer, Citation, Turn
from .uploads import SHARED, hidden_from, owner_of, shown_id

__all__ = [
    "LANGUAGES",
    "SHARED",
    "Answer",
    "Assistant",
    "Citation",
    "Config",
    "ConfigError",
    "Document",
    "Entry",
    "Filter",
    "Hit",
    "Language",
    "OpcitError",
    "Passage",
    "PasswordHash",
    "Progress",
    "QuestionError",
    "Turn",
    "UpdateReport",
    "answer_markdown",
    "build_index",
    "check_of",
    "citation_link",
    "conversation_markdown",
    "find_entries",
    "hidden_from",
    "hit_link",
    "markup",
    "owner_of",
    "passage_link",
    "permalink",
    "read_config",
    "read_filter",
    "read_password_file",
    "refusal_text",
    "shown_id",
    "text",
]
