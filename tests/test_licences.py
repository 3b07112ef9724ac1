"""Everything that Opcit needs may be used by an Apache-2.0 program."""

import runpy
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
LICENCES = runpy.run_path(str(ROOT / "docs" / "licences.py"))


def test_every_dependency_has_a_compatible_licence() -> None:
    found = LICENCES["dependencies"]()
    refused = {
        name: licence
        for name in found
        if not LICENCES["is_compatible"](licence := LICENCES["licence"](name))
    }
    assert refused == {}
    assert {"tld", "pydantic-core", "regex", "openvino-telemetry"} <= set(found)
    assert found["tld"] == "running"
    assert found["pytest"] == "development"


@pytest.mark.parametrize(
    ("expression", "compatible"),
    [
        ("MIT", True),
        ("GPL-3.0-only", False),
        ("nothing said", False),
        ("MPL-1.1 OR GPL-2.0-only OR LGPL-2.1-or-later", True),
        ("MPL-2.0 AND (Apache-2.0 OR MIT)", True),
        ("MIT AND GPL-3.0-only", False),
        ("MIT AND (AGPL-3.0-only OR GPL-3.0-only)", False),
    ],
)
def test_an_expression_is_read(expression: str, compatible: bool) -> None:
    assert LICENCES["is_compatible"](expression) is compatible


def test_the_page_lists_every_direct_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    page = (ROOT / "docs" / "licences.md").read_text(encoding="utf-8")
    for line in project["project"]["dependencies"]:
        name = Requirement(line).name.replace("_", "-")
        assert f"\n| {name} | " in page, "run `python docs/licences.py`"
