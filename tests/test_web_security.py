"""Who reaches the chat: names, origins, passwords, addresses; and the password file."""

import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import ROOT, free_port, running
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from qa import Config, ConfigError, OpcitError, read_password_file
from qa.passwords import write_password_file
from web.security import Names, guard

http = httpx.Client(timeout=300)  # a busy machine is no failure
ASK = {"data": ["Qui est le nouveau ministre des Affaires étrangères du Kazakhstan ?"]}


@pytest.fixture(scope="module", autouse=True)
def connections() -> Iterator[None]:
    yield
    http.close()


PATHS = [
    ("GET", "/"),
    ("GET", "/config"),
    ("GET", "/source/2023-10-03-r21-malaria-vaccine.txt"),
    ("GET", "/gradio_api/info"),
    ("POST", "/gradio_api/run/ask"),
    ("POST", "/gradio_api/queue/join"),
    ("POST", "/gradio_api/upload"),
    ("POST", "/gradio_api/mcp/"),
]


@pytest.fixture(scope="module")
def locked(sample_index: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with the user `anna` and a password, which takes files of 10 kB at most."""
    file = tmp_path_factory.mktemp("login") / "password"
    write_password_file(file, "épervier: de mer")
    with running(sample_index, auth=f"anna:{file}", mcp=True, max_file_mb=0.01) as address:
        yield address


# -- names and origins ---------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "path"), PATHS)
def test_another_name_is_refused_everywhere(chat_address: str, method: str, path: str) -> None:
    reply = http.request(method, chat_address + path, headers={"Host": "evil.example"}, json=ASK)

    assert reply.status_code == 421
    assert "evil.example" in reply.text


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "[::1]", "LOCALHOST"])
def test_this_machines_own_names_are_served(chat_address: str, name: str) -> None:
    port = chat_address.rsplit(":", 1)[1]
    reply = http.get(chat_address + "/config", headers={"Host": f"{name}:{port}"})

    assert reply.status_code == 200


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:1", "http://["]
)
@pytest.mark.parametrize(("method", "path"), PATHS)
def test_another_sites_request_is_refused(
    chat_address: str, method: str, path: str, origin: str
) -> None:
    reply = http.request(method, chat_address + path, headers={"Origin": origin}, json=ASK)

    assert reply.status_code == 403
    assert "Access-Control-Allow-Origin" not in reply.headers


def test_a_preflight_of_another_site_is_refused(chat_address: str) -> None:
    asked = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
    reply = http.options(chat_address + "/gradio_api/run/ask", headers=asked)

    assert reply.status_code == 403


def test_the_pages_own_requests_are_served(chat_address: str) -> None:
    reply = http.post(
        chat_address + "/gradio_api/run/ask", headers={"Origin": chat_address}, json=ASK
    )

    assert reply.status_code == 200
    assert reply.json()["data"][0]["text"] == "Mukhtar Tileuberdi"


def test_a_refusal_is_in_the_readers_language(chat_address: str) -> None:
    headers = {"Origin": "http://evil.example", "Accept-Language": "fr"}
    reply = http.get(chat_address, headers=headers)

    assert reply.text.startswith("Cette demande vient d’un autre site (http://evil.example)")


@pytest.mark.parametrize("path", ["/", "/source/gone.txt", "/gradio_api/info"])
def test_every_response_carries_the_policy(chat_address: str, path: str) -> None:
    headers = http.get(chat_address + path).headers

    assert "connect-src 'self'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(
    ("host", "others", "asked", "served"),
    [
        ("127.0.0.1", (), "127.0.0.1:7860", True),
        ("127.0.0.1", (), "192.168.1.5:7860", False),
        ("127.0.0.1", (), "127.0.0.1.evil.example", False),
        ("127.0.0.1", (), "", False),
        ("127.0.0.1", (), "[", False),
        ("127.0.0.1", ("news.example",), "NEWS.example", True),
        ("0.0.0.0", (), "192.168.1.5:7860", True),
        ("0.0.0.0", (), "[2001:db8::1]:7860", True),
        ("0.0.0.0", (), "evil.example", False),
        ("desk.example", (), "desk.example:7860", True),
    ],
)
def test_the_names_that_are_served(
    host: str, others: tuple[str, ...], asked: str, served: bool
) -> None:
    assert (asked in Names(Config(host=host, host_names=others))) is served


# -- the password --------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "path"), PATHS)
def test_nothing_is_told_without_the_password(locked: str, method: str, path: str) -> None:
    reply = http.request(method, locked + path, json=ASK)

    assert reply.status_code == 401
    assert reply.headers["www-authenticate"].startswith("Basic ")
    assert "set-cookie" not in reply.headers


@pytest.mark.parametrize(
    "header",
    [
        "Basic",
        "Basic !!!",
        "Basic \u00e9",
        "Basic YW5uYQ==",  # anna, without a colon
        "Basic /w==",  # no UTF-8
        "Bearer x",
    ],
)
def test_a_broken_login_is_refused(locked: str, header: str) -> None:
    reply = http.get(locked, headers={"Authorization": header.encode("latin-1")})

    assert reply.status_code == 401


@pytest.mark.parametrize(
    ("user", "password", "status"),
    [
        ("anna", "épervier: de mer", 200),
        ("anna", "épervier: de mer ", 401),
        ("anna", "", 401),
        ("bert", "épervier: de mer", 401),
        ("anna", "épervier: de mer", 200),
    ],
)
def test_the_password_opens_the_chat(locked: str, user: str, password: str, status: int) -> None:
    login = httpx.BasicAuth(user.encode(), password.encode())

    for path in ("/", "/config", "/source/2023-10-03-r21-malaria-vaccine.txt"):
        assert http.get(locked + path, auth=login).status_code == status


class Clock:
    """Seconds that go by when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Door:
    """A locked chat of which a test sees the status of a page, from any address at any time."""

    def __init__(self, tmp_path: Path) -> None:
        file = tmp_path / "password"
        write_password_file(file, "épervier de mer")
        self.clock = Clock()
        config = Config(host="0.0.0.0", auth=f"anna:{file}")
        self._guarded = guard(PlainTextResponse("chat"), config, self.clock)

    def reply(
        self, password: str | None, address: str = "192.0.2.7", cookie: str | None = None
    ) -> Any:
        client = TestClient(self._guarded, base_url="http://127.0.0.1", client=(address, 1))
        headers = {"Accept-Language": "en"}
        if password is not None:
            login = b64encode(f"anna:{password}".encode()).decode()
            headers["Authorization"] = f"Basic {login}"
        if cookie is not None:
            headers["Cookie"] = f"other=1; {cookie}"
        return client.get("/", headers=headers)

    def status(self, *asked: str | None) -> int:
        return int(self.reply(*asked).status_code)


@pytest.fixture
def door(tmp_path: Path) -> Door:
    return Door(tmp_path)


def guess(door: Door, times: int, address: str = "192.0.2.7") -> list[int]:
    """Other wrong passwords, one after the other."""
    return [door.status(f"wrong {at} {door.clock.now}", address) for at in range(times)]


def test_wrong_passwords_make_one_wait_longer_each_time(door: Door) -> None:
    assert guess(door, 5) == [401, 401, 401, 401, 429]
    waits = []
    for _ in range(8):
        wait = int(door.reply(None).headers["Retry-After"])
        waits.append(wait)
        door.clock.now += wait - 0.5
        assert door.status("épervier de mer") == 429  # even the right one is not looked at
        door.clock.now += 0.5
        assert guess(door, 1) == [429]
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]


