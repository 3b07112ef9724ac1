"""Ends a request at which the server behind it fails: with a sentence, without a traceback.

Gradio fails where a program calls the endpoints behind its page wrongly: where a value is missing,
an event is asked for that never was, or a file is named that nobody uploaded.
"""

import logging
from pathlib import Path
from typing import Any

import gradio as gr
from gradio import processing_utils
from gradio.exceptions import InvalidPathError
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LOG = logging.getLogger(__name__)
# What a call raises that is not of the form that Gradio takes for granted.
_MALFORMED = (AttributeError, LookupError, TypeError, ValueError)
_CALLS = "/gradio_api/"


class Failures:
    """Around what answers, within what guards it.

    A reply that has begun is broken off, so that nobody takes it for whole: the error goes on to
    the server, which `without_traceback` keeps from printing it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = failing = malformed = False

        async def send_unless_failing(message: Message) -> None:
            nonlocal begun, failing
            if message["type"] == "http.response.start":
                # What Starlette says before it passes an error on; what Gradio says has a reason.
                failing = message["status"] == 500 and not _is_json(message)
                begun = not failing
            if not failing:
                await send(message)

        try:
            await self._app(scope, receive, send_unless_failing)
        except ClientDisconnect:
            return
        except Exception as error:
            name = type(error).__name__
            _LOG.warning("%s %r failed: %s", scope["method"], scope["path"], name)
            _LOG.debug("", exc_info=True)
            if begun:
                raise
            failing = True
            malformed = isinstance(error, _MALFORMED) and scope["path"].startswith(_CALLS)
        if failing:
            told = "This request is not of the form expected." if malformed else "It failed here."
            await JSONResponse({"error": told}, 422 if malformed else 500)(scope, receive, send)


def tell_refused_paths() -> None:
    """Let Gradio refuse a call that names a path of the server's by a sentence, not a traceback."""
    check = processing_utils._check_allowed

    def check_and_tell(path: str | Path, check_in_upload_folder: bool) -> Any:
        try:
            return check(path, check_in_upload_folder)
        except InvalidPathError as error:
            raise gr.Error("No such file was uploaded.", print_exception=False) from error

    processing_utils._check_allowed = check_and_tell


def without_traceback(record: logging.LogRecord) -> bool:
    """A filter for the server's own log: what failed has been told by then."""
    return record.exc_info is None


def _is_json(start: Message) -> bool:
    return any(
        name == b"content-type" and value.startswith(b"application/json")
        for name, value in start.get("headers", ())
    )
