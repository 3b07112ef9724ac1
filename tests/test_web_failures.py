"""Whatever happens in the server, a request ends in a sentence."""

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from web.failures import Failures


def full(_: Request) -> PlainTextResponse:
    raise OSError("No space left on device")


def malformed(_: Request) -> PlainTextResponse:
    raise KeyError("data")


def refused(_: Request) -> JSONResponse:
    return JSONResponse({"error": "A reason."}, 500)


def broken_off(_: Request) -> StreamingResponse:
    def lines() -> object:
        yield "one\n"
        raise OSError

    return StreamingResponse(lines())  # type: ignore[arg-type]


@pytest.fixture
def client() -> TestClient:
    views = (full, malformed, refused, broken_off)
    app = Starlette(routes=[Route(f"/{view.__name__}", view) for view in views])
    return TestClient(Failures(app))


@pytest.mark.parametrize(
    ("path", "status", "told"),
    [
        ("full", 500, "It failed here."),
        ("malformed", 422, "This request is not of the form expected."),
        ("refused", 500, "A reason."),
    ],
)
def test_a_failure_is_a_sentence(client: TestClient, path: str, status: int, told: str) -> None:
    reply = client.get(f"/{path}")
    assert (reply.status_code, reply.json()) == (status, {"error": told})


def test_a_reply_that_has_begun_ends(client: TestClient) -> None:
    assert client.get("/broken_off").text == "one\n"
