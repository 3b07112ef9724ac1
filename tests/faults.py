"""An index under faults: killed processes, full disks, read-only folders, files that change while
they are read, damaged files; drawn by a seed, over making, updating and removing.

    python tests/faults.py --faults 200 --seed 1

After each fault the index must open, hold what it held before or what it should hold after, find
each document by its words, and be sound (`verify_index`); who was refused was told in one sentence.
Prints a line for each kind of fault; exit status 1, and what happened, at the first failure.

Each operation runs in a child process forked from this one, which is killed for real. As root the
index lies on a small file system of its own that is filled up for real; else a limit on the size of
files stands in for the full disk.
"""

import argparse
import ctypes
import hashlib
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from conftest import StemEmbedder

from index import Index, OpcitError, detect, restore_index, verify_index
from index.lexicon import translations
from index.split import split
from index.types import Document

LIMIT = 1_000_000
FEW, MANY = 20, 40
DONE, REFUSED, FAILED = 0, 3, 4
# Few of those that are parsed in another process: starting that is most of the time of a round.
FILE_KINDS = (*(".txt", ".md") * 20, ".html")
KINDS = {"kill": 8, "full disk": 4, "read-only": 2, "changing file": 4, "damage": 2}

State = dict[str, str]  # document id -> SHA-256 of its file


