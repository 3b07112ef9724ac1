"""What one session of the chat may see: the indexed documents, and those it added itself.

A session is a browser, known by a random cookie. Its name, under which its documents are kept, is
a hash of that cookie: it can stand in a link without letting anybody else in. Programs that keep
no cookie see only what is everybody's. Knows no page; every way to a document goes through here.
"""

import hashlib
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qa import (
    SHARED,
    Answer,
    Assistant,
    Document,
    Entry,
    Filter,
    Hit,
    OpcitError,
    Progress,
    Turn,
    UpdateReport,
    hidden_from,
    owner_of,
    shown_id,
)

_COOKIE = "opcit_session"
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")  # token_urlsafe of 32 bytes
_KEPT = 400 * 24 * 3600  # seconds: the longest that browsers keep a cookie


class HasCookies(Protocol):
    """A request as Starlette or Gradio has it."""

    @property
    def cookies(self) -> Mapping[str, str]: ...


class Libraries:
    """The library of each session over one assistant.

    With `shared`, what a session adds is for all.
    """

    def __init__(self, assistant: Assistant, *, shared: bool = False) -> None:
        self._assistant = assistant
        self._shared = shared

    def of(self, request: HasCookies) -> "Library":
        """The library of the session that asks."""
        if self._shared:
            return Library(self._assistant, SHARED)
        owner = _session(dict(request.cookies))
        if owner is not None:
            self._assistant.use_uploads(owner)
        return Library(self._assistant, owner)


class Library:
    """An assistant as one session sees it. What belongs to another session is not there.

    Without an `owner`, who keeps no cookie, there is only what is everybody's, and nothing can be
    added or removed.
    """

    def __init__(self, assistant: Assistant, owner: str | None) -> None:
        self._assistant = assistant
        self._owner = owner

    def ask(
        self, question: str, among: Filter | None = None, history: Sequence[Turn] = ()
    ) -> Answer:
        """As `Assistant.ask`, among what this session may see."""
        return self._assistant.ask(question, self._visible(among), history)

    def search(self, question: str, k: int = 10, among: Filter | None = None) -> list[Hit]:
        """As `Assistant.search`, among what this session may see."""
        return self._assistant.search(question, k, self._visible(among))

    def documents(self) -> list[Entry]:
        """Every document that this session may see, by id."""
        return [entry for entry in self._assistant.documents() if self._sees(entry.id)]

    def document(self, document_id: str) -> Document | None:
        """A document as it was indexed; None also if it is another session's."""
        return self._assistant.document(document_id) if self._sees(document_id) else None

    def source_changed(self, document_id: str) -> bool:
        """As `Assistant.source_changed`."""
        return self._assistant.source_changed(document_id)

    def add_files(self, paths: list[Path], progress: Progress | None = None) -> UpdateReport:
        """As `Assistant.add_files`, for this session or, in a shared library, for all."""
        if self._owner is None:
            raise OpcitError("Without cookies nothing can be added here; allow them for this page.")
        return self._assistant.add_files(paths, progress, owner=self._owner)

    @property
    def kept_days(self) -> float | None:
        """How long what is added here stays without a visit; None: until somebody removes it."""
        return None if self._owner == SHARED else self._assistant.kept_days

    def may_remove(self, entry: Entry) -> bool:
        """Whether a document was added in this session or, in a shared library, by anybody."""
        return self._owns(entry.id) and self._assistant.is_upload(entry)

    def remove(self, document_id: str) -> UpdateReport:
        """As `Assistant.remove_upload`, for what this session may remove."""
        if not self._owns(document_id):
            raise OpcitError(f"{shown_id(document_id)} was not added here and cannot be removed.")
        return self._assistant.remove_upload(document_id)

    def rate(self, answer: Answer, *, good: bool) -> None:
        """As `Assistant.rate`."""
        self._assistant.rate(answer, good=good)

    def _owns(self, document_id: str) -> bool:
        return (owner_of(document_id) or SHARED) == self._owner

    def _sees(self, document_id: str) -> bool:
        return owner_of(document_id) in (None, self._owner)

    def _visible(self, among: Filter | None) -> Filter:
        """The filter without what other sessions added."""
        return replace(among or Filter(), hidden=hidden_from(self._owner))


class SessionCookie:
    """Gives a browser that opens a page its cookie, and keeps one that it has alive."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET" or not _is_page(scope["path"]):
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        secret = request.cookies.get(_COOKIE, "")
        if not _SECRET.fullmatch(secret):
            secret = secrets.token_urlsafe(32)

        async def send_with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start":
                cookie = _cookie(secret, secure=request.url.scheme == "https")
                MutableHeaders(scope=message).append("Set-Cookie", cookie)
            await send(message)

        await self._app(scope, receive, send_with_cookie)


def _is_page(path: str) -> bool:
    return path == "/" or path.startswith("/source/")


def _session(cookies: Mapping[str, str]) -> str | None:
    secret = cookies.get(_COOKIE, "")
    if not _SECRET.fullmatch(secret):
        return None
    return f"session-{hashlib.sha256(secret.encode()).hexdigest()[:32]}"


def _cookie(secret: str, *, secure: bool) -> str:
    rest = f"Max-Age={_KEPT}; Path=/; HttpOnly; SameSite=Lax"
    return f"{_COOKIE}={secret}; {rest}; Secure" if secure else f"{_COOKIE}={secret}; {rest}"
