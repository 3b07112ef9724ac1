"""No call makes the server read, or show, a file of its own machine."""

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest


@pytest.fixture
def visitor(chat_address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=chat_address, timeout=60) as client:
        client.get("/")
        yield client


def function(config: dict[str, Any], elem_id: str, event: str) -> dict[str, Any]:
    """The callback of a component's event, as the page is told of it."""
    named = {part["id"] for part in config["components"] if part["props"].get("elem_id") == elem_id}
    return next(
        found
        for found in config["dependencies"]
        if any(target in named and happens == event for target, happens in found["targets"])
    )


def output(visitor: httpx.Client, number: int, data: list[Any]) -> str:
    """All that the page is told after a call."""
    session = secrets.token_hex(5)
    call = {"fn_index": number, "data": data, "session_hash": session}
    visitor.post("/gradio_api/queue/join", json=call).raise_for_status()
    lines = []
    with visitor.stream("GET", "/gradio_api/queue/data", params={"session_hash": session}) as told:
        for line in told.iter_lines():
            lines.append(line)
            if "process_completed" in line:
                break
    return "\n".join(lines)


def file(path: Path) -> dict[str, Any]:
    return {"path": str(path), "orig_name": "x.txt", "meta": {"_type": "gradio.FileData"}}


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "coffre.txt"
    path.write_text("Le code du coffre est framboise bleue.", encoding="utf-8")
    return path


def test_no_path_of_the_server_is_taken_for_an_upload(visitor: httpx.Client, secret: Path) -> None:
    adding = function(visitor.get("/config").json(), "upload", "upload")
    output(visitor, adding["id"], [[file(secret)], "fr"])
    asked = {"data": ["le code du coffre", 5]}
    found = visitor.post("/gradio_api/run/search", json=asked).json()["data"][0]
    assert found
    assert "framboise" not in json.dumps(found)


def test_no_path_of_the_server_is_taken_into_a_conversation(
    visitor: httpx.Client, secret: Path
) -> None:
    config = visitor.get("/config").json()
    asking = function(config, "question", "submit")
    kinds = {part["id"]: part for part in config["components"]}
    message = {"role": "user", "content": [{"type": "file", "file": file(secret)}]}
    data: list[Any] = []
    for number in asking["inputs"]:
        if kinds[number]["props"].get("elem_id") == "question":
            data.append("Qui est le ministre ?")
        elif kinds[number]["type"] == "chatbot":
            data.append([message])
        else:
            data.append("fr" if kinds[number]["type"] == "textbox" else None)
    assert "/gradio/" not in output(visitor, asking["id"], data)
