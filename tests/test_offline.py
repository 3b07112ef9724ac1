"""Offline by default: index, ask and open the page with every way out of the machine closed."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

# Any connection but to this machine, and any look-up of another machine's name, ends the process.
CLOSED = """
import os, socket, sys

def close(event, arguments):
    if event == "socket.connect":
        address = arguments[1]
        if isinstance(address, tuple) and address[0] not in ("127.0.0.1", "::1", "localhost"):
            os.write(2, f"LEAK connect {address}\\n".encode()); os._exit(99)
    if event == "socket.getaddrinfo" and arguments[0] not in (
        None, "127.0.0.1", "::1", "localhost", b"127.0.0.1", b"localhost", "0.0.0.0"
    ):
        os.write(2, f"LEAK lookup {arguments[0]}\\n".encode()); os._exit(99)

sys.addaudithook(close)
"""

WAY = """
import urllib.request
from qa import Assistant, build_index
build_index(sys.argv[1], sys.argv[2])
answer = Assistant.open(sys.argv[2]).ask("Who is Kazakhstan's new foreign minister?")
print(answer.text)
from app import build_app
_, url, _ = build_app(Assistant.open(sys.argv[2])).launch(
    server_name="127.0.0.1", prevent_thread_lock=True, quiet=True, ssr_mode=False)
print(urllib.request.urlopen(url).status)
os._exit(0)
"""


def run(code: str, *arguments: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", CLOSED + code, *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
        timeout=300,
    )


def test_the_whole_way_leaves_the_machine_alone(tmp_path: Path) -> None:
    done = run(WAY, ROOT / "samples/documents", tmp_path / "index")
    assert (done.returncode, done.stdout.split("\n")[:2]) == (0, ["Mukhtar Tileuberdi", "200"]), (
        done.stderr
    )


def test_the_closed_door_is_closed() -> None:
    leak = "import urllib.request; urllib.request.urlopen('http://192.0.2.1', timeout=1)"
    done = run(leak)
    assert (done.returncode, "LEAK" in done.stderr) == (99, True)
