"""What one session may see: its own documents and everybody's, and nothing of another's."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from conftest import ARTICLES, StemEmbedder, running
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from index import Index, IndexBusyError
from index.catalog import Catalog
from index.embed import Vectors
from qa import (
    Assistant,
    Config,
    ConfigError,
    Filter,
    OpcitError,
    owner_of,
    permalink,
    read_config,
    shown_id,
)
from qa.extractive import ExtractiveReader
from web import Libraries, Library
from web.permalinks import source_route
from web.sessions import SessionCookie

ANNA, BERT = "a" * 43, "b" * 43
# sha256 of 43 times "a", its first 32 digits.
ANNAS = "session-66d34fba71f8f450f7e45598853e53bf"
SECRET = "Le code du coffre est framboise bleue.\n"


def assistant(index: Index, **settings: object) -> Assistant:
    config = Config(**settings)  # type: ignore[arg-type]
    return Assistant(index, ExtractiveReader(index), config)


def of(libraries: Libraries, secret: str | None) -> Library:
    cookies = {} if secret is None else {"opcit_session": secret}
    return libraries.of(SimpleNamespace(cookies=cookies))


def write(folder: Path, name: str, content: str = SECRET) -> Path:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def kept_of(index: Index) -> dict[str, str]:
    """What is kept of Anna's files."""
    kept = (index.folder / "uploads" / ANNAS).glob("*")
    return {path.name: path.read_text(encoding="utf-8") for path in kept}


def ids(library: Library) -> list[str]:
    return [entry.id for entry in library.documents()]


def test_a_document_is_there_for_who_added_it_only(index: Index, tmp_path: Path) -> None:
    libraries = Libraries(assistant(index))
    anna, bert, program = of(libraries, ANNA), of(libraries, BERT), of(libraries, None)
    upload = write(tmp_path / "new", "coffre.txt")
    everybodys = ids(bert)

    report = anna.add_files([upload])

    hers = f"{ANNAS}/coffre.txt"
    assert report.added == [hers]
    assert hers in ids(anna)
    assert anna.document(hers) is not None
    assert anna.search("code du coffre", 1)[0].passage.document_id == hers
    for other in (bert, program):
        assert ids(other) == everybodys
        assert other.document(hers) is None
        found = other.search("code du coffre framboise bleue", 10)
        assert hers not in {hit.passage.document_id for hit in found}
        answer = other.ask("Quel est le code du coffre ?")
        assert hers not in {hit.passage.document_id for hit in answer.nearest}
        assert "framboise" not in answer.text
        # Asking for it by name opens no door.
        assert other.search("coffre", 10, Filter(frozenset({hers}))) == []


