"""Lists the licences of everything that Opcit needs: `python docs/licences.py` writes licences.md.

Reads what the installed packages say of themselves. `tests/test_licences.py` holds each of them
against `COMPATIBLE`.
"""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, metadata, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "licences.md"
# With these an Apache-2.0 program may need a package. The last two ask for the changed sources of
# the package itself, which Opcit uses unchanged and does not contain.
COMPATIBLE = {
    "0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD", "BSD-2-Clause", "BSD-3-Clause",
    "BSL-1.0", "CC0-1.0", "CNRI-Python", "ISC", "MIT", "MIT-0", "MIT-CMU", "PSF-2.0", "Zlib",
    "MPL-2.0", "LGPL-2.1-or-later",
}  # fmt: skip
# What packages without an expression say, in the words of those with one.
_CLASSIFIERS = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
_WORDS = {
    "Apache 2.0 License": "Apache-2.0",
    "BSD-3-Clause, Apache-2.0, dependency licenses": "BSD-3-Clause AND Apache-2.0",
}


def licence(package: str) -> str:
    """The licence of an installed package as an SPDX expression, as far as it says so itself."""
    about = metadata(package)
    if expression := about.get("License-Expression"):
        return expression
    prefix = "License :: OSI Approved :: "
    stated = [
        kind.removeprefix(prefix)
        for kind in about.get_all("Classifier", [])
        if kind.startswith(prefix)
    ]
    if stated:
        return " OR ".join(sorted({_CLASSIFIERS.get(kind, kind) for kind in stated}))
    words = (about.get("License") or "nothing said").splitlines()[0]
    return _WORDS.get(words, words)


def is_compatible(expression: str) -> bool:
    """Whether an expression of licences joined by AND, and by OR within brackets or alone, is."""
    parts = re.split(r" AND (?![^(]*\))", expression)
    return all(
        any(choice in COMPATIBLE for choice in part.strip("()").split(" OR ")) for part in parts
    )


def dependencies() -> dict[str, str]:
    """Each installed package that Opcit needs, and what for: running, an extra, development."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    needs = {
        "running": [project["project"]["dependencies"]],
        "an extra": project["project"]["optional-dependencies"].values(),
        "development": project["dependency-groups"].values(),
    }
    found: dict[str, str] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    for why, lists in needs.items():
        pending = [Requirement(line) for lines in lists for line in lines]
        while pending:
            requirement = pending.pop()
            name, extras = canonicalize_name(requirement.name), frozenset(requirement.extras)
            if (name, extras) in seen:
                continue
            seen.add((name, extras))
            try:
                further = [Requirement(line) for line in requires(name) or []]
            except PackageNotFoundError:
                continue  # for another system, or an extra that nobody installed
            found.setdefault(name, why)
            pending += [
                other
                for other in further
                if other.marker is None
                or any(other.marker.evaluate({"extra": extra}) for extra in {"", *extras})
            ]
    return found


def page() -> str:
    """The text of licences.md."""
    rows = [f"| {name} | {licence(name)} | {why} |" for name, why in sorted(dependencies().items())]
    return "\n".join(
        [
            "# Licences",
            "",
            "Opcit is licensed under Apache-2.0. It contains no other program, but needs these,",
            "each under a licence that lets it. `python docs/licences.py` writes this page anew.",
            "",
            "| package | licence, as it says itself | needed for |",
            "|---|---|---|",
            *rows,
            "",
        ]
    )


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
