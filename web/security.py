"""Who may reach the server, checked before anything else looks at a request.

    host      a name under which the chat is served; a page of another site that had its own name
              point to this machine (DNS rebinding) comes with that name
    origin    the page that sends the request is our own; another site's cannot use a person's
              browser to ask, add or read
    login     HTTP Basic (RFC 7617), for page, links, JSON and MCP alike, if there is a password;
              who guesses wrong again and again has to wait

Every response carries the policy that keeps documents from calling other machines. Knows no
session and no document.
"""

import base64
import hashlib
import hmac
import ipaddress
import os
import secrets
import socket
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import anyio
from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qa import Config, ConfigError, OpcitError, PasswordHash, read_password_file, text

from .attempts import Attempts
from .language import spoken

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_COOKIE = "opcit_login"
# Nothing a document holds may call another machine, whatever slips through: no picture, no font,
# no frame, no connection but to this server. Nor may another site show the page in a frame.
_POLICY = (
    "img-src 'self' data: blob:; font-src 'self' data:; media-src 'self' blob:;"
    " connect-src 'self'; frame-src 'none'; object-src 'none'; form-action 'self';"
    " frame-ancestors 'none'; base-uri 'self'"
)


class Names:
    """The names under which the chat is served.

    On this machine's own address those are few. Elsewhere every numeric address is one: a site
    that wants to deceive a browser needs a name.
    """

    def __init__(self, config: Config) -> None:
        named = {config.host, *config.host_names}
        self._any_address = config.host not in _LOOPBACK
        if self._any_address:
            named.add(socket.gethostname())
        self._names = _LOOPBACK | {name.lower() for name in named}

    def __contains__(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        return name in self._names or (self._any_address and _is_address(name))


class Login:
    """The one user and the password's hash."""

    def __init__(
        self, user: str, password: PasswordHash, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._user = user
        self._password = password
        self._attempts = Attempts(clock)
        self._key = secrets.token_bytes(32)
        self._pass = secrets.token_urlsafe(32)
        self._proved: bytes | None = None
        self._one_at_a_time = anyio.Lock()  # a guess costs 16 MiB and 50 ms

    def wait(self, address: str) -> int:
        """Seconds before somebody at this address may try again."""
        return self._attempts.wait(address)

    def knows(self, headers: Headers) -> bool:
        """Whether a browser shows the cookie of one that was let in before."""
        shown = cookie_parser(headers.get("cookie", "")).get(_COOKIE, "")
        return hmac.compare_digest(shown.encode(), self._pass.encode())

    def cookie(self, *, secure: bool) -> str:
        """What a browser gets that was let in."""
        return f"{_COOKIE}={self._pass}; Path=/; HttpOnly; SameSite=Lax" + "; Secure" * secure

    async def admits(self, headers: Headers, address: str) -> bool:
        """Whether the `Authorization` header holds the user and the password.

        While the address has to wait, only those are let in there who were in before: whoever
        else sends the right password may have guessed it.
        """
        if self.wait(address) and not self.knows(headers):
            return False
        authorization = headers.get("authorization", "")
        mark = hmac.digest(self._key, authorization.encode(), "sha256")
        # A page makes dozens of requests; scrypt is for the first.
        if self._proved is not None and hmac.compare_digest(mark, self._proved):
            return True
        given = _basic(authorization)
        if given is None:
            return False
        async with self._one_at_a_time:
            if self.wait(address):
                return False
            right = await anyio.to_thread.run_sync(self._password.matches, given[1])
            if not right or not hmac.compare_digest(_digest(given[0]), _digest(self._user)):
                self._attempts.failed(address, mark)
                return False
        self._attempts.succeeded(address)
        self._proved = mark
        return True


class Guard:
    """Lets through who may; the others get a sentence and the status that says why."""

    def __init__(self, app: ASGIApp, names: Names, login: Login | None) -> None:
        self._app = app
        self._names = names
        self._login = login

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return

        asked = Headers(scope=scope)
        address = (scope.get("client") or ("",))[0]
        refusal = await self._refusal(asked, QueryParams(scope["query_string"]), address)

        async def send_with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if self._login and refusal is None and not self._login.knows(asked):
                    secure = scope.get("scheme") == "https"
                    headers.append("Set-Cookie", self._login.cookie(secure=secure))
                headers["Content-Security-Policy"] = _POLICY
                headers["Referrer-Policy"] = "no-referrer"
                headers["X-Content-Type-Options"] = "nosniff"
            await send(message)

        await (refusal or self._app)(scope, receive, send_with_policy)

    async def _refusal(self, headers: Headers, query: QueryParams, address: str) -> Response | None:
        language = spoken(query, headers)
        host = headers.get("host", "")
        if host not in self._names:
            return PlainTextResponse(text("foreign_host", language, host=host), 421)
        origin = headers.get("origin")
        if origin is not None and _authority(origin) != host.lower():
            return PlainTextResponse(text("foreign_origin", language, origin=origin), 403)
        login = self._login
        if login and not await login.admits(headers, address):
            if seconds := login.wait(address):
                told = text("login_wait", language, seconds=seconds)
                return PlainTextResponse(told, 429, {"Retry-After": str(seconds)})
            challenge = {"WWW-Authenticate": 'Basic realm="Opcit", charset="UTF-8"'}
            return PlainTextResponse(text("login_needed", language), 401, challenge)
        return None


def guard(app: ASGIApp, config: Config, clock: Callable[[], float] = time.monotonic) -> Guard:
    """The guard that the settings ask for; `clock` measures how long a wrong guess has to wait.

    Raises ConfigError or OpcitError if other machines could reach the chat and nobody said who
    may, or if the password cannot be read.
    """
    if config.host not in _LOOPBACK and config.auth is None and not config.no_auth:
        raise OpcitError(
            f"On {config.host} other machines can reach the chat; name who may use it with --auth"
            " USER:PASSWORD_FILE, or say --no-auth."
        )
    if config.auth is None:
        return Guard(app, Names(config), None)
    if config.no_auth:
        raise ConfigError("--auth and --no-auth contradict each other; choose one.")
    user, _, file = config.auth.partition(":")
    if not user or not file:
        raise ConfigError(f"--auth takes USER:PASSWORD_FILE, not {config.auth!r}.")
    password = read_password_file(Path(os.path.expanduser(file)))  # noqa: PTH111 - as in qa/config.py
    return Guard(app, Names(config), Login(user, password, clock))


def _authority(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _basic(authorization: str) -> tuple[str, str] | None:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        return None
    return (user, password) if colon else None


def _digest(words: str) -> bytes:
    return hashlib.sha256(words.encode()).digest()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
