"""The parsers under inputs that atheris makes up, led by what they reach in the code.

Not one of the tests: run by hand, for as long as one likes, in an environment of its own:

    python3.11 -m venv /tmp/fuzz && /tmp/fuzz/bin/pip install atheris -e .
    /tmp/fuzz/bin/python tests/fuzz_loaders.py html -max_total_time=600 -timeout=30

with `html`, `pdf` or `docx`. Begins with the files of tests/data. Anything but a document or a
refusal in one sentence, and anything longer than the time limit, ends the run with the input kept.
"""

import io
import shutil
import sys
import tempfile
import zipfile
from functools import cache
from pathlib import Path

import atheris

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

with atheris.instrument_imports(include=["index.load", "docx", "trafilatura", "htmldate"]):
    import docx
    import trafilatura  # noqa: F401 - so that it is watched

    from index import LoadError
    from index.load.formats import parse

LIMIT = 1_000_000
DATA = ROOT / "tests/data"
PART = "word/document.xml"


def word_file(body: bytes) -> bytes:
    """A Word document whose main part is `body`: a changed zip hardly ever opens."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        for name, part in template().items():
            made.writestr(name, body if name == PART else part)
    return file.getvalue()


@cache
def template() -> dict[str, bytes]:
    """The parts of an empty Word document."""
    file = io.BytesIO()
    docx.Document().save(file)
    with zipfile.ZipFile(file) as good:
        return {name: good.read(name) for name in good.namelist()}


def seeds(suffix: str, folder: Path) -> None:
    for path in DATA.glob(f"*{suffix}"):
        if suffix == ".docx" and zipfile.is_zipfile(path):
            (folder / path.name).write_bytes(zipfile.ZipFile(path).read(PART))
        else:
            shutil.copy(path, folder)


def main() -> None:
    suffix = "." + sys.argv[1]

    def once(data: bytes) -> None:
        file = word_file(data) if suffix == ".docx" else data
        try:
            found = parse(suffix, file, "name", LIMIT)
        except LoadError as error:
            assert str(error).startswith("name: ") and "\n" not in str(error)
            return
        assert list(found.page_starts) == sorted(found.page_starts)
        found.text.encode()

    folder = Path(tempfile.mkdtemp())
    seeds(suffix, folder)
    atheris.Setup([sys.argv[0], str(folder), *sys.argv[2:]], once)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