def test_what_is_added_while_another_asks_is_not_seen(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    libraries = Libraries(assistant(index))
    anna, bert = of(libraries, ANNA), of(libraries, BERT)
    embed = index.embedder.embed_question
    added: list[str] = []

    def embed_meanwhile(text: str) -> Vectors:
        with ThreadPoolExecutor(1) as another:
            files = [write(tmp_path / "new", "coffre.txt")]
            added.extend(another.submit(anna.add_files, files).result().added)
        return embed(text)

    monkeypatch.setattr(index, "_question_vector", embed_meanwhile)
    found = bert.search("code du coffre framboise bleue", 10)
    assert added == [f"{ANNAS}/coffre.txt"]
    assert not {hit.passage.document_id for hit in found} & {*added}


def test_two_sessions_may_add_a_file_of_the_same_name(index: Index, tmp_path: Path) -> None:
    libraries = Libraries(assistant(index))
    anna, bert = of(libraries, ANNA), of(libraries, BERT)
    anna.add_files([write(tmp_path / "new", "note.txt", "Note d'Anna.\n")])

    (theirs,) = bert.add_files([write(tmp_path / "new", "note.txt", "Note de Bert.\n")]).added

    document = bert.document(theirs)
    assert document is not None
    assert document.text == "Note de Bert.\n"
    mine = anna.document(f"{ANNAS}/note.txt")
    assert mine is not None
    assert mine.text == "Note d'Anna.\n"


def test_a_session_finds_its_documents_after_a_restart(
    index: Index, tmp_path: Path, embedder: StemEmbedder
) -> None:
    of(Libraries(assistant(index)), ANNA).add_files([write(tmp_path / "new", "coffre.txt")])

    again = Libraries(assistant(Index.open(index.folder, embedder)))

    assert f"{ANNAS}/coffre.txt" in ids(of(again, ANNA))
    assert f"{ANNAS}/coffre.txt" not in ids(of(again, BERT))


def test_a_shared_library_shows_all_to_all_but_what_was_added_apart(
    index: Index, tmp_path: Path
) -> None:
    of(Libraries(assistant(index)), ANNA).add_files([write(tmp_path / "new", "coffre.txt")])
    shared = Libraries(assistant(index), shared=True)

    of(shared, ANNA).add_files([write(tmp_path / "new", "avis.txt", "Avis à tous.\n")])

    assert "avis.txt" in ids(of(shared, BERT))
    assert f"{ANNAS}/coffre.txt" not in ids(of(shared, BERT))


@pytest.mark.parametrize("cookie", ["", "short", "a" * 44, "../" + "a" * 40, ANNAS])
def test_a_cookie_that_is_none_of_ours_is_no_session(
    index: Index, tmp_path: Path, cookie: str
) -> None:
    nobody = of(Libraries(assistant(index)), cookie)
    before = ids(nobody)

    with pytest.raises(OpcitError, match="Without cookies nothing can be added"):
        nobody.add_files([write(tmp_path / "new", "coffre.txt")])

    assert ids(nobody) == before == sorted(ARTICLES)


def test_only_who_added_a_document_removes_it(index: Index, tmp_path: Path) -> None:
    libraries = Libraries(assistant(index))
    anna = of(libraries, ANNA)
    anna.add_files([write(tmp_path / "new", "coffre.txt")])
    hers = f"{ANNAS}/coffre.txt"

    for other in (of(libraries, BERT), of(libraries, None)):
        with pytest.raises(OpcitError, match=r"coffre\.txt was not added here"):
            other.remove(hers)
    for name in ARTICLES:
        with pytest.raises(OpcitError, match="was not added here"):
            anna.remove(name)
    assert hers in ids(anna)

    anna.remove(hers)

    assert ids(anna) == sorted(ARTICLES)


def test_a_link_to_anothers_document_is_not_found(index: Index, tmp_path: Path) -> None:
    libraries = Libraries(assistant(index))
    of(libraries, ANNA).add_files([write(tmp_path / "new", "coffre.txt")])
    client = TestClient(Starlette(routes=[source_route(libraries)]))
    link = permalink(f"{ANNAS}/coffre.txt", 0, 38, SECRET[:38])

    hers = client.get(link, headers={"Cookie": f"opcit_session={ANNA}"})
    his = client.get(link, headers={"Cookie": f"opcit_session={BERT}"})
    nobodys = client.get(link.replace("coffre", "nothing"))

    assert hers.status_code == 200
    assert "framboise" in hers.text
    assert ANNAS not in hers.text.replace(f"cite={ANNAS}", "")  # shown without the session
    assert his.status_code == nobodys.status_code == 404
    assert his.text.replace("coffre", "nothing") == nobodys.text


def test_what_cannot_be_read_is_not_kept(index: Index, tmp_path: Path) -> None:
    anna = of(Libraries(assistant(index)), ANNA)
    empty = write(tmp_path / "new", "vide.txt", "")
    picture = write(tmp_path / "new", "photo.png", "PNG")

    report = anna.add_files([empty, picture, write(tmp_path / "new", "coffre.txt")])

    assert report.added == [f"{ANNAS}/coffre.txt"]
    assert len(report.skipped) == 2
    assert ANNAS not in "".join(report.skipped)
    assert kept_of(index) == {"coffre.txt": SECRET}


@pytest.mark.parametrize("name", [".notes.txt", "~$rapport.docx"])
def test_a_name_that_no_folder_shows_is_refused(index: Index, tmp_path: Path, name: str) -> None:
    anna = of(Libraries(assistant(index)), ANNA)

    report = anna.add_files([write(tmp_path / "new", name)])

    assert report.skipped == [
        f"{name} is named like a hidden or temporary file; rename it to add it."
    ]
    assert kept_of(index) == {}


def test_what_a_damaged_file_would_replace_stays(index: Index, tmp_path: Path) -> None:
    anna = of(Libraries(assistant(index)), ANNA)
    anna.add_files([write(tmp_path / "new", "coffre.txt")])

    report = anna.add_files(
        [write(tmp_path / "new", "coffre.txt", "\0\1\2"), write(tmp_path / "new", "note.txt")]
    )

    assert report.added == [f"{ANNAS}/note.txt"]
    (sentence,) = report.skipped
    assert sentence.startswith("coffre.txt: it holds binary data")
    document = anna.document(f"{ANNAS}/coffre.txt")
    assert document is not None
    assert document.text == SECRET
    assert not anna.source_changed(document.id)


def test_what_is_added_while_another_process_writes_leaves_all_as_it_was(
    index: Index, tmp_path: Path
) -> None:
    anna = of(Libraries(assistant(index)), ANNA)
    anna.add_files([write(tmp_path / "new", "coffre.txt")])
    files = [write(tmp_path / "new", name, "Nouveau.\n") for name in ("coffre.txt", "note.txt")]

    with (
        closing(Catalog.open(index.folder / "catalog.sqlite")) as other,
        other.writing(),
        pytest.raises(IndexBusyError),
    ):
        anna.add_files(files)

    assert kept_of(index) == {"coffre.txt": SECRET}
    assert not anna.source_changed(f"{ANNAS}/coffre.txt")
    assert [path.name for path in (index.folder / "uploads").iterdir()] == [ANNAS]
    assert anna.add_files(files).changed == [f"{ANNAS}/coffre.txt"]


def test_what_is_removed_while_another_process_writes_stays(index: Index, tmp_path: Path) -> None:
    anna = of(Libraries(assistant(index)), ANNA)
    anna.add_files([write(tmp_path / "new", "coffre.txt")])

    with (
        closing(Catalog.open(index.folder / "catalog.sqlite")) as other,
        other.writing(),
        pytest.raises(IndexBusyError),
    ):
        anna.remove(f"{ANNAS}/coffre.txt")

    assert kept_of(index) == {"coffre.txt": SECRET}
    assert not anna.source_changed(f"{ANNAS}/coffre.txt")
    (index.folder / "uploads" / ANNAS / ".note.txt").write_text("what a killed removal left")
    assert anna.remove(f"{ANNAS}/coffre.txt").removed == [f"{ANNAS}/coffre.txt"]
    assert kept_of(index) == {}


def test_a_session_may_add_only_so_many(index: Index, tmp_path: Path) -> None:
    anna = of(Libraries(assistant(index, max_upload_files=2)), ANNA)
    files = [write(tmp_path / "new", f"{at}.txt") for at in range(3)]

    with pytest.raises(OpcitError, match="At most 2 documents can be added"):
        anna.add_files(files)
    anna.add_files(files[:2])
    with pytest.raises(OpcitError, match="At most 2"):
        anna.add_files(files[2:])

    assert anna.add_files(files[:1]).added == []  # the same again is no third
    assert not (index.folder / "uploads" / ANNAS / "2.txt").exists()


NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
DAY = 24 * 3600


def age(folder: Path, days: float) -> None:
    """Make a folder look as if it had last been used so many days before NOW."""
    then = NOW.timestamp() - days * DAY
    os.utime(folder, (then, then))


def test_what_sessions_no_longer_use_is_cleared(index: Index, tmp_path: Path) -> None:
    opcit = assistant(index, keep_uploads_days=7)
    libraries = Libraries(opcit)
    anna, bert = of(libraries, ANNA), of(libraries, BERT)
    for library in (anna, bert, of(Libraries(opcit, shared=True), None)):
        library.add_files([write(tmp_path / "new", "coffre.txt")])
    uploads = index.folder / "uploads"
    mine = uploads / ANNAS
    his = next(folder for folder in uploads.glob("session-*") if folder != mine)
    age(mine, 7.1)
    age(his, 6.9)
    age(uploads / "shared", 400)

    assert opcit.clear_uploads(NOW) == [ANNAS]

    assert not mine.exists()
    assert his.is_dir()
    assert ids(anna) == sorted([*ARTICLES, "coffre.txt"])
    assert len(ids(bert)) == len(ARTICLES) + 2
    found = {hit.passage.document_id for hit in opcit.search("code du coffre framboise", 10)}
    assert f"{ANNAS}/coffre.txt" not in found
    assert opcit.clear_uploads(NOW) == []


def test_who_comes_back_in_time_keeps_what_was_added(index: Index, tmp_path: Path) -> None:
    opcit = assistant(index, keep_uploads_days=7)
    of(Libraries(opcit), ANNA).add_files([write(tmp_path / "new", "coffre.txt")])
    age(index.folder / "uploads" / ANNAS, 8)

    anna = of(Libraries(opcit), ANNA)  # her browser opens the page

    assert opcit.clear_uploads(datetime.now(UTC)) == []
    assert f"{ANNAS}/coffre.txt" in ids(anna)


def test_a_folder_left_by_a_kill_is_cleared_too(index: Index, tmp_path: Path) -> None:
    opcit = assistant(index)
    of(Libraries(opcit), ANNA).add_files([write(tmp_path / "new", "coffre.txt")])
    folder = index.folder / "uploads" / ANNAS
    index.forget(folder)
    age(folder, 31)

    assert opcit.clear_uploads(NOW) == [ANNAS]

    assert not folder.exists()


@pytest.mark.parametrize("shared", [False, True])
def test_what_was_added_moves_with_the_index_folder(
    index: Index, tmp_path: Path, embedder: StemEmbedder, shared: bool
) -> None:
    files = [write(tmp_path / "new", name) for name in ("coffre.txt", "note.txt")]
    before = of(Libraries(assistant(index), shared=shared), ANNA)
    safe, note = before.add_files(files).added

    moved = Index.open(index.folder.rename(tmp_path / "other"), embedder)
    opcit = assistant(moved)
    anna = of(Libraries(opcit, shared=shared), ANNA)

    assert not anna.source_changed(safe)
    assert anna.add_files(files).added == []
    assert [e.id for e in anna.documents() if anna.may_remove(e)] == [safe, note]
    anna.remove(safe)
    assert ids(anna) == sorted([*ARTICLES, note])
    if not shared:
        age(moved.folder / "uploads" / ANNAS, 31)
        assert opcit.clear_uploads(NOW) == [ANNAS]
        assert ids(anna) == sorted(ARTICLES)


@pytest.mark.parametrize("days", [10**6, float("inf"), float("nan"), 0])
def test_it_is_not_kept_for_longer_than_there_are_days(days: float) -> None:
    with pytest.raises(ConfigError, match="keep_uploads_days is not valid"):
        read_config(keep_uploads_days=days)


def test_a_size_without_end_is_no_limit() -> None:
    with pytest.raises(ConfigError, match="max_file_mb is not valid"):
        read_config(max_file_mb=float("inf"))


def test_the_longest_that_is_kept(index: Index, tmp_path: Path) -> None:
    opcit = assistant(index, keep_uploads_days=36_500)
    of(Libraries(opcit), ANNA).add_files([write(tmp_path / "new", "coffre.txt")])
    assert opcit.clear_uploads(NOW) == []


def test_it_is_told_how_long_what_is_added_stays(index: Index) -> None:
    opcit = assistant(index, keep_uploads_days=7)
    assert of(Libraries(opcit), ANNA).kept_days == 7
    assert of(Libraries(opcit, shared=True), ANNA).kept_days is None


def test_without_uploads_there_is_nothing_to_clear(index: Index) -> None:
    assert assistant(index).clear_uploads(NOW) == []


def test_the_chat_clears_at_its_start(index_folder: Path, tmp_path: Path) -> None:
    opcit = Assistant.open(index_folder)
    of(Libraries(opcit), ANNA).add_files([write(tmp_path / "new", "coffre.txt")])
    folder = index_folder / "uploads" / ANNAS
    age(folder, 10_000)

    with running(index_folder) as address:
        deadline = time.monotonic() + 120  # it clears when the models are loaded
        while folder.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        page = httpx.get(f"{address}/source/{ANNAS}/coffre.txt", timeout=300)

    assert not folder.exists()
    assert page.status_code == 404


def test_an_id_says_whose_it_is() -> None:
    assert owner_of(f"{ANNAS}/a/b.txt") == ANNAS
    assert shown_id(f"{ANNAS}/a/b.txt") == "a/b.txt"
    for everybodys in ("a.txt", "session-x/a.txt", ANNAS, f"{ANNAS}/", f"x/{ANNAS}/a.txt"):
        assert owner_of(everybodys) is None
        assert shown_id(everybodys) == everybodys


# -- the cookie ----------------------------------------------------------------------------------


@pytest.fixture
def client() -> TestClient:
    def page(_: object) -> PlainTextResponse:
        return PlainTextResponse("page")

    return TestClient(SessionCookie(Starlette(routes=[Route("/{path:path}", page)])))


def test_a_browser_gets_one_cookie_and_keeps_it(client: TestClient) -> None:
    first = client.get("/").headers["set-cookie"]
    second = client.get("/source/a.txt").headers["set-cookie"]

    assert first == second
    assert "HttpOnly" in first
    assert "SameSite=Lax" in first
    assert "Secure" not in first
    other = TestClient(client.app).get("/").headers["set-cookie"]
    assert other != first


def test_over_https_the_cookie_stays_there() -> None:
    app = SessionCookie(Starlette(routes=[Mount("/", PlainTextResponse("page"))]))

    reply = TestClient(app, base_url="https://opcit.example").get("/")

    assert reply.headers["set-cookie"].endswith("; Secure")


def test_requests_of_programs_get_no_cookie(client: TestClient) -> None:
    assert "set-cookie" not in client.get("/gradio_api/info").headers
    assert "set-cookie" not in client.post("/").headers
