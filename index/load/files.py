"""Which files of a folder can become documents, in a fixed order."""

import os
from collections.abc import Iterator
from pathlib import Path

from ..errors import FolderError
from .formats import SUFFIXES
from .parsed import listed, shown


def find_files(folder: Path) -> list[Path]:
    """The supported files under `folder`, at any depth, sorted by path; each file once.

    Hidden files and folders (leading dot) and the lock files of office programs (`~$`) are left
    out. A symbolic link is followed only to a place inside `folder`. A subfolder that cannot be
    opened is itself in the list, so that `load` tells of it instead of its files going missing
    in silence. A single supported file is a corpus of one.

    Raises FolderError if `folder` is missing, unreadable, or a file of another kind.
    """
    try:
        root = folder.resolve(strict=True)
        if root.is_file():
            if root.suffix.lower() not in SUFFIXES and folder.suffix.lower() not in SUFFIXES:
                raise FolderError(
                    f"{shown(folder)} is a file of a kind Opcit does not read; "
                    f"give a folder, or a file ending in {listed(SUFFIXES)}."
                )
            return [folder]
        with os.scandir(root):
            pass
    except FileNotFoundError:
        raise FolderError(
            f"There is no folder {shown(folder)}; check the path for a typing error."
        ) from None
    except PermissionError:
        raise FolderError(
            f"The folder {shown(folder)} cannot be read; give yourself permission to open it."
        ) from None
    # RuntimeError: how Python before 3.13 reports links in a circle. ValueError: a NUL in the name.
    except (OSError, RuntimeError, ValueError) as error:
        raise FolderError(f"{shown(folder)} cannot be opened as a folder: {error}.") from error
    return sorted(_walk(folder, root))


def _walk(folder: Path, root: Path) -> Iterator[Path]:
    """Yields files by their real names first; links afterwards, if they lead to anything new."""
    seen: set[Path] = set()
    pending: list[tuple[Path, Path]] = [(folder, root)]
    links: list[Path] = []
    while pending or links:
        if not pending:
            link = links.pop(0)
            real = _inside(link, root)
            if real is None or real in seen:
                continue
            if real.is_dir():
                pending.append((link, real))
            elif real.is_file() and link.suffix.lower() in SUFFIXES:
                seen.add(real)
                yield link
            continue
        shown, real = pending.pop()
        if real in seen:
            continue
        seen.add(real)
        try:
            with os.scandir(shown) as entries:
                names = sorted(entries, key=lambda entry: entry.name)
        except OSError:
            yield shown
            continue
        for entry in names:
            path = shown / entry.name
            if entry.name.startswith((".", "~$")):
                continue
            if entry.is_symlink():
                links.append(path)
            elif entry.is_dir():
                pending.append((path, real / entry.name))
            elif (
                entry.is_file()
                and path.suffix.lower() in SUFFIXES
                and real / entry.name not in seen
            ):
                seen.add(real / entry.name)
                yield path


def _inside(link: Path, root: Path) -> Path | None:
    """Where a link leads, or None for a dead link, a circle, or a place outside `root`."""
    try:
        real = link.resolve(strict=True)
    except (OSError, RuntimeError):
        return None
    return real if real.is_relative_to(root) else None
