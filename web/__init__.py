"""The server of the chat: who may reach it, what a session may see, and what it offers beside the
page: lasting links, and an interface for programs. Knows nothing of the page's layout."""

from .api import add_endpoints
from .server import serve_blocks
from .sessions import Libraries, Library

__all__ = ["Libraries", "Library", "add_endpoints", "serve_blocks"]
