"""Asks an index: finds passages, reads them, cites or abstains."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from index import (
    SUFFIXES,
    Document,
    Entry,
    Filter,
    Hit,
    Index,
    LoadError,
    OpcitError,
    Progress,
    QuestionError,
    SentenceTransformerEmbedder,
    SplitSettings,
    UpdateReport,
    Worker,
    default_model,
    detect,
    load_document,
)

from .citations import cite
from .config import Config, read_config
from .duplicates import copies, distinct, without_copies
from .extractive import ExtractiveReader, Finding, Reader
from .feedback import add_feedback
from .followup import complete
from .grammar import language_of
from .retriever import Retriever
from .texts import text
from .types import Answer, Citation, Turn
from .uploads import SHARED, owner_of, prefix_of, shown_id

# Passages found for a question, and those shown as nearest.
_FOUND = 24
_NEAREST = 5
# Passages in which other copies of a cited sentence are looked for.
_COPIES = 500


class Assistant:
    """Answers questions over one index folder; any thread may ask."""

    def __init__(self, index: Index, reader: Reader, config: Config) -> None:
        self._index = index
        self._retriever = Retriever(index)
        self._reader = reader
        self._config = config

    @classmethod
    def open(cls, folder: str | Path, config: Config | None = None) -> "Assistant":
        """The assistant over the index in `folder`.

        Raises IndexFolderError or EncoderError with the command that mends it.
        """
        config = config or read_config()
        index = open_index(config, Path(folder))
        return cls(index, ExtractiveReader(index), config)

    def ask(
        self, question: str, among: Filter | None = None, history: Sequence[Turn] = ()
    ) -> Answer:
        """The answer to a question in French or English, cited, or an abstention.

        A question that leans on the turns before it, oldest first, takes along what it lacks.
        Raises QuestionError if the question is empty or too long.
        """
        question = self._asked(question)
        meant = complete(question, history)
        asked = meant or question
        language = language_of(question) if meant else detect(question)
        with self._index.held():  # what is cited is what was read
            # Of these only the first few are read.
            found = self._retriever.search(asked, _FOUND, among, settled=False)
            reading = self._reader.read(asked, distinct(found))
            findings = reading.findings
            confidence = findings[0].confidence if findings else 0.0
            nearest = tuple(reading.hits[:_NEAREST])
            if not findings or confidence < self._reader.threshold:
                silent = text("not_in_documents", language)
                return Answer(question, language, silent, (), confidence, nearest, meant)
            citations = without_copies([self._cite(finding, found, among) for finding in findings])
        said = _shortest(citations[0])
        return Answer(question, language, said, citations, confidence, nearest, meant)

    def search(self, question: str, k: int = 10, among: Filter | None = None) -> list[Hit]:
        """The at most `k` best passages for a question, best first.

        Raises QuestionError if the question is empty or too long.
        """
        question = self._asked(question)
        with self._index.held():  # what is read is what was found
            found = self._retriever.search(question, max(k, _FOUND), among)
            return self._reader.read(question, found).hits[:k]

    def document(self, document_id: str) -> Document | None:
        """A document as it was indexed, or None."""
        return self._index.document(document_id)

    def source_changed(self, document_id: str) -> bool:
        """Whether a document's file no longer reads as it did when it was indexed, or is gone."""
        return self._index.source_state(document_id) != "same"

    def documents(self) -> list[Entry]:
        """Every document by id, without its text."""
        return self._index.entries()

    def add_files(
        self, paths: list[Path], progress: Progress | None = None, *, owner: str = SHARED
    ) -> UpdateReport:
        """Copy files into the index folder's `uploads` and index them, for `owner`.

        A file with the name of an earlier upload replaces it. What cannot be read is in the
        report's `skipped`, a sentence each, and neither kept nor put in place of what was. Raises
        OpcitError if there would be more than the settings allow, and IndexBusyError; what was
        added before then stays as it was.
        """
        uploads = self._uploads(owner)
        limit = self._config.max_upload_files
        refused, wanted = [], {}
        try:
            for path in paths:
                sentence = _refusal(path, uploads / path.name, self._config.max_file_bytes)
                if sentence:
                    refused.append(sentence)
                else:
                    wanted[uploads / path.name] = path
            if not wanted:
                return UpdateReport(skipped=refused)
            uploads.mkdir(parents=True, exist_ok=True)
            kept = {path for path in uploads.iterdir() if not path.name.startswith(".")}
            if len({*kept, *wanted}) > limit:
                raise OpcitError(f"At most {limit} documents can be added; remove some first.")
            with _copied(wanted, uploads):
                report = self._index.update(
                    uploads,
                    max_bytes=self._config.max_file_bytes,
                    prefix=prefix_of(owner),
                    progress=progress,
                )
        except OSError as error:
            raise OpcitError(
                f"The documents cannot be kept ({error.strerror}); make room on the disk."
            ) from error
        read = {entry.source for entry in self._index.entries()}
        for copied in wanted:
            if str(copied) not in read:
                copied.unlink()
        report.skipped = [shown_id(sentence) for sentence in report.skipped] + refused
        return report

    def is_upload(self, entry: Entry) -> bool:
        """Whether a document was added by `add_files`, so that it can be removed again."""
        return Path(entry.root).is_relative_to((self._index.folder / "uploads").resolve())

    def remove_upload(self, document_id: str) -> UpdateReport:
        """Remove an added document from the index, and its copy.

        Raises OpcitError if it is not one of those, and IndexBusyError.
        """
        entry = self._index.entry(document_id)
        if entry is None or not self.is_upload(entry):
            raise OpcitError(
                f"{shown_id(document_id)} was not added here; take it out of its own folder."
            )
        uploads, copy = Path(entry.root), Path(entry.source)
        aside = copy.with_name(f".{copy.name}")  # what an update takes for no document
        with suppress(FileNotFoundError):
            copy.rename(aside)
        try:
            if all(path.name.startswith(".") for path in uploads.iterdir()):
                report = self._index.forget(uploads)
            else:
                report = self._index.update(
                    uploads,
                    max_bytes=self._config.max_file_bytes,
                    prefix=prefix_of(owner_of(document_id) or SHARED),
                )
        except BaseException:
            with suppress(FileNotFoundError):
                aside.rename(copy)
            raise
        for left in uploads.glob(".*"):  # this one, and what a killed removal left
            left.unlink(missing_ok=True)
        return report

    @property
    def kept_days(self) -> float:
        """How long what a session added stays when it is not used."""
        return self._config.keep_uploads_days

    def use_uploads(self, owner: str) -> None:
        """Note that somebody still uses what they added: the day is that of its folder."""
        with suppress(OSError):  # nothing was added, or the folder is not ours to touch
            os.utime(self._uploads(owner))

    def clear_uploads(self, now: datetime) -> list[str]:
        """Remove what sessions added and have not used for as long as the settings say.

        The names of those sessions, whose cookies are lost for all we know. What was added for
        everybody stays. Raises IndexBusyError, and OpcitError if a folder cannot be removed.
        """
        since = (now - timedelta(days=self.kept_days)).timestamp()
        cleared = []
        for folder in sorted((self._index.folder / "uploads").resolve().glob("session-*")):
            if folder.stat().st_mtime >= since:
                continue
            self._index.forget(folder)  # first, so that a kill leaves no document without its file
            try:
                shutil.rmtree(folder)
            except OSError as error:
                raise OpcitError(f"{folder} cannot be removed ({error.strerror}).") from error
            cleared.append(folder.name)
        return cleared

    def rate(self, answer: Answer, *, good: bool) -> None:
        """Keep in the index folder that somebody found an answer good, or bad.

        Raises OpcitError if it cannot be written.
        """
        add_feedback(self._index.folder, answer, good=good, given=datetime.now(UTC))

    def warm(self) -> None:
        """Load what the first question would otherwise wait for."""
        self.search("Opcit", 1)  # a word of no language makes the identifier look at it

    def _uploads(self, owner: str) -> Path:
        return (self._index.folder / "uploads" / owner).resolve()

    def _asked(self, question: str) -> str:
        question = question.strip()
        if not question:
            raise QuestionError("The question is empty; write one in French or English.")
        try:
            question.encode()
        except UnicodeEncodeError:
            raise QuestionError("The question holds a sign that is no character.") from None
        limit = self._config.max_question_characters
        if len(question) > limit:
            raise QuestionError(
                f"The question has {len(question)} characters; ask in at most {limit}."
            )
        return question

    def _cite(self, finding: Finding, found: list[Hit], among: Filter | None) -> Citation:
        document = self._index.document(finding.document_id)
        if document is None:
            raise OpcitError(f"{finding.document_id} left the index while it was read; ask again.")
        changed = self.source_changed(document.id)
        quote = document.text[finding.start : finding.end]
        others = copies(quote, document.id, found)
        if others:  # perhaps there are more than were found for the question
            more = self._index.matching(quote, _COPIES, among)
            others = copies(quote, document.id, [*found, *more])
        return cite(
            document, finding.start, finding.end, finding.answer, changed=changed, copies=others
        )


