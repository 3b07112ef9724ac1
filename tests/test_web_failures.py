"""Whatever happens in the server, a request ends in a sentence."""

import logging
import threading
from collections.abc import Iterator

import httpx
import pytest
import uvicorn
from conftest import free_port
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from web.failures import Failures, without_traceback


def full(_: Request) -> PlainTextResponse:
    raise OSError("No space left on device")


def malformed(_: Request) -> PlainTextResponse:
    raise KeyError("data")


def refused(_: Request) -> JSONResponse:
    return JSONResponse({"error": "A reason."}, 500)


def lines() -> Iterator[str]:
    yield "one\n"
    raise OSError


def broken_off(_: Request) -> StreamingResponse:
    return StreamingResponse(lines())


def cut_short(_: Request) -> StreamingResponse:
    return StreamingResponse(lines(), headers={"Content-Length": "8"})


VIEWS = (full, malformed, refused, broken_off, cut_short)
APP = Failures(Starlette(routes=[Route(f"/gradio_api/{view.__name__}", view) for view in VIEWS]))


@pytest.fixture
def client() -> TestClient:
    return TestClient(APP)


@pytest.mark.parametrize(
    ("path", "status", "told"),
    [
        ("full", 500, "It failed here."),
        ("malformed", 422, "This request is not of the form expected."),
        ("refused", 500, "A reason."),
    ],
)
def test_a_failure_is_a_sentence(client: TestClient, path: str, status: int, told: str) -> None:
    reply = client.get(f"/gradio_api/{path}")
    assert (reply.status_code, reply.json()) == (status, {"error": told})


def test_a_defect_of_our_own_is_not_the_caller_s_fault() -> None:
    async def broken(*_: object) -> None:
        raise KeyError

    reply = TestClient(Failures(broken)).get("/source/a.txt")
    assert (reply.status_code, reply.json()) == (500, {"error": "It failed here."})


@pytest.mark.parametrize("path", ["broken_off", "cut_short"])
def test_a_reply_that_has_begun_is_broken_off(path: str, caplog: pytest.LogCaptureFixture) -> None:
    server = uvicorn.Server(uvicorn.Config(APP, port=free_port(), log_config=None))
    logger = logging.getLogger("uvicorn.error")
    logger.addFilter(without_traceback)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.get(f"http://127.0.0.1:{server.config.port}/gradio_api/{path}", timeout=60)
    finally:
        server.should_exit = True
        thread.join()
        logger.removeFilter(without_traceback)
    assert f"'/gradio_api/{path}' failed: OSError" in caplog.text
    assert "Traceback" not in caplog.text
