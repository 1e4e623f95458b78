"""Where a study lies on disk: finding its files, and one plain sentence where they cannot be read."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from CardioSAMLib.cine import UnusableInput


@contextmanager
def plain_sentences() -> Iterator[None]:
    """Turns what the operating system refuses into `UnusableInput`; our own errors pass."""
    try:
        yield
    except PermissionError as error:
        raise UnusableInput(
            f"No permission to read {_name(error)}; ask its owner for it, or copy the study to a folder of your own."
        ) from error
    except OSError as error:
        raise UnusableInput(
            f"{_name(error)} cannot be read ({error.strerror or error}); check the disk and copy the study again."
        ) from error


def existing(path: Path | str) -> Path:
    """The path. Raises UnusableInput if nothing is there."""
    path = Path(path)
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UnusableInput(f"There is nothing at {path}; check the spelling of the path.") from error
    return path


def files_below(path: Path) -> list[Path]:
    """The file itself, or all files of a folder and of the folders in it, in natural order of their names.

    Names that start with a dot are passed over: macOS puts a `._name` with no image in it beside each file.
    Raises PermissionError where a folder may not be listed, UnusableInput where there is no file at all.
    """
    if not path.is_dir():
        return [path]
    files = []
    for folder, subfolders, names in os.walk(path, onerror=_raise):
        subfolders[:] = sorted(name for name in subfolders if not is_hidden(name))
        files += [Path(folder) / name for name in names if not is_hidden(name)]
    if not files:
        raise UnusableInput(f"The folder {path} is empty; give the folder that holds the study.")
    return sorted(files, key=natural_order)


def is_hidden(name: str) -> bool:
    """Whether a file or folder is one that systems keep for themselves."""
    return name.startswith(".")


def natural_order(path: Path) -> tuple[tuple[int, int, str], ...]:
    """Sorting key under which `2.dcm` comes before `10.dcm`."""
    parts = re.split(r"(\d+)", str(path))
    return tuple((1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts)


def _raise(error: OSError) -> None:
    raise error


def _name(error: OSError) -> str:
    return str(error.filename) if error.filename is not None else "the input"
