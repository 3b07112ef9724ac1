"""Many people at one chat at once, each asking several questions one after the other, as the page
asks them: through its queue, with its own session. Run by hand against a chat on this machine:

    opcit chat --no-browser
    python tests/load.py http://127.0.0.1:7860 --conversations 50 --questions 4

Prints how many questions failed, and how long an answer took from the question on, in seconds.
Exit status 1 if any failed. It knows nothing of what a right answer is; that is for `eval`.
"""

import argparse
import asyncio
import json
import secrets
import statistics
import sys
import time
from typing import Any
from urllib.parse import urlsplit

import httpx

QUESTIONS = (
    "Qui est le nouveau ministre des Affaires étrangères du Kazakhstan ?",
    "Who makes the R21 malaria vaccine?",
    "Qui a conçu le nouvel autel de Notre-Dame ?",
    "Why were water-bombing planes ruled out for the Notre-Dame fire?",
    "xyzzy plugh frobnicate ?",
)
REPLIES = ('class=\\"answer', 'class=\\"abstention')


class Conversation:
    """One browser: its cookie, its session, its history."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._session = secrets.token_hex(8)
        self._history: list[dict[str, Any]] = []

    async def hold(self, questions: list[str]) -> list[tuple[float, str]]:
        """Open the page and ask; the seconds each took, and what went wrong or ""."""
        await self._client.get("/")
        config = (await self._client.get("/config")).json()
        return [await self._ask(config, question) for question in questions]

    async def _ask(self, config: dict[str, Any], question: str) -> tuple[float, str]:
        begun = time.perf_counter()
        try:
            wrong = await self._exchange(config, question)
        except httpx.HTTPError as error:
            wrong = repr(error)
        return time.perf_counter() - begun, wrong

    async def _exchange(self, config: dict[str, Any], question: str) -> str:
        function, data = self._call(config, question)
        joined = await self._client.post(
            "/gradio_api/queue/join",
            json={"fn_index": function, "data": data, "session_hash": self._session},
        )
        if joined.is_error:
            return f"{joined.status_code} {joined.text}"
        replied = False
        where = "/gradio_api/queue/data"
        async with self._client.stream(
            "GET", where, params={"session_hash": self._session}
        ) as told:
            async for line in told.aiter_lines():
                replied = replied or any(reply in line for reply in REPLIES)
                message = json.loads(line.removeprefix("data:") or "{}")
                if message.get("msg") == "process_completed":
                    self._history += [_said("user", question), _said("assistant", "…")]
                    return "" if message["success"] and replied else line
        return "The stream ended without an answer."

    def _call(self, config: dict[str, Any], question: str) -> tuple[int, list[Any]]:
        """The page's function behind the question box, and what the page would send to it."""
        components = {component["id"]: component for component in config["components"]}

        def box(target: list[Any]) -> bool:
            name = components.get(target[0], {}).get("props", {}).get("elem_id")
            return name == "question" and target[1] == "submit"

        function = next(one for one in config["dependencies"] if any(map(box, one["targets"])))
        data = []
        for number in function["inputs"]:
            component = components[number]
            if component["props"].get("elem_id") == "question":
                data.append(question)
            elif component["type"] == "chatbot":
                data.append(self._history)
            else:
                data.append(component["props"].get("value"))
        return function["id"], data


def _said(role: str, words: str) -> dict[str, Any]:
    """A message as the page's chat sends it back."""
    return {"role": role, "content": [{"type": "text", "text": words}]}


async def load(address: str, conversations: int, questions: int) -> list[tuple[float, str]]:
    """What every question of every conversation took, all conversations at once."""

    async def one(number: int) -> list[tuple[float, str]]:
        asked = [QUESTIONS[(number + at) % len(QUESTIONS)] for at in range(questions)]
        async with httpx.AsyncClient(base_url=address, timeout=600) as client:
            return await Conversation(client).hold(asked)

    held = await asyncio.gather(*map(one, range(conversations)))
    return [result for results in held for result in results]


def main() -> None:
    """Run the load and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("address")
    parser.add_argument("--conversations", type=int, default=50)
    parser.add_argument("--questions", type=int, default=4)
    given = parser.parse_args()
    if urlsplit(given.address).hostname != "127.0.0.1":
        parser.error("only a chat on 127.0.0.1 is put under load")
    begun = time.perf_counter()
    results = asyncio.run(load(given.address, given.conversations, given.questions))
    wall = time.perf_counter() - begun
    seconds = [taken for taken, _ in results]
    wrong = [what for _, what in results if what]
    cuts = statistics.quantiles(seconds, n=20, method="inclusive")
    print(f"{len(results)} questions in {wall:.1f} s, {len(wrong)} errors")
    print(f"p50 {cuts[9]:.2f} s, p95 {cuts[18]:.2f} s, slowest {max(seconds):.2f} s")
    for what in dict.fromkeys(wrong):
        print(what[:300], file=sys.stderr)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
