"""The README tells the truth: help texts, the Python example, the tree, the files it shows.

`python tests/test_readme.py` writes the help texts anew.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from qa.cli import app

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
_HELP = re.compile(
    r"(<!-- help: (opcit ?(\w*)) -->\n```text\n)(.*?)(```\n<!-- /help -->)", re.DOTALL
)


def help_text(name: str, command_name: str) -> str:
    command = get_command(app)
    context = command.make_context("opcit", [], resilient_parsing=True)
    context.terminal_width = context.max_content_width = 88
    if command_name:
        sub = command.get_command(context, command_name)  # type: ignore[attr-defined]
        context = sub.make_context(name, [], resilient_parsing=True, parent=None)
        context.terminal_width = context.max_content_width = 88
        return sub.get_help(context) + "\n"
    return command.get_help(context) + "\n"


def written(readme: str) -> str:
    return _HELP.sub(lambda m: m[1] + help_text(m[2], m[3]) + m[5], readme)


def test_help_texts_are_those_of_the_command() -> None:
    readme = README.read_text(encoding="utf-8")
    assert {m[3] for m in _HELP.finditer(readme)} == {
        "",
        "index",
        "forget",
        "ask",
        "search",
        "chat",
        "feedback",
        "info",
        "password",
        "restore",
        "verify",
    }
    assert readme == written(readme), "run `python tests/test_readme.py`"


def test_every_file_of_the_tree_is_there_and_every_module_is_in_the_tree() -> None:
    tree = (
        README.read_text(encoding="utf-8")
        .split("## How it is made")[1]
        .split("```")[1]
        .removeprefix("text")
    )
    folder, listed = "", set()
    for line in tree.strip().splitlines():
        name = line.split()[0]
        if not line.startswith(" "):
            folder = name if name.endswith("/") else ""
            listed.add(name)
        else:
            listed.add(folder + name)
    for name in listed:
        assert (ROOT / name).exists(), name
    for package in ("index", "qa", "web"):
        for path in (ROOT / package).glob("*.py"):
            if not path.name.startswith("__"):
                assert f"{package}/{path.name}" in listed


def test_what_the_readme_shows_exists() -> None:
    for target in re.findall(r"\]\((\w[^)]*)\)", README.read_text(encoding="utf-8")):
        assert (ROOT / target).exists(), target


@pytest.mark.parametrize("target", ["chat", "test", "lint"])
def test_the_make_targets_exist(target: str) -> None:
    done = subprocess.run(
        ["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


if __name__ == "__main__":
    README.write_text(written(README.read_text(encoding="utf-8")), encoding="utf-8")
    sys.exit()
