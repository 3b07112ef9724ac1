"""A question in, an answer with citations out: the Python API of Opcit."""

from index import (
    Document,
    Entry,
    Filter,
    Hit,
    Language,
    OpcitError,
    Passage,
    QuestionError,
    UpdateReport,
)

from . import markup
from .assistant import Assistant, build_index
from .config import Config, read_config
from .library import find_entries, read_filter
from .markdown import answer_markdown, conversation_markdown
from .permalinks import check_of, citation_link, hit_link, permalink
from .texts import text
from .types import Answer, Citation

__all__ = [
    "Answer",
    "Assistant",
    "Citation",
    "Config",
    "Document",
    "Entry",
    "Filter",
    "Hit",
    "Language",
    "OpcitError",
    "Passage",
    "QuestionError",
    "UpdateReport",
    "answer_markdown",
    "build_index",
    "check_of",
    "citation_link",
    "conversation_markdown",
    "find_entries",
    "hit_link",
    "markup",
    "permalink",
    "read_config",
    "read_filter",
    "text",
]
