"""Whatever a program sends to `/ask` and `/search`: a reply, never a traceback, never silence.

FUZZ_EXAMPLES=2000 makes a long run of it.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from conftest import ROOT, free_port
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "40"))
SECONDS = 300  # for a machine with much else to do


@dataclass
class Server:
    """A real server and what it says."""

    address: str
    said: list[str] = field(default_factory=list)

    def post(self, path: str, body: bytes, kind: str = "application/json") -> httpx.Response:
        headers = {"Content-Type": kind}
        return httpx.post(self.address + path, content=body, headers=headers, timeout=SECONDS)


@pytest.fixture(scope="module")
def server(sample_index: Path) -> Iterator[Server]:
    port = free_port()
    with subprocess.Popen(
        [
            sys.executable,
            "-m",
            "opcit",
            "chat",
            "--no-browser",
            f"--port={port}",
            f"--index={sample_index}",
        ],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        server = Server(f"http://127.0.0.1:{port}")
        listening = threading.Event()

        def listen() -> None:
            assert process.stderr is not None
            for line in process.stderr:
                server.said.append(line)
                if f":{port} (" in line:
                    listening.set()
            listening.set()

        thread = threading.Thread(target=listen)
        thread.start()
        listening.wait()
        assert process.poll() is None, server.said
        yield server
        process.terminate()
        thread.join()


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=200)
    | st.sampled_from(["", " ", "é" * 5_000, "\0", "\ud800", "/etc/passwd", "{{7*7}}", "<script>"]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)
FIELDS = ("data", "fn_index", "session_hash", "event_id", "trigger_id", "event_data", "request")
bodies = st.one_of(
    st.fixed_dictionaries({"data": st.lists(values, max_size=3)}),
    st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, values)),
    values,
)


def check(server: Server, reply: httpx.Response) -> None:
    assert "Traceback" not in reply.text
    assert str(ROOT) not in reply.text
    if reply.status_code >= 500:
        # How Gradio says what a function refuses.
        assert reply.status_code == 500
        assert set(reply.json()) >= {"error"}, reply.text
    said, server.said[:] = "".join(server.said), []
    assert "Traceback" not in said, said


@pytest.mark.parametrize("name", ["ask", "search"])
@settings(
    deadline=None,
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(body=bodies)
@example(body={"data": [["Qui ?"]]})
@example(body={"data": ["Qui ?", 10**400]})
@example(body={"data": ["\ud800"]})
@example(body={"data": {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}})
@example(body={"data": [{"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}]})
def test_any_json_gets_a_reply(server: Server, name: str, body: object) -> None:
    check(server, server.post(f"/gradio_api/run/{name}", json.dumps(body).encode()))


@settings(deadline=None, max_examples=EXAMPLES)
@given(body=st.binary(max_size=200), kind=st.sampled_from(["application/json", "text/plain", ""]))
@example(body=b"[" * 100_000, kind="application/json")
@example(body=b'{"data": ["' + b"a" * 5_000_000 + b'"]}', kind="application/json")
def test_any_bytes_get_a_reply(server: Server, body: bytes, kind: str) -> None:
    check(server, server.post("/gradio_api/run/ask", body, kind))


@pytest.mark.parametrize(
    ("path", "body", "kind"),
    [
        ("call/v2/ask", b"{}", "application/json"),
        (
            "upload",
            b'--x\r\nContent-Disposition: form-data; name="files"\r\n\r\n{}\r\n--x--\r\n',
            "multipart/form-data; boundary=x",
        ),
    ],
)
def test_what_gradio_fails_at_is_refused_with_a_sentence(
    server: Server, path: str, body: bytes, kind: str
) -> None:
    reply = server.post(f"/gradio_api/{path}", body, kind)
    check(server, reply)
    assert reply.status_code == 422
    assert "form" in reply.json()["error"]


@pytest.mark.parametrize("event", ["0", "__main__", "%F0%AB%80%B5*"])
def test_an_event_that_never_was_is_broken_off(server: Server, event: str) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(f"{server.address}/gradio_api/call/ask/{event}", timeout=SECONDS)
    assert "Traceback" not in "".join(server.said)


def test_it_still_answers(server: Server) -> None:
    body = json.dumps({"data": ["How many doses a year can the Serum Institute make?"]}).encode()
    reply = server.post("/gradio_api/run/ask", body)
    assert reply.json()["data"][0]["text"] == "100 million doses"