def test_who_has_to_wait_is_told_how_long_in_a_sentence(door: Door) -> None:
    guess(door, 5)
    assert door.reply("wrong").text == ("Too many tries with a wrong password; try again in 1 s.")


def test_the_right_person_gets_in_after_the_wait_and_stays_in(door: Door) -> None:
    guess(door, 5)
    door.clock.now += 1
    let_in = door.reply("épervier de mer")
    assert let_in.status_code == 200
    cookie = let_in.headers["set-cookie"].partition(";")[0]
    assert "; HttpOnly" in let_in.headers["set-cookie"]
    assert guess(door, 5) == [401, 401, 401, 401, 429]  # counted anew
    here = "192.0.2.7"
    assert door.status("épervier de mer", here, cookie) == 200
    assert "set-cookie" not in door.reply("épervier de mer", here, cookie).headers
    assert door.status("wrong", here, cookie) == 429
    assert door.status(None, here, cookie) == 429
    # Nobody learns there that a guess was right, though the password was used before.
    assert door.status("épervier de mer") == 429
    assert door.status("épervier de mer", here, "opcit_login=guessed") == 429


def test_another_address_does_not_wait(door: Door) -> None:
    guess(door, 5)
    assert door.status(None) == 429
    assert door.status("épervier de mer", "192.0.2.8") == 200
    guess(door, 5, "2001:db8::1")
    assert door.status(None, "2001:db8::ffff") == 429  # the same network
    assert door.status(None, "2001:db8:0:1::1") == 401


def test_the_same_wrong_password_again_is_one_guess(door: Door) -> None:
    assert [door.status("wrong") for _ in range(20)] == [401] * 20
    assert [door.status(None) for _ in range(20)] == [401] * 20  # nor is none at all


