"""The house: who may import whom, what imports cost, and what each package offers."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ALLOWED = {
    "index": set(),
    "qa": {"index"},
    "web": {"qa"},
    "eval": {"qa"},
    "app": {"qa", "web"},
}


def modules() -> list[tuple[str, Path]]:
    packages = ((name, path) for name in ALLOWED for path in (ROOT / name).rglob("*.py"))
    return [*packages, ("app", ROOT / "app.py")]


def imported(path: Path) -> set[tuple[str, str]]:
    """The absolute imports of a file, as (module, name)."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {(alias.name, "") for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found |= {(node.module or "", alias.name) for alias in node.names}
    return found


@pytest.mark.parametrize(("package", "path"), modules(), ids=lambda value: str(value))
def test_arrows_go_down_and_cross_packages_by_their_front_door(package: str, path: Path) -> None:
    for module, name in imported(path):
        top = module.partition(".")[0]
        if top not in ALLOWED:
            continue
        assert top in ALLOWED[package], f"{path.name} imports {module}"
        assert module == top, f"{path.name} reaches into {module}"
        assert name in importlib.import_module(top).__all__, f"{module}.{name} is not public"


@pytest.mark.parametrize("package", ["index", "qa", "web"])
def test_all_is_complete(package: str) -> None:
    module = importlib.import_module(package)
    public = {
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and (name in module.__all__ or not isinstance(value, type(sys)))
    }
    assert public == set(module.__all__)


def test_importing_qa_loads_nothing_that_an_answer_does_not_need() -> None:
    heavy = {
        "gradio", "langchain_core", "langchain_text_splitters", "lxml", "matplotlib", "openvino",
        "scipy", "sentence_transformers", "sklearn", "torch", "trafilatura", "transformers",
    }  # fmt: skip
    code = f"import sys, qa; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
