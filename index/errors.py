"""The errors a person may meet, each a sentence that names the thing and the remedy.

    OpcitError
    ├── LoadError          a file cannot become a document; the other files go on
    ├── FolderError        the folder of documents is missing, empty or unreadable
    ├── IndexFolderError   the index folder is missing, damaged or of another format
    │   └── CatalogDamagedError    its catalog is; nothing else can be made again from it
    ├── IndexBusyError     another process is writing to the index
    ├── EncoderError       the sentence encoder cannot be loaded or does not fit the index
    ├── QuestionError      the question cannot be asked as it stands
    └── ConfigError        a setting has a wrong name or value

Raised deep, shown once: the command line and the page print `str(error)` and nothing else.
"""


class OpcitError(Exception):
    """Anything Opcit refuses to do, told in one sentence."""


class LoadError(OpcitError):
    """A file is skipped: unreadable, empty, encrypted, binary, too large."""


class FolderError(OpcitError):
    """There is no folder of documents to index at the given path."""


class IndexFolderError(OpcitError):
    """The index folder cannot be opened; the message holds the command that mends it."""


class CatalogDamagedError(IndexFolderError):
    """The catalog is not as it was written; the message names the last good copy, if any."""


class IndexBusyError(OpcitError):
    """Somebody else is updating this index just now."""


class EncoderError(OpcitError):
    """The encoder is missing, broken, or not the one the index was made with."""


class QuestionError(OpcitError):
    """The question is empty or too long."""


class ConfigError(OpcitError):
    """A setting in the environment or the configuration file is not valid."""
