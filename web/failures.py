"""Ends a request at which the server behind it fails: with a sentence, without a traceback.

Gradio fails where a program calls the endpoints behind its page wrongly: where a value is missing,
or an event is asked for that never was.
"""

import logging
from contextlib import suppress

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LOG = logging.getLogger(__name__)
# What a request raises that is not of the form that Gradio takes for granted.
_MALFORMED = (AttributeError, LookupError, TypeError, ValueError)


class Failures:
    """Around the whole server."""

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
        except Exception as error:
            _LOG.warning("%s %s failed: %s", scope["method"], scope["path"], type(error).__name__)
            if begun:
                with suppress(Exception):  # nobody may be listening any more
                    await send({"type": "http.response.body", "body": b""})
                return
            failing, malformed = True, isinstance(error, _MALFORMED)
        if failing:
            told = "This request is not of the form expected." if malformed else "It failed here."
            await JSONResponse({"error": told}, 422 if malformed else 500)(scope, receive, send)


def _is_json(start: Message) -> bool:
    return any(
        name == b"content-type" and value.startswith(b"application/json")
        for name, value in start["headers"]
    )
