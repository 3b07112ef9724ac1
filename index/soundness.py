"""Whether an index folder is sound, and its last good catalog put back where it is not.

Looks at what lies on the disk and mends nothing by itself; knows no encoder.
"""

import shutil
from contextlib import closing, suppress
from pathlib import Path

from .catalog import Catalog, last_good
from .derived import derived_problems
from .errors import CatalogDamagedError, IndexFolderError
from .index import read_manifest


def verify_index(folder: Path) -> list[str]:
    """What is wrong with the index in `folder`, a sentence each; nothing if it is sound.

    Reads all of it: SQLite's own check, every passage at its place in its document with its
    sentences, every vector's size, the manifest, and the search indexes against the catalog.
    Raises IndexFolderError if there is no index, or its catalog cannot be opened at all.
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

    Raises IndexFolderError if there is no copy, or if the catalog is sound or out of reach.
    """
    path = folder / "catalog.sqlite"
    copy = last_good(path)
    if not copy.is_file():
        raise IndexFolderError(f"There is no copy of a catalog in {folder}.")
    if path.is_file() and not _is_damaged(folder):
        raise IndexFolderError(f"The catalog {path} is not damaged; it stays.")
    try:
        new = path.with_name("catalog.new")
        shutil.copyfile(copy, new)
        # With SQLite's log, which may hold the last changes, and would be played into the good one.
        places = [
            (path.with_name(path.name + ending), path.with_name("catalog.damaged" + ending))
            for ending in ("", "-wal", "-shm")
        ]
        if path.exists():  # else a killed process has moved it already
            for _, kept in places:
                kept.unlink(missing_ok=True)
        for damaged, kept in places:
            if damaged.exists():
                damaged.replace(kept)
        new.replace(path)
    except OSError as error:
        raise IndexFolderError(f"{path} cannot be written ({error.strerror}).") from error


def _is_damaged(folder: Path) -> bool:
    dimension = None
    with suppress(IndexFolderError):  # the manifest can be written again from a sound catalog
        dimension = read_manifest(folder)["dimension"]
    try:
        with closing(Catalog.open(folder / "catalog.sqlite")) as catalog:
            return bool(catalog.problems(dimension))
    except CatalogDamagedError:
        return True
