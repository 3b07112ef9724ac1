"""Serves the page, the lasting links and the interface for programs from one port.

Says where it listens as soon as it does, loads what the first question needs behind it, and once a
day clears what sessions added and no longer use. Knows neither the page's layout nor how questions
are answered.
"""

import errno
import importlib.util
import logging
import socket
import sys
import threading
import time
import webbrowser
from datetime import UTC, datetime
from typing import Any

import gradio as gr
import uvicorn
from fastapi import FastAPI

from qa import Assistant, Config, OpcitError, text

from .api import PlainCalls
from .failures import Failures, tell_refused_paths, without_traceback
from .permalinks import source_route
from .security import guard
from .sessions import Libraries, SessionCookie

_LOG = logging.getLogger("opcit")
_DAY = 24 * 3600
_GOODBYE = 1  # seconds for open connections: a page keeps one for as long as it is open


def serve_blocks(
    blocks: gr.Blocks,
    assistant: Assistant,
    config: Config,
    *,
    open_browser: bool,
    **page: Any,
) -> None:
    """Serve a page over an assistant until Ctrl-C.

    `page` goes to Gradio (`theme`, `head`). Raises OpcitError if the port is taken, or other
    machines could reach the chat and nobody said who may.
    """
    app = FastAPI(openapi_url=None)
    guarded = guard(Failures(SessionCookie(PlainCalls(app))), config)
    libraries = Libraries(assistant, shared=config.shared_library)
    app.router.routes.append(source_route(libraries))
    _mount(app, blocks, config, page)
    listening = _listen(config)
    url = _url(config)

    def announce() -> None:
        print(text("listening", "en", url=url), file=sys.stderr, flush=True)
        threading.Thread(target=_behind, args=(assistant,), daemon=True).start()
        if open_browser:
            webbrowser.open(url)

    settings = uvicorn.Config(
        guarded, log_level="warning", ws="none", timeout_graceful_shutdown=_GOODBYE
    )
    logging.getLogger("uvicorn.error").addFilter(without_traceback)
    _Server(settings, announce).run(sockets=[listening])


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, announce: Any) -> None:
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._announce()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Pages that are open are cut off, and uvicorn would show a traceback for each.
        logging.getLogger("uvicorn.error").disabled = True
        # At once: after a last word of Gradio's they would never ask again.
        for connection in list(self.server_state.connections):
            if (transport := getattr(connection, "transport", None)) is not None:
                transport.abort()
        await super().shutdown(sockets)


def _mount(app: FastAPI, blocks: gr.Blocks, config: Config, page: dict[str, Any]) -> None:
    if config.mcp and importlib.util.find_spec("mcp") is None:
        raise OpcitError("--mcp needs more packages; run `pip install -e '.[mcp]'` in the clone.")
    gr.mount_gradio_app(
        app,
        blocks,
        path="/",
        server_name=config.host,
        server_port=config.port,
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        ssr_mode=False,
        show_error=False,
        max_file_size=config.max_file_bytes,
        mcp_server=config.mcp,
        **page,
    )
    # `launch` would say so. Until then Gradio takes whatever path a call names for an upload.
    blocks.has_launched = True
    tell_refused_paths()


def _listen(config: Config) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(
            config.host, config.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(address[:2], family=family)
    except (OSError, ValueError) as error:
        if getattr(error, "errno", None) == errno.EADDRINUSE:
            raise OpcitError(
                f"Port {config.port} of {config.host} is taken by another program; choose another"
                " with --port."
            ) from error
        # A ValueError is about the form of a name that nothing could have.
        reason = error.strerror if isinstance(error, OSError) else "no possible name"
        raise OpcitError(
            f"The chat cannot listen on {config.host}, port {config.port} ({reason});"
            " choose others with --host and --port."
        ) from error


def _url(config: Config) -> str:
    host = f"[{config.host}]" if ":" in config.host else config.host
    return f"http://{host}:{config.port}"


def _behind(assistant: Assistant) -> None:
    """What is done while people may already ask."""
    try:
        assistant.warm()
    except OpcitError as error:
        _LOG.warning("%s", error)  # the first question will say it again
    while True:
        try:
            cleared = assistant.clear_uploads(datetime.now(UTC))
        except OpcitError as error:
            _LOG.warning("%s", error)
        else:
            if cleared:
                print(text("cleared", "en", count=len(cleared)), file=sys.stderr, flush=True)
        time.sleep(_DAY)
