"""Writing files so that a stopped run leaves the old file or the new one, never a part of one."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from CardioSAMLib.cine import UnusableInput

_PREFIX = ".cardiosam-"
_FULL_DISK = (errno.ENOSPC, errno.EDQUOT)


def write_files(folder: Path, contents: Mapping[str, bytes]) -> tuple[Path, ...]:
    """Writes each of the named contents into a folder, which is made where it is missing; returns their paths.

    All files are first written completely under temporary names in the same folder, then renamed one after the other.
    Whatever stops it before the renaming (full disk, Ctrl-C, `Cancelled`) leaves the folder as it was.
    Raises UnusableInput where the folder cannot be written to or is full.
    """
    with _plain_errors(folder), _folder_made(folder), _staging(folder) as staging:
        for name, content in contents.items():
            (staging / name).write_bytes(content)
            if (folder / name).is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(folder / name))
        for name in contents:
            os.replace(staging / name, folder / name)
    return tuple(folder / name for name in contents)


def check_writable(folder: Path) -> None:
    """Returns if `write_files` can be expected to work there; leaves nothing behind, not even the folder.

    For callers that would otherwise learn it only after long work. Raises UnusableInput.
    """
    existing = folder
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    with _plain_errors(folder), _staging(existing) as staging:
        (staging / "probe").write_bytes(bytes(4096))


@contextmanager
def _folder_made(folder: Path) -> Iterator[None]:
    """Makes the folder and its parents; takes those it made away again if the block fails."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for path in missing:
            # Not empty, or never made: then it is not ours to take away.
            try:
                path.rmdir()
            except OSError:
                break
        raise


@contextmanager
def _staging(folder: Path) -> Iterator[Path]:
    """A hidden folder inside the folder (a rename within one file system is atomic), removed in any case."""
    staging = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=folder))
    try:
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)


@contextmanager
def _plain_errors(folder: Path) -> Iterator[None]:
    """Turns errors of the operating system into one sentence for the user."""
    try:
        yield
    except (FileExistsError, NotADirectoryError) as error:
        raise UnusableInput(f"The output folder {folder} is, or lies below, a file; give a folder.") from error
    except IsADirectoryError as error:
        raise UnusableInput(
            f"{error.filename} is a folder where a file must go; move it or give another one."
        ) from error
    except OSError as error:
        if error.errno in _FULL_DISK:
            sentence = f"The disk of the output folder {folder} is full; free some space or give another folder."
        else:
            reason = (error.strerror or "unknown reason").lower()
            sentence = f"The output folder {folder} cannot be written to ({reason}); give one that can."
        raise UnusableInput(sentence) from error
