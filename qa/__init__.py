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
    "build_index",
    "find_entries",
    "markup",
    "read_config",
    "read_filter",
    "text",
]
