"""What an update has to do, and the doing of it, inside one transaction of the catalog."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from .catalog import Catalog, Entry
from .embed import Embedder
from .errors import LoadError
from .load import Worker, load
from .sentences import sentence_spans
from .sources import source_state, state_if_same
from .split import SplitSettings, headed, split
from .types import Document, FileState, Passage, Sentences

Progress = Callable[[int, int], None]

# Enough passages to keep the encoder's batches full, few enough to show progress.
_PASSAGES_A_STEP = 256


@dataclass(slots=True)
class UpdateReport:
    """What an update did, by document id; `skipped` has a sentence for each file left out."""

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    unchanged: int = 0
    skipped: list[str] = field(default_factory=list)
    passages_embedded: int = 0


@dataclass(slots=True)
class Plan:
    """The files to read, the documents to remove (some to be added again) and those to keep."""

    root: str
    to_read: list[tuple[Path, str]] = field(default_factory=list)
    to_move: list[Entry] = field(default_factory=list)
    replaced: list[Entry] = field(default_factory=list)
    vanished: list[Entry] = field(default_factory=list)
    unchanged: int = 0

    @property
    def removed_keys(self) -> list[int]:
        """The keys of all documents whose present form goes."""
        return [entry.key for entry in (*self.replaced, *self.vanished, *self.to_move)]


def plan_update(
    catalog: Catalog, root: Path, files: list[str], own: Path, rebuild: bool, prefix: str = ""
) -> Plan:
    """Compare the files under `root` with the catalog; with `rebuild` nothing is left as it is.

    A file that was written again with the same content is noted as such, and kept. Without files,
    all that came from `root` goes. `own` is the index folder: what people added to it belongs to no
    folder around it. The ids of new documents begin with `prefix`.
    """
    plan = Plan(str(root))
    # Of most files size and time are as they were; only the others' entries are looked at.
    listed = set(files)
    other_keys = []
    for source, key, size, modified in catalog.sizes():
        if not rebuild and source in listed and _size(source) == (size, modified):
            listed.remove(source)
        else:
            other_keys.append(key)
    by_source = {entry.source: entry for entry in catalog.entries(other_keys)}
    seen = [file for file in files if file in listed]
    taken = catalog.ids() if any(file not in by_source for file in seen) else set()
    for file in seen:
        entry = by_source.pop(file, None)
        if entry is None:
            path = Path(file)
            plan.to_read.append((path, _new_id(path, root, taken, prefix)))
        elif rebuild or not _is_unchanged(catalog, entry):
            plan.to_read.append((Path(file), entry.id))
            plan.replaced.append(entry)
    plan.unchanged = len(files) - len(plan.to_read)
    below, aside = (str(folder).rstrip(os.sep) + os.sep for folder in (root, own))
    for entry in by_source.values():
        came_from_root = entry.root == plan.root or (
            (entry.source + os.sep).startswith(below)
            and not entry.source.startswith(aside)
            # One that is still there may be in a hidden folder, which `root` does not list.
            and (not files or source_state(entry) == "missing")
        )
        # A folder that cannot be read now is listed itself: of its files nothing is known.
        if came_from_root and listed.isdisjoint(map(str, Path(entry.source).parents)):
            plan.vanished.append(entry)
        elif rebuild:
            plan.to_move.append(entry)
    return plan


def apply_plan(
    catalog: Catalog,
    plan: Plan,
    embedder: Embedder,
    settings: SplitSettings,
    max_bytes: int,
    progress: Progress | None,
) -> UpdateReport:
    """Remove, read, split, embed and add what the plan says."""
    report = UpdateReport(unchanged=plan.unchanged)
    report.removed.extend(entry.id for entry in plan.vanished)
    catalog.remove(entry.key for entry in (*plan.replaced, *plan.vanished))
    batch: list[_Read] = []
    total = len(plan.to_read) + len(plan.to_move)
    for done, read in enumerate(_documents(catalog, plan, max_bytes, report), start=1):
        if read is not None:
            read.passages.extend(split(read.document, settings))
            batch.append(read)
        if done == total or sum(len(read.passages) for read in batch) >= _PASSAGES_A_STEP:
            report.passages_embedded += _add(catalog, embedder, batch)
            batch.clear()
        if progress is not None:
            progress(done, total)
    return report


@dataclass(slots=True)
class _Read:
    """A document on its way into the catalog."""

    document: Document
    root: str
    state: FileState
    passages: list[Passage] = field(default_factory=list)


def _documents(
    catalog: Catalog, plan: Plan, max_bytes: int, report: UpdateReport
) -> Iterator[_Read | None]:
    """Each document to add, as it is read; None for a file that has to be left out."""
    replaced = {entry.id for entry in plan.replaced}
    with Worker() as worker:
        for path, document_id in plan.to_read:
            try:
                document, state = load(path, document_id, max_bytes, worker.parse)
            except LoadError as error:
                report.skipped.append(str(error))
                if document_id in replaced:
                    report.removed.append(document_id)
                yield None
            else:
                (report.changed if document_id in replaced else report.added).append(document_id)
                yield _Read(document, plan.root, state)
    for entry in plan.to_move:
        kept = catalog.document(entry.id)
        catalog.remove([entry.key])
        yield None if kept is None else _Read(kept, entry.root, entry.state)


def _add(catalog: Catalog, embedder: Embedder, batch: list[_Read]) -> int:
    """Embed the passages of a batch together, add its documents, return how many passages."""
    texts, spans, spans_in_texts = [], [], []
    for read in batch:
        for passage in read.passages:
            text = headed(read.document.title, passage)
            by = len(text) - len(passage.text)
            texts.append(text)
            spans.append(sentence_spans(passage.text))
            spans_in_texts.append([(start + by, end + by) for start, end in spans[-1]])
    if not texts:
        return 0
    vectors, of_sentences = embedder.embed_passages(texts, spans_in_texts)
    sentences = [Sentences(*each) for each in zip(spans, of_sentences, strict=True)]
    start = 0
    for read in batch:
        own = slice(start, start + len(read.passages))
        catalog.add(
            read.document, read.root, read.state, read.passages, vectors[own], sentences[own]
        )
        start = own.stop
    return len(texts)


def _size(file: str) -> tuple[int, int] | None:
    """A file's size and time; None if it is out of reach: reading it will say why."""
    try:
        status = os.stat(file)  # noqa: PTH116 - asked of 50,000 files, for which a Path costs more
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def _is_unchanged(catalog: Catalog, entry: Entry) -> bool:
    try:
        now = state_if_same(entry.source, entry.state)
    except OSError:
        return False  # reading it will say why
    if now is not None and now != entry.state:
        catalog.touch(entry.key, now)
    return now is not None


def _new_id(path: Path, root: Path, taken: set[str], prefix: str) -> str:
    """The path below the root; told apart by the root's name, or a number, where it is taken."""
    relative = path.relative_to(root) if path != root else Path(path.name)
    candidate = prefix + relative.as_posix()
    number = 2
    while candidate in taken:
        candidate = f"{prefix}{root.name}/{relative.as_posix()}"
        if candidate in taken:
            candidate = f"{prefix}{root.name}-{number}/{relative.as_posix()}"
            number += 1
    taken.add(candidate)
    return candidate
