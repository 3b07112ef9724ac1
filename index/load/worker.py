"""The formats that a library parses, parsed in a process of their own that can be stopped.

A hostile PDF, page or Word document can keep a parser busy for hours, fill the memory or crash it.
Here it takes its own process with it, the file is left out with a sentence, and a new process reads
the next one. The process is started for the first such file and kept for the others.

To the process: a line of JSON (ending, name, size limit, number of bytes), then the bytes. From it:
a line of JSON. Nothing in that is code, whatever became of the process.
"""

import json
import os
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import asdict
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from ..errors import LoadError
from .formats import parse
from .parsed import Parsed

# What a file may cost: seconds of processor time, and bytes of memory beside the libraries.
SECONDS = 30
MEMORY = 1_000_000_000
# A parser that waits and does not work is stopped by the clock, which a busy machine slows down.
_WAIT_FACTOR = 10
# Quick to parse, and no library is involved.
_PARSED_HERE = frozenset({".txt", ".md"})
# The parsers need neither FAISS nor tantivy, which `import index` would load: the
# package is there by its folder only.
_START = (
    "import sys, types; index = types.ModuleType('index'); index.__path__ = [sys.argv[1]];"
    " sys.modules['index'] = index; from index.load.worker import serve; serve(*sys.argv[2:])"
)


class Worker:
    """Parses like `formats.parse`, within limits; close it, or use it in a `with` statement.

    `seconds` of processor time and `memory` bytes are what one file may cost.
    """

    def __init__(self, seconds: int = SECONDS, memory: int = MEMORY) -> None:
        self._seconds = seconds
        self._memory = memory
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Worker":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> Literal[False]:
        self.close()
        return False

    def close(self) -> None:
        """Stop the process, if there is one."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                with suppress(OSError):  # what was not written yet
                    pipe and pipe.close()

    def parse(self, suffix: str, data: bytes, name: str, max_bytes: int) -> Parsed:
        """What the bytes of a file with this ending hold.

        Raises LoadError, also if the parser took too long or too much memory, or crashed.
        """
        if suffix in _PARSED_HERE:
            return parse(suffix, data, name, max_bytes)
        try:
            reply = self._ask([suffix, name, max_bytes, len(data)], data)
        except (OSError, ValueError):  # it died over this file, or could not be started
            reply = {}
        if not reply:
            self.close()
            raise LoadError(
                f"{name}: reading it takes too much time or memory; "
                "save it again in a simpler form, or as text."
            )
        if "refused" in reply:
            raise LoadError(reply["refused"])
        days = {key: reply[key] and date.fromisoformat(reply[key]) for key in ("stated", "stored")}
        return Parsed(reply["text"], reply["title"], **days, page_starts=tuple(reply["pages"]))

    def _ask(self, head: list[object], data: bytes) -> dict[str, Any]:
        """The reply. Raises OSError or ValueError if there was none in time."""
        if self._process is None or self._process.poll() is not None:
            self.close()  # it may have died since, of what is no file's fault
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-P",  # a file of the working directory is no module
                    "-c",
                    _START,
                    str(Path(__file__).parents[1]),
                    str(self._seconds),
                    str(self._memory),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        process = self._process
        assert process.stdin and process.stdout
        # A process that never reads would hold up the writing; killing it ends that.
        late = threading.Timer(self._seconds * _WAIT_FACTOR, process.kill)
        late.daemon = True
        late.start()
        try:
            process.stdin.write(json.dumps(head).encode() + b"\n")
            process.stdin.write(data)
            process.stdin.flush()
            line = process.stdout.readline()
        finally:
            late.cancel()
        reply: dict[str, Any] = json.loads(line)
        return reply


def serve(seconds: str, memory: str) -> None:
    """Parse what comes in until nothing does; this is all that the process does."""
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no reply
    requests = sys.stdin.buffer
    _limit_memory(int(memory))
    while line := requests.readline():
        suffix, name, max_bytes, size = json.loads(line)
        data = requests.read(size)
        _limit_time(int(seconds))
        _forget_memory_used()
        reply = _reply(suffix, data, name, max_bytes)
        if "refused" in reply and _most_memory_used() > int(memory) // 2:
            reply = {}  # parsers do not always know that memory was what they lacked
        replies.write(json.dumps(reply).encode() + b"\n")
        replies.flush()


def _reply(suffix: str, data: bytes, name: str, max_bytes: int) -> dict[str, Any]:
    try:
        found = asdict(parse(suffix, data, name, max_bytes))
    except LoadError as error:
        return {} if isinstance(error.__cause__, MemoryError) else {"refused": str(error)}
    except MemoryError:
        return {}
    pages = found.pop("page_starts")
    days = {key: found[key] and found[key].isoformat() for key in ("stated", "stored")}
    return {**found, **days, "pages": pages}


def _limit_memory(most: int) -> None:
    with suppress(ImportError, ValueError):  # Windows, and where less is allowed anyway
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def _most_memory_used() -> int:
    with suppress(OSError):  # only Linux tells
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


def _forget_memory_used() -> None:
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _limit_time(seconds: int) -> None:
    """End this process when it has worked for so long from now on."""
    with suppress(ImportError, ValueError):
        import resource

        spent = resource.getrusage(resource.RUSAGE_SELF)
        end = int(spent.ru_utime + spent.ru_stime) + seconds + 1
        resource.setrlimit(resource.RLIMIT_CPU, (end, resource.RLIM_INFINITY))
