"""The interface for programs: the README's examples, typed JSON, refusals, and MCP tools."""

import asyncio
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import ROOT, SAMPLES
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client

README = (ROOT / "README.md").read_text(encoding="utf-8")
EARLIER = "Who makes the R21 malaria vaccine?"
QUESTION = "How many doses a year can the Serum Institute make?"
DOCUMENT = "2023-10-03-r21-malaria-vaccine.txt"


def example(kind: str, address: str) -> str:
    """The README's example, sent to the test's own server."""
    found = re.search(rf"<!-- example: {kind} -->\n```\w+\n(.*?)```", README, re.DOTALL)
    assert found
    assert "http://127.0.0.1:7860" in found[1]
    return found[1].replace("http://127.0.0.1:7860", address)


def call(address: str, name: str, *data: object) -> httpx.Response:
    return httpx.post(f"{address}/gradio_api/run/{name}", json={"data": list(data)}, timeout=300)


def test_the_curl_example(chat_address: str) -> None:
    done = subprocess.run(
        ["bash", "-c", example("curl", chat_address)], capture_output=True, text=True, check=True
    )

    answer = json.loads(done.stdout)["data"][0]
    assert answer["text"] == "100 million doses"
    assert answer["citations"][0]["document_id"] == DOCUMENT


def test_the_python_example(chat_address: str) -> None:
    code = example("python", chat_address) + "\nprint(len(passages), passages[0]['document_id'])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )

    first, *_, last = done.stdout.splitlines()
    assert first == "100 million doses"
    assert f"{chat_address}/source/{DOCUMENT}?start=" in done.stdout
    assert last == f"3 {DOCUMENT}"


def test_an_answer_is_typed_and_its_links_open_its_places(chat_address: str) -> None:
    answer = call(chat_address, "ask", QUESTION).json()["data"][0]
    text = (SAMPLES / DOCUMENT).read_bytes().decode()

    assert (answer["question"], answer["language"], answer["found"]) == (QUESTION, "en", True)
    citation = answer["citations"][0]
    assert text[citation["start"] : citation["end"]] == citation["quote"]
    assert text[citation["answer_start"] : citation["answer_end"]] == answer["text"]
    assert (citation["date"], citation["page"], citation["changed"]) == ("2023-10-03", None, False)
    page = httpx.get(citation["link"], timeout=300)
    assert page.status_code == 200
    assert citation["quote"] in page.text
    assert str(ROOT) not in json.dumps(answer)  # nothing is told of the server's folders


def test_a_search_gives_as_many_passages_as_asked(chat_address: str) -> None:
    passages = call(chat_address, "search", "R21 malaria vaccine", 2).json()["data"][0]

    assert [passage["document_id"] for passage in passages] == [DOCUMENT, DOCUMENT]
    assert passages[0]["score"] >= passages[1]["score"]
    assert httpx.get(passages[0]["link"], timeout=300).status_code == 200


@pytest.mark.parametrize(
    ("name", "data", "sentence"),
    [
        ("ask", [""], "The question is empty"),
        ("ask", ["é" * 10_000], "10000 characters"),
        ("ask", [7], "must be a text"),
        ("ask", [None], "must be a text"),
        ("ask", [], "must be a text"),
        ("search", ["malaria", 0], "from 1 to 100"),
        ("search", ["malaria", 101], "from 1 to 100"),
        ("search", ["malaria", "ten"], "from 1 to 100"),
        ("search", ["malaria", True], "from 1 to 100"),
        (
            "search",
            ["malaria", 3, None, "1er mars"],
            "after must be a day like 2024-03-01, not 1er",
        ),
        ("search", ["malaria", 3, None, None, "2024-02-30"], "before must be a day"),
        ("search", ["malaria", 3, DOCUMENT], "documents must be a list of texts"),
        ("ask", [QUESTION, [7]], "documents must be a list of texts"),
        ("ask", [QUESTION, None, 2024], "after must be a day like 2024-03-01, not 2024"),
        ("ask", [QUESTION, None, None, "x" * 10_000], "before must be a day"),
        ("ask", [QUESTION, None, None, None, {"a": "b"}], "earlier must be a list of texts"),
    ],
)
def test_a_refusal_is_a_sentence(
    chat_address: str, name: str, data: list[object], sentence: str
) -> None:
    reply = call(chat_address, name, *data)

    assert reply.status_code == 422
    assert sentence in reply.json()["error"]


def test_a_call_is_refused_above_a_megabyte(chat_address: str) -> None:
    def asked(size: int, way: str = "run") -> httpx.Response:
        start = f'{{"data": ["{QUESTION}", ["{DOCUMENT}", "'
        body = start + "x" * (size - len(start) - 4) + '"]]}'
        assert len(body) == size
        pieces = (body[at : at + 65_536].encode() for at in range(0, size, 65_536))
        return httpx.post(
            f"{chat_address}/gradio_api/{way}/ask",
            content=pieces,
            headers={"Content-Type": "application/json"},
            timeout=300,
        )

    assert asked(1_000_000).json()["data"][0]["text"] == "100 million doses"
    for size, way in ((1_000_001, "run"), (20_000_000, "run"), (1_000_001, "call")):
        refused = asked(size, way)
        assert refused.status_code == 413
        assert refused.json() == {"error": "The body is too large; the limit is 1 MB."}


