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
    while True:
        manifest = read_manifest(folder)
        with closing(Catalog.open(folder / "catalog.sqlite")) as catalog:
            try:
                with catalog.reading():
                    generation = catalog.generation
                    problems = catalog.problems(manifest["dimension"])
                    if catalog.setting("encoder_fingerprint") != manifest["encoder_fingerprint"]:
                        problems.append(
                            f"{folder / 'manifest.json'} names another encoder than the catalog;"
                            " run `opcit index DOCS` to write it again."
                        )
                    problems = problems or derived_problems(folder / "derived", catalog)
                # An update that ends meanwhile takes away what belonged to the state before it.
                if not problems or catalog.generation == generation:
                    return problems
            except IndexFolderError as error:
                return [str(error)]


def restore_index(folder: Path) -> None:
    """Put the last good copy of the catalog in its place, and keep the damaged one beside it.

    Raises IndexFolderError if there is no copy, or it is damaged too, or if the catalog is sound or
    out of reach.
    """
    path = folder / "catalog.sqlite"
    copy = last_good(path)
    if not copy.is_file():
        raise IndexFolderError(f"There is no copy of a catalog in {folder}.")
    if path.is_file() and not _is_damaged(path):
        raise IndexFolderError(f"The catalog {path} is not damaged; it stays.")
    try:
        new = path.with_name("catalog.new")
        shutil.copyfile(copy, new)
        if _is_damaged(new):
            new.unlink()
            raise IndexFolderError(
                f"The last good copy, {copy}, is damaged too; remove {folder} and run `opcit index"
                " DOCS` again."
            )
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


def _is_damaged(catalog: Path) -> bool:
    dimension = None
    with suppress(IndexFolderError):  # the manifest can be written again from a sound catalog
        dimension = read_manifest(catalog.parent)["dimension"]
    try:
        with closing(Catalog.open(catalog)) as opened:
            return bool(opened.problems(dimension))
    except CatalogDamagedError:
        return True