def open_index(config: Config, folder: Path | None = None, *, any_encoder: bool = False) -> Index:
    """The index in `folder`, or in the configured one.

    With `any_encoder` it may have been made with another encoder than the configured one: its
    documents can be listed, not asked.
    """
    return Index.open(folder or config.index, _embedder(config), any_encoder=any_encoder)


def _refusal(path: Path, earlier: Path, max_bytes: int) -> str | None:
    """Why a file is not added; None if it may be. One that would replace another is read first."""
    if path.suffix.lower() not in SUFFIXES:
        return f"{path.name} is of a kind that Opcit does not read; it is left out."
    if path.name.startswith((".", "~$")):  # what an update takes for no document
        return f"{path.name} is named like a hidden or temporary file; rename it to add it."
    if earlier.exists():
        try:
            with Worker() as worker:
                load_document(path, path.name, max_bytes, worker.parse)
        except LoadError as error:
            return str(error)
    return None


@contextmanager
def _copied(wanted: dict[Path, Path], uploads: Path) -> Iterator[None]:
    """Files copied, each whole, from value to key; where what follows fails, all is as it was."""
    # What was there before is kept under a name that `clear_uploads` finds if a kill leaves it.
    with (
        TemporaryDirectory(prefix=f"{uploads.name}-", dir=uploads.parent) as beside,
        ExitStack() as undo,
    ):
        for to, path in wanted.items():
            earlier = Path(shutil.copy2(to, beside)) if to.exists() else None
            undo.callback(_put_back, earlier, to)
            shutil.copy(path, part := Path(beside) / "part")
            part.replace(to)
        yield
        undo.pop_all()


def _put_back(earlier: Path | None, to: Path) -> None:
    if earlier is None:
        to.unlink(missing_ok=True)
    else:
        earlier.replace(to)


def _shortest(citation: Citation) -> str:
    if citation.answer is None:
        return citation.quote
    start, end = citation.answer
    return citation.quote[start - citation.start : end - citation.start]


def build_index(
    documents: str | Path,
    folder: str | Path,
    *,
    rebuild: bool = False,
    config: Config | None = None,
    progress: Progress | None = None,
) -> UpdateReport:
    """Make or update the index in `folder` from the documents in `documents`.

    Raises FolderError, IndexFolderError, IndexBusyError or EncoderError; the index then stays as
    it was. Files that cannot be read are in the report's `skipped`, a sentence each.
    """
    config = config or read_config()
    folder = Path(folder)
    if Index.exists(folder) and not rebuild:
        index = open_index(config, folder)
    else:
        settings = SplitSettings(config.passage_characters)
        index = Index.create(folder, _embedder(config), settings)
    return index.update(
        Path(documents), max_bytes=config.max_file_bytes, rebuild=rebuild, progress=progress
    )


def _embedder(config: Config) -> SentenceTransformerEmbedder:
    return SentenceTransformerEmbedder(config.model or default_model())
