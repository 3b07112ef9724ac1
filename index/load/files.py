"""Which files of a folder can become documents, in a fixed order."""

import os
from collections.abc import Iterator
from pathlib import Path

from ..errors import FolderError
from .formats import SUFFIXES
from .parsed import listed, shown

_ENDINGS = tuple(SUFFIXES)


def find_files(folder: Path, besides: Path | None = None) -> list[str]:
    """The supported files under `folder`, at any depth, sorted by path; each file once.

    Paths as strings: making an object for each of 50,000 takes longer than listing them.

    Hidden files and folders (leading dot) and the lock files of office programs (`~$`) are left
    out. A symbolic link is followed only to a place inside `folder`. A subfolder that cannot be
    opened is itself in the list, so that `load` tells of it instead of its files going missing
    in silence. A single supported file is a corpus of one. Nothing in the folder `besides`, a real
    path, is taken.

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
            return [str(folder)]
        with os.scandir(root):
            pass
    except FileNotFoundError:
        raise FolderError(
            f"There is no folder {shown(folder)}; check the path for a typing error (of one that is"
            " gone, `opcit forget` removes what was indexed)."
        ) from None
    except PermissionError:
        raise FolderError(
            f"The folder {shown(folder)} cannot be read; give yourself permission to open it."
        ) from None
    # RuntimeError: how Python before 3.13 reports links in a circle. ValueError: a NUL in the name.
    except (OSError, RuntimeError, ValueError) as error:
        raise FolderError(f"{shown(folder)} cannot be opened as a folder: {error}.") from error
    # With the lowest sign between the parts of a path, a folder comes before its longer namesakes.
    return sorted(_walk(str(folder), root, besides), key=lambda path: path.replace(os.sep, "\0"))


def _walk(folder: str, root: Path, besides: Path | None) -> Iterator[str]:
    """Yields files by their real names first; links afterwards, if they lead to anything new."""
    seen = {str(besides)} if besides else set()
    pending: list[tuple[str, str]] = [(folder, str(root))]
    links: list[str] = []
    while pending or links:
        if not pending:
            link = links.pop(0)
            target = _inside(link, root, besides)
            if target is None or str(target) in seen:
                continue
            if target.is_dir():
                pending.append((link, str(target)))
            elif target.is_file() and _is_supported(link):
                seen.add(str(target))
                yield link
            continue
        folder, real = pending.pop()
        if real in seen:
            continue
        seen.add(real)
        try:
            with os.scandir(folder) as entries:
                inside = sorted(entries, key=lambda entry: entry.name)
        except OSError:
            yield folder
            continue
        above = real.rstrip(os.sep) + os.sep
        for entry in inside:
            if entry.name.startswith((".", "~$")):
                continue
            if entry.is_symlink():
                links.append(entry.path)
            elif entry.is_dir():
                pending.append((entry.path, above + entry.name))
            elif entry.is_file() and _is_supported(entry.name) and above + entry.name not in seen:
                seen.add(above + entry.name)
                yield entry.path


def _is_supported(path: str) -> bool:
    return path.lower().endswith(_ENDINGS)


def _inside(link: str, root: Path, besides: Path | None) -> Path | None:
    """Where a link leads; None if nowhere, in a circle, out of `root` or into `besides`."""
    try:
        real = Path(link).resolve(strict=True)
    except (OSError, RuntimeError):
        return None
    aside = besides is not None and real.is_relative_to(besides)
    return real if real.is_relative_to(root) and not aside else None
