import errno
import os
from pathlib import Path

import pytest

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.io.atomic import check_writable, write_files

OLD, NEW = {"a.txt": b"old a", "b.txt": b"old b"}, {"a.txt": b"new a", "b.txt": b"new b"}


def contents_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def break_after_first_file(monkeypatch):
    """Makes the second file raise what the test says, after half of it was written."""

    def arrange(error: BaseException) -> None:
        write_bytes, written = Path.write_bytes, []

        def breaking(path: Path, content: bytes) -> int:
            written.append(path)
            if len(written) > 1:
                write_bytes(path, content[: len(content) // 2])
                raise error
            return write_bytes(path, content)

        monkeypatch.setattr(Path, "write_bytes", breaking)

    return arrange


def test_the_folder_holds_the_named_files_and_nothing_else(tmp_path):
    paths = write_files(tmp_path / "deep" / "out", NEW)
    assert contents_of(tmp_path / "deep" / "out") == NEW
    assert [path.name for path in paths] == list(NEW)


def test_old_files_are_replaced_and_others_are_left_alone(tmp_path):
    write_files(tmp_path, OLD | {"mine.txt": b"mine"})
    write_files(tmp_path, NEW)
    assert contents_of(tmp_path) == NEW | {"mine.txt": b"mine"}


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device")])
def test_a_write_that_breaks_off_halfway_leaves_all_old_files_and_no_temporary_one(
    tmp_path, break_after_first_file, error
):
    write_files(tmp_path, OLD)
    break_after_first_file(error)
    with pytest.raises((KeyboardInterrupt, UnusableInput)):
        write_files(tmp_path, NEW)
    assert contents_of(tmp_path) == OLD


def test_folders_made_for_a_write_that_breaks_off_are_taken_away(tmp_path, break_after_first_file):
    break_after_first_file(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        write_files(tmp_path / "made" / "deep", NEW)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_said_in_plain_words(tmp_path, break_after_first_file):
    break_after_first_file(OSError(errno.ENOSPC, "No space left on device"))
    with pytest.raises(UnusableInput, match="is full; free some space"):
        write_files(tmp_path, NEW)


@pytest.mark.parametrize("below", ["file", "file/out"])
@pytest.mark.parametrize("write", [lambda folder: write_files(folder, NEW), check_writable])
def test_a_file_in_the_place_of_the_folder_is_named(tmp_path, below, write):
    (tmp_path / "file").write_bytes(b"mine")
    with pytest.raises(UnusableInput, match="a file; give a folder"):
        write(tmp_path / below)
    assert contents_of(tmp_path) == {"file": b"mine"}


def test_a_folder_in_the_place_of_a_file_stops_all_files(tmp_path):
    (tmp_path / "b.txt").mkdir()
    with pytest.raises(UnusableInput, match=r"b\.txt is a folder"):
        write_files(tmp_path, NEW)
    assert [path.name for path in tmp_path.iterdir()] == ["b.txt"]


@pytest.mark.parametrize("write", [lambda folder: write_files(folder, NEW), check_writable])
def test_a_folder_without_permission_is_said_in_plain_words(tmp_path, monkeypatch, write):
    # Tests may run as root, whom no mode of a folder stops: the system's answer is given here.
    def refuse(*_args, **_named):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr("tempfile.mkdtemp", refuse)
    with pytest.raises(UnusableInput, match=r"cannot be written to \(permission denied\)"):
        write(tmp_path)


def test_checking_a_folder_leaves_nothing_behind(tmp_path):
    check_writable(tmp_path / "not" / "there")
    assert list(tmp_path.iterdir()) == []


def test_written_files_can_be_read_by_others_as_the_umask_says(tmp_path):
    (plain := tmp_path / "plain").write_bytes(b"")
    (written,) = write_files(tmp_path, {"a.txt": b"a"})
    assert written.stat().st_mode == plain.stat().st_mode