class Faults:
    """A folder of documents, its index, and what is drawn for them."""

    def __init__(self, work: Path, seed: int, small_disk: bool) -> None:
        self.drawn = random.Random(seed)
        self.documents = work / "documents"
        self.documents.mkdir()
        self.disk = work / "disk"
        self.disk.mkdir()
        self.folder = self.disk / "index"
        self.small_disk = small_disk
        self.told = work / "told"
        self.version = 0
        self.seconds, self.steps = 0.3, 400

    # -- what is done -----------------------------------------------------------------------------

    def operation(self) -> Callable[[], object]:
        """Changes the documents, and returns what brings the index up to date."""
        if not Index.exists(self.folder):
            self.edit()
            return lambda: self.make().update(self.documents, max_bytes=LIMIT)
        kind = self.drawn.choice(["update", "update", "update", "rebuild", "remove", "forget"])
        if kind == "forget":
            return lambda: self.open().forget(self.documents)
        if kind == "remove":
            for path in self.drawn.sample(self.files(), len(self.files()) // 3):
                path.unlink()
        self.edit()
        rebuild = kind == "rebuild"
        return lambda: (self.make() if rebuild else self.open()).update(
            self.documents, max_bytes=LIMIT, rebuild=rebuild
        )

    def edit(self) -> None:
        """Writes some documents anew, and as many as it takes to have a few."""
        for path in self.drawn.sample(self.files(), len(self.files()) // 4):
            self.write(path)
        while len(self.files()) < FEW or (len(self.files()) < MANY and self.drawn.random() < 0.5):
            self.version += 1
            self.write(self.documents / f"d{self.version}{self.drawn.choice(FILE_KINDS)}")

    def write(self, path: Path) -> None:
        self.version += 1
        body = f"La version{self.version} du document parle de volcans et de musées. " * 3
        text = f"Le document {path.stem}\n\n{body}\n"
        path.write_text(
            f"<html><body><p>{text}</p></body></html>" if ".html" in path.name else text
        )

    def files(self) -> list[Path]:
        return sorted(self.documents.iterdir())

    def open(self) -> Index:
        return Index.open(self.folder, StemEmbedder())

    def make(self) -> Index:
        return Index.create(self.folder, StemEmbedder())

    # -- one fault --------------------------------------------------------------------------------

    def round(self) -> str:
        """Does one operation under one fault, checks, and returns the fault and its outcome."""
        if self.drawn.random() < 0.1:
            shutil.rmtree(self.folder, ignore_errors=True)  # now and then from the very first
        before = self.state()
        operation = self.operation()
        kind = self.drawn.choices([*KINDS], [*KINDS.values()])[0]
        if kind == "damage" and not before:
            kind = "kill"
        fault = getattr(self, "_" + kind.replace(" ", "_").replace("-", "_"))
        ended = fault(operation)
        if ended not in (DONE, REFUSED, -signal.SIGKILL):
            raise AssertionError(f"{kind}: the child ended with {ended}\n{self.said()}")
        if ended == REFUSED and len(self.said().strip().splitlines()) != 1:
            raise AssertionError(f"{kind}: more than one sentence: {self.said()}")
        found = self.child(lambda: self.check(before, kind))
        if found != DONE:
            raise AssertionError(f"{kind}, which ended with {ended}:\n{self.said()}")
        # What was left behind does not stand in the way.
        if self.child(self.finish) != DONE:
            raise AssertionError(f"after {kind}, which ended with {ended}:\n{self.said()}")
        outcome = {DONE: "done", REFUSED: "refused"}.get(ended, "killed")
        return f"{kind}, {outcome}"

    def _kill(self, operation: Callable[[], object]) -> int:
        if self.drawn.random() < 0.5:
            return self.child(operation, after=self.drawn.uniform(0, 1.2 * self.seconds))
        return self.child(operation, before=lambda: die_at(self.drawn.randint(1, self.steps)))

    def _full_disk(self, operation: Callable[[], object]) -> int:
        room = int(10 ** self.drawn.uniform(3, 6))
        if not self.small_disk:
            limits = (room, resource.RLIM_INFINITY)
            return self.child(
                operation, before=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limits)
            )
        filler = self.disk / "filler"
        status = os.statvfs(self.disk)
        with filler.open("wb") as file, suppress(OSError):
            file.write(bytes(max(0, status.f_bavail * status.f_frsize - room)))
        ended = self.child(operation)
        filler.unlink()
        return ended

    def _read_only(self, operation: Callable[[], object]) -> int:
        paths = [self.disk, *self.disk.rglob("*")]
        for path in paths:
            path.chmod(0o555 if path.is_dir() else 0o444)
        ended = self.child(operation, before=give_up_power)
        for path in paths:
            if path.exists():
                path.chmod(0o755 if path.is_dir() else 0o644)
        return ended

    def _changing_file(self, operation: Callable[[], object]) -> int:
        path = self.drawn.choice(self.files())
        change = self.drawn.choice([self.write, Path.unlink, lambda path: os.truncate(path, 0)])
        at = self.drawn.randint(1, 2)  # once for its state, once for its text
        ended = self.child(operation, before=lambda: act_at_open(path, at, lambda: change(path)))
        self.version += 1  # the child may have written one
        return ended

    def _damage(self, operation: Callable[[], object]) -> int:
        paths = [path for path in (self.folder / "derived").rglob("*") if path.is_file()]
        harm_catalog = self.drawn.random() < 0.3
        path = self.folder / "catalog.sqlite" if harm_catalog else self.drawn.choice(paths)
        size = path.stat().st_size
        how = self.drawn.randrange(3)
        if how == 0 and not harm_catalog:
            path.unlink()
        elif how == 1:
            os.truncate(path, self.drawn.randint(0, size // 2))
        else:
            with path.open("r+b") as file:
                file.seek(self.drawn.randint(0, size // 2))
                file.write(self.drawn.randbytes(size // 4))
        ended = self.child(operation)
        said = self.said()
        if harm_catalog:
            # Never a traceback; then the last good copy, or all of it anew.
            if self.child(lambda: restore_index(self.folder)) != DONE:
                shutil.rmtree(self.folder)
            self.child(self.finish)
        self.told.write_text(said)
        return ended

    # -- checks -----------------------------------------------------------------------------------

    def state(self) -> State:
        if not Index.exists(self.folder):
            return {}
        read, write = os.pipe()

        def report() -> None:
            entries = self.open().entries()
            os.write(write, "".join(f"{e.id} {e.state.content_hash}\n" for e in entries).encode())

        if self.child(report) != DONE:
            raise AssertionError(f"the index does not open:\n{self.said()}")
        os.close(write)
        with os.fdopen(read) as lines:
            return dict(line.split() for line in lines)

    def wanted(self) -> State:
        return {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in self.files()
            if path.stat().st_size
        }

    def check(self, before: State, kind: str) -> None:
        """In a process of its own: fails unless the index is whole and says before or after."""
        if not Index.exists(self.folder):
            assert not before, "the index is gone"
            return
        problems = verify_index(self.folder)
        assert not problems, problems
        index = self.open()
        entries = index.entries()
        now = {entry.id: entry.state.content_hash for entry in entries}
        allowed = [before, {}, self.wanted()]
        if kind == "changing file":
            # One file may be there in its old form, in its new one, or not at all.
            differing = [{*now.items()} ^ {*state.items()} for state in allowed]
            assert min(len({name for name, _ in some}) for some in differing) <= 1, differing
        elif kind != "damage":
            assert now in allowed, (now, allowed)
        for entry in entries:
            document = index.document(entry.id)
            assert document is not None
            word = document.text.split(" du document")[0].rsplit(maxsplit=1)[-1]
            found = {hit.passage.document_id for hit in index.matching(word, 50)}
            assert found == {entry.id}, (word, found)
        assert len(index.nearest("volcans", 200)) == index.counts()[1]

    def finish(self) -> None:
        """In a process of its own: brings the index up to date, without a fault."""
        index = self.open() if Index.exists(self.folder) else self.make()
        index.update(self.documents, max_bytes=LIMIT)
        self.check(self.wanted(), "kill")
        now = {entry.id: entry.state.content_hash for entry in index.entries()}
        assert now == self.wanted()
        assert len([*(self.folder / "derived").iterdir()]) == 1
        left = {path.name for path in self.folder.iterdir()}
        known = {
            f"catalog.{of}{end}" for of in ("sqlite", "damaged") for end in ("", "-wal", "-shm")
        }
        assert left <= known | {"derived", "manifest.json", "last-good.sqlite"}, left

    # -- children ---------------------------------------------------------------------------------

    def child(
        self,
        action: Callable[[], object],
        before: Callable[[], None] = lambda: None,
        after: float | None = None,
    ) -> int:
        """Do it in a forked process, killed `after` so many seconds; its exit status."""
        process = os.fork()
        if process == 0:
            with self.told.open("w") as told:
                os.dup2(told.fileno(), 2)
            os._exit(run(action, before))
        if after is not None:
            time.sleep(after)
            os.kill(process, signal.SIGKILL)
        return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])

    def said(self) -> str:
        return self.told.read_text()


def warm() -> None:
    """Load once what each child would load again."""
    text = "Un texte qui est assez long pour être pris pour du français, et pas davantage."
    split(Document("a", text, "", "a", detect(text), None))
    translations("volcan", "fr")


def run(action: Callable[[], object], before: Callable[[], None]) -> int:
    try:
        before()
        action()
    except OpcitError as error:
        print(error, file=sys.stderr, flush=True)
        return REFUSED
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        return FAILED
    return DONE


# What touches the disk, and can be counted.
_STEPS = ("open", "os.", "sqlite3.", "shutil.", "pathlib.", "subprocess.")


def die_at(step: int) -> None:
    """Kill this process just before its so-many-th step that touches the disk."""
    left = [step]

    def count(event: str, _: object) -> None:
        if event.startswith(_STEPS):
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)


def act_at_open(path: Path, at: int, action: Callable[[], object]) -> None:
    """Do something to a file just before it is opened for the so-many-th time."""
    left = [at]

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        if event == "open" and arguments[0] == str(path):
            left[0] -= 1
            if left[0] == 0:
                action()

    sys.addaudithook(watch)


def give_up_power() -> None:
    """As root, obey permissions like anybody: let go of all capabilities."""
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    ctypes.CDLL(None).capset(header, (ctypes.c_uint32 * 6)())


def mounted(place: Path) -> bool:
    """Whether a small file system of its own could be put at `place`."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        return False
    command = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--faults", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--limit-files", action="store_true", help="no small file system")
    arguments = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="faults-"))
    faults = Faults(work, arguments.seed, small_disk=False)
    faults.small_disk = not arguments.limit_files and mounted(faults.disk)
    outcomes: Counter[str] = Counter()
    warm()
    try:
        for number in range(arguments.faults):
            begun = time.monotonic()
            outcome = faults.round()
            faults.seconds = min(faults.seconds, time.monotonic() - begun)
            outcomes[outcome] += 1
            if number % 10 == 9:
                print(f"{number + 1} faults", file=sys.stderr, flush=True)
    except AssertionError as error:
        print(f"fault {sum(outcomes.values()) + 1} of seed {arguments.seed}: {error}")
        return 1
    finally:
        if faults.small_disk:
            subprocess.run(["umount", "--lazy", faults.disk], check=False)
        shutil.rmtree(work, ignore_errors=True)
    for outcome, count in sorted(outcomes.items()):
        print(f"{count:4}  {outcome}")
    print(f"{sum(outcomes.values())} faults, on a {'small' if faults.small_disk else 'large'} disk")
    return 0


if __name__ == "__main__":
    sys.exit(main())
