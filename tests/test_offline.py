"""Offline by default: index, ask and open the page with every way out of the machine closed."""

import os
import subprocess
import sys
from pathlib import Path

from conftest import ROOT, SAMPLES, free_port

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

# The server calls for a browser as soon as it listens; this one asks the page, an answer, a link.
WAY = """
import json, threading, urllib.request, webbrowser
from qa import Assistant, build_index, read_config
question = "Who is Kazakhstan's new foreign minister?"
build_index(sys.argv[1], sys.argv[2])
print(Assistant.open(sys.argv[2]).ask(question).text)

def visit(url):
    try:
        print(urllib.request.urlopen(url).status)
        asked = urllib.request.Request(
            url + "/gradio_api/run/ask",
            json.dumps({"data": [question]}).encode(),
            {"Content-Type": "application/json"},
        )
        answer = json.load(urllib.request.urlopen(asked))["data"][0]
        print(urllib.request.urlopen(answer["citations"][0]["link"]).status, flush=True)
        os._exit(0)
    except BaseException as error:
        os.write(2, repr(error).encode())
        os._exit(1)

webbrowser.open = lambda url: threading.Thread(target=visit, args=[url]).start()
from app import serve
serve(read_config(index=sys.argv[2], port=int(sys.argv[3])))
"""


def run(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", CLOSED + code, *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
        timeout=900,
    )


def test_the_whole_way_leaves_the_machine_alone(tmp_path: Path) -> None:
    done = run(WAY, SAMPLES, tmp_path / "index", free_port())
    told = ["Mukhtar Tileuberdi", "200", "200"]
    assert (done.returncode, done.stdout.splitlines()) == (0, told), done.stderr


def test_the_closed_door_is_closed() -> None:
    leak = "import urllib.request; urllib.request.urlopen('http://192.0.2.1', timeout=1)"
    done = run(leak)
    assert (done.returncode, "LEAK" in done.stderr) == (99, True)