def test_a_search_keeps_to_documents_and_days(chat_address: str) -> None:
    def found(*filters: object) -> set[str]:
        passages = call(chat_address, "search", "malaria vaccine", 10, *filters).json()["data"][0]
        return {passage["document_id"] for passage in passages}

    older = "2021-10-07-vaccin-paludisme-rtss.txt"
    assert {DOCUMENT, older} <= found()
    assert found([DOCUMENT]) == {DOCUMENT}
    assert older not in found(None, "2023-10-03")
    assert DOCUMENT in found([], "2023-10-03", "2023-10-03")
    assert DOCUMENT not in found(None, "", "2023-10-02")
    assert found(["no such document"]) == set()


def test_an_answer_keeps_to_documents_and_days(chat_address: str) -> None:
    within = call(chat_address, "ask", QUESTION, [DOCUMENT], "2023-10-03", "2023-10-03")
    outside = call(chat_address, "ask", QUESTION, [DOCUMENT], "2023-10-04")

    assert within.json()["data"][0]["text"] == "100 million doses"
    assert outside.json()["data"][0]["found"] is False


def test_a_question_may_lean_on_earlier_ones(chat_address: str) -> None:
    asked = call(chat_address, "ask", "And RTS,S?", None, None, None, [EARLIER])
    alone = call(chat_address, "ask", "And RTS,S?")

    answer = asked.json()["data"][0]
    assert answer["question"] == "And RTS,S?"
    assert answer["understood"] == "Who makes the RTS,S malaria vaccine?"
    assert alone.json()["data"][0]["understood"] is None


def test_pythons_client_is_told_why_not(chat_address: str) -> None:
    code = (
        "import os, sys; os.environ['GRADIO_ANALYTICS_ENABLED'] = 'False'\n"
        "from gradio_client import Client\n"
        "try: Client(sys.argv[1], verbose=False).predict('', api_name='/ask')\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, chat_address], capture_output=True, text=True, check=True
    )

    assert done.stdout.startswith("AppError The question is empty")


def test_only_the_two_endpoints_are_public(chat_address: str) -> None:
    described = httpx.get(chat_address + "/gradio_api/info", timeout=300).json()

    assert set(described["named_endpoints"]) == {"/ask", "/search"}
    assert described["unnamed_endpoints"] == {}
    returned = described["named_endpoints"]["/ask"]["returns"][0]["type"]["properties"]
    assert returned["confidence"] == {"type": "number"}
    assert returned["citations"]["items"]["properties"]["start"] == {"type": "integer"}


# -- MCP -----------------------------------------------------------------------------------------


async def with_tools(address: str) -> dict[str, Any]:
    """What a real MCP client is told and given."""
    async with (
        streamable_http_client(f"{address}/gradio_api/mcp/") as (read, write, _),
        ClientSession(read, write) as session,
    ):
        await session.initialize()
        return {
            "tools": (await session.list_tools()).tools,
            "ask": await session.call_tool("ask", {"question": QUESTION}),
            "search": await session.call_tool(
                "search", {"question": "R21 malaria vaccine", "k": 1}
            ),
            "after": await session.call_tool(
                "search", {"question": "malaria vaccine", "after": "2023-10-03"}
            ),
            "earlier": await session.call_tool(
                "ask", {"question": "And RTS,S?", "earlier": [EARLIER]}
            ),
            "bad day": await session.call_tool("ask", {"question": QUESTION, "before": "soon"}),
            "ten": await session.call_tool("search", {"question": "R21 malaria vaccine"}),
            "refusal": await session.call_tool("ask", {"question": " "}),
        }


@pytest.fixture(scope="module")
def told(chat_address: str) -> dict[str, Any]:
    return asyncio.run(with_tools(chat_address))


def test_a_client_finds_the_two_tools(told: dict[str, Any]) -> None:
    tools = {tool.name: tool for tool in told["tools"]}

    assert set(tools) == {"ask", "search"}
    assert tools["ask"].description.startswith("Answer a question from the documents")
    filters = {"documents", "after", "before"}
    assert set(tools["search"].inputSchema["properties"]) == {"question", "k", *filters}
    assert tools["search"].inputSchema["required"] == ["question"]
    assert set(tools["ask"].inputSchema["properties"]) == {"question", "earlier", *filters}
    assert tools["ask"].inputSchema["required"] == ["question"]


def test_a_client_asks_and_searches(told: dict[str, Any], chat_address: str) -> None:
    answer = json.loads(told["ask"].content[0].text)
    (passage,) = json.loads(told["search"].content[0].text)

    assert (answer["text"], answer["found"]) == ("100 million doses", True)
    assert answer["citations"][0]["link"].startswith(f"{chat_address}/source/{DOCUMENT}?")
    assert passage["document_id"] == DOCUMENT
    assert len(json.loads(told["ten"].content[0].text)) == 10
    later = json.loads(told["after"].content[0].text)
    assert DOCUMENT in {passage["document_id"] for passage in later}
    assert min(passage["document_id"] for passage in later) >= "2023-10-03"
    earlier = json.loads(told["earlier"].content[0].text)
    assert earlier["understood"] == "Who makes the RTS,S malaria vaccine?"


def test_a_client_is_told_why_not(told: dict[str, Any]) -> None:
    assert told["refusal"].isError
    assert "The question is empty" in told["refusal"].content[0].text
    assert told["bad day"].isError
    assert "before must be a day like 2024-03-01, not soon." in told["bad day"].content[0].text


def test_without_its_packages_it_says_how_to_get_them(sample_index: Path) -> None:
    code = (
        "import sys; sys.modules['mcp'] = None  # as if it were not installed\n"
        "from app import serve; from qa import OpcitError, read_config\n"
        "try: serve(read_config(index=sys.argv[1], mcp=True), open_browser=False)\n"
        "except OpcitError as error: sys.exit(str(error))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(sample_index)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert "pip install -e '.[mcp]'" in done.stderr