def test_wrong_guesses_are_forgotten_in_time(door: Door) -> None:
    guess(door, 4)
    door.clock.now += 901
    assert guess(door, 4) == [401, 401, 401, 401]


@pytest.mark.parametrize(("size", "status"), [(10_000, 200), (10_001, 413)])
def test_a_file_that_is_too_large_is_not_taken(locked: str, size: int, status: int) -> None:
    login = httpx.BasicAuth("anna", "épervier: de mer".encode())
    files = {"files": ("a.txt", b"x" * size)}

    reply = http.post(locked + "/gradio_api/upload", files=files, auth=login)

    assert reply.status_code == status


def test_a_password_file_keeps_no_password(tmp_path: Path) -> None:
    file = tmp_path / "password"

    write_password_file(file, "épervier de mer")

    assert "pervier" not in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    assert read_password_file(file).matches("épervier de mer")
    assert not read_password_file(file).matches("epervier de mer")


def test_a_hash_made_elsewhere_is_understood(tmp_path: Path) -> None:
    # Computed with another implementation of RFC 7914: password `opcit`, N 1024, r 8, p 1.
    digest = "d1547a03b4cd43a74327930e43946e5caec1dd2f7ef8f27ddfc3155d11089af4"
    file = tmp_path / "password"
    file.write_text(f"scrypt$1024$8$1$000102030405060708090a0b0c0d0e0f${digest}\n")

    assert read_password_file(file).matches("opcit")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"secret",
        b"scrypt$1024$8$1$",
        b"\xff\xfe",
        b"scrypt$1000$8$1$" + b"0" * 32 + b"$" + b"0" * 64,  # no power of two
        b"scrypt$4194304$64$1$" + b"0" * 32 + b"$" + b"0" * 64,  # 32 GiB
    ],
)
def test_a_file_without_a_hash_is_told_in_a_sentence(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "password"
    file.write_bytes(content)

    with pytest.raises(ConfigError, match="holds no password hash; make one with `opcit password"):
        read_password_file(file)


def opcit(*arguments: str | Path, cwd: Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "opcit", *map(str, arguments)],
        cwd=cwd,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_makes_a_password_file(tmp_path: Path) -> None:
    done = opcit("password", "p", cwd=tmp_path, stdin="correct horse\n")

    assert (done.returncode, done.stdout) == (0, "")
    assert read_password_file(tmp_path / "p").matches("correct horse")


@pytest.mark.parametrize(
    ("file", "stdin", "part"),
    [("p", "short\n", "at least 8"), ("p", "", "at least 8"), ("no/p", "correct horse", "written")],
)
def test_a_password_that_cannot_be_kept(tmp_path: Path, file: str, stdin: str, part: str) -> None:
    done = opcit("password", file, cwd=tmp_path, stdin=stdin)

    assert done.returncode == 1
    assert part in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / file).exists()


# -- the address ---------------------------------------------------------------------------------


async def nothing(*_: object) -> None:
    """An application that is never reached."""


@pytest.mark.parametrize(
    ("settings", "part"),
    [
        ({"host": "0.0.0.0"}, "--auth USER:PASSWORD_FILE, or say --no-auth"),
        ({"host": "192.168.1.5"}, "--auth"),
        ({"host": "::"}, "--auth"),
        ({"auth": "anna"}, "USER:PASSWORD_FILE, not 'anna'"),
        ({"auth": ":file"}, "USER:PASSWORD_FILE"),
        ({"auth": "anna:/nowhere/password"}, "opcit password /nowhere/password"),
        ({"auth": "anna:x", "no_auth": True}, "contradict"),
    ],
)
def test_who_may_use_it_must_be_said(settings: dict[str, object], part: str) -> None:
    with pytest.raises(OpcitError, match=part):
        guard(nothing, Config(**settings))  # type: ignore[arg-type]


def test_an_open_address_is_served_when_somebody_says_so() -> None:
    guarded = guard(PlainTextResponse("open"), Config(host="0.0.0.0", no_auth=True))

    assert TestClient(guarded, base_url="http://192.168.1.5:7860").get("/").text == "open"
    assert TestClient(guarded, base_url="http://evil.example").get("/").status_code == 421


def test_an_address_of_another_machine_is_told_in_a_sentence(sample_index: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "app.py")],
        cwd=sample_index.parent,
        env={
            "PATH": "",
            "OPCIT_HOST": "192.0.2.1",
            "OPCIT_NO_AUTH": "true",
            "OPCIT_PORT": str(free_port()),
        },
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert "192.0.2.1" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
