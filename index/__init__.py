"""Documents in, passages found. Knows no question, no answer and no environment."""

from .bert import CrossEncoder, Window
from .catalog import Entry
from .embed import Embedder, SentenceTransformerEmbedder, default_model
from .errors import (
    ConfigError,
    EncoderError,
    FolderError,
    IndexBusyError,
    IndexFolderError,
    LoadError,
    OpcitError,
    QuestionError,
)
from .index import Index, read_manifest
from .language import detect
from .lexicon import folded_words
from .load import SUFFIXES, Worker
from .load import load as load_document
from .sentences import sentence_spans
from .soundness import restore_index, verify_index
from .sources import SourceState, source_state
from .split import SplitSettings
from .types import LANGUAGES, Document, Filter, Hit, Language, Passage
from .update import Progress, UpdateReport
from .words import stems

__all__ = [
    "LANGUAGES",
    "SUFFIXES",
    "ConfigError",
    "CrossEncoder",
    "Document",
    "Embedder",
    "EncoderError",
    "Entry",
    "Filter",
    "FolderError",
    "Hit",
    "Index",
    "IndexBusyError",
    "IndexFolderError",
    "Language",
    "LoadError",
    "OpcitError",
    "Passage",
    "Progress",
    "QuestionError",
    "SentenceTransformerEmbedder",
    "SourceState",
    "SplitSettings",
    "UpdateReport",
    "Window",
    "Worker",
    "default_model",
    "detect",
    "folded_words",
    "load_document",
    "read_manifest",
    "restore_index",
    "sentence_spans",
    "source_state",
    "stems",
    "verify_index",
]
