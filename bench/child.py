"""One child process, what it cost, and what it said."""

import json
import os
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from index import OpcitError

# Nobody may fetch anything, and nobody reports its use.
_QUIET = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "ANONYMIZED_TELEMETRY": "False",
    "DO_NOT_TRACK": "1",
    "TOKENIZERS_PARALLELISM": "true",
}


@dataclass(frozen=True, slots=True)
class Cost:
    """Processor seconds (user and system, all threads and children), and the child's last word."""

    seconds: float
    said: dict[str, Any]


def run(command: Sequence[str | Path], **environment: str) -> Cost:
    """Run a command to its end; `said` is its last line of stdout, if that is a JSON object.

    Raises OpcitError with its last line of stderr if it fails.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = subprocess.Popen(
            list(map(str, command)),
            stdout=out,
            stderr=err,
            env={**os.environ, **_QUIET, **environment},
        )
        # Not `child.wait()`: only this call tells what the child used.
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            told = _lines(err) or [f"exit status {child.returncode}"]
            raise OpcitError(f"{command[1]} failed: {told[-1]}")
        return Cost(used.ru_utime + used.ru_stime, _object(_lines(out)))


def _lines(file: IO[bytes]) -> list[str]:
    file.seek(0)
    return file.read().decode(errors="replace").splitlines()


def _object(lines: list[str]) -> dict[str, Any]:
    try:
        said = json.loads(lines[-1]) if lines else {}
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
