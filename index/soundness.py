"""Whether an index folder is sound, and its last good catalog put back where it is not.

Looks at what lies on the disk and mends nothing by itself; knows no encoder.
"""

import shutil
from pathlib import Path

from .catalog import Catalog, last_good
from .derived import derived_problems
from .errors import IndexFolderError
from .index import read_manifest


def verify_index(folder: Path) -> list[str]:
    """What is wrong with the index in `folder`, a sentence each; nothing if it is sound.

    Reads all of it: SQLite's own check, every passage at its place in its document, every vector's
    size, the manifest, and the search indexes against the catalog. Raises IndexFolderError if
    there is no index, or its catalog cannot be opened at all.
    """
    manifest = read_manifest(folder)
    catalog = Catalog.open(folder / "catalog.sqlite")
    try:
        with catalog.reading():
            problems = catalog.problems(manifest["dimension"])
            if catalog.setting("encoder_fingerprint") != manifest["encoder_fingerprint"]:
                problems.append(
                    f"{folder / 'manifest.json'} names another encoder than the catalog;"
                    " run `opcit index DOCS` to write it again."
                )
            return problems or derived_problems(folder / "derived", catalog)
    except IndexFolderError as error:
        return [str(error)]
    finally:
        catalog.close()


def restore_index(folder: Path) -> None:
    """Put the last good copy of the catalog in its place, and keep the damaged one beside it.

    Raises IndexFolderError if there is no copy, or if the catalog is not damaged.
    """
    path = folder / "catalog.sqlite"
    copy = last_good(path)
    if not copy.is_file():
        raise IndexFolderError(f"There is no copy of a catalog in {folder}.")
    if path.is_file() and not _catalog_problems(folder):
        raise IndexFolderError(f"The catalog {path} is not damaged; it stays.")
    try:
        new = path.with_name("catalog.new")
        shutil.copyfile(copy, new)
        if path.exists():
            path.replace(path.with_name("catalog.damaged"))
        # What the damaged catalog left in SQLite's log would be played into the good one.
        for ending in ("-wal", "-shm"):
            path.with_name(path.name + ending).unlink(missing_ok=True)
        new.replace(path)
    except OSError as error:
        raise IndexFolderError(f"{path} cannot be written ({error.strerror}).") from error


def _catalog_problems(folder: Path) -> list[str]:
    try:
        catalog = Catalog.open(folder / "catalog.sqlite")
    except IndexFolderError as error:
        return [str(error)]
    try:
        return catalog.problems(read_manifest(folder)["dimension"])
    except IndexFolderError as error:
        return [str(error)]
    finally:
        catalog.close()
