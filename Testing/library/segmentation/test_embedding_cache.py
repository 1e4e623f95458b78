"""Claims about the embedding cache: found by content alone, bounded, intact or not there, never in the way."""

import logging
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.phantom import PhantomOptions, make_phantom
from CardioSAMLib.segmentation.embedding_cache import CacheInfo, EmbeddingCache, default_folder, embedding_key

ROOT = Path(__file__).resolve().parents[3]
WEIGHTS = "ab" * 32
PIXELS = np.random.default_rng(0).normal(size=(3, 32, 32)).astype(np.float32)
OVERHEAD_BYTES = 400  # of a file, at most: magic line, checksum, list of arrays


def key_of(pixels, weights=WEIGHTS, preprocessing="sam", dtype="float32"):
    return embedding_key(pixels, weights, preprocessing, dtype)


def key_number(number):
    return key_of(np.full((3, 4, 4), number, np.float32))


def kilobyte(number=0.0):
    """An embedding of 1,000 bytes as it is kept: 500 values of float16."""
    return {"image": np.full((500,), number, np.float32)}


def files_of(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def cache(tmp_path):
    return EmbeddingCache(tmp_path / "cache")


def reopened(cache):
    """The same folder as another program sees it: with an empty memory."""
    return EmbeddingCache(cache.info().folder, cache.info().max_bytes)


# The key: Stein 2023 kept embeddings by patient and slice, and so mixed frames and views


def test_equal_pixels_have_equal_keys_however_they_lie_in_memory():
    assert key_of(PIXELS) == key_of(PIXELS.copy())
    assert key_of(PIXELS) == key_of(np.asfortranarray(PIXELS))
    assert key_of(PIXELS) == key_of(PIXELS.astype(">f4"))


@pytest.mark.parametrize(
    "other",
    [
        PIXELS[:, :, ::-1],
        PIXELS[:, ::-1],
        np.rot90(PIXELS, axes=(1, 2)),
        (PIXELS - PIXELS.mean()) / PIXELS.std(),
        PIXELS[:, ::2, ::2],
        PIXELS.reshape(3, 16, 64),
        PIXELS.astype(np.float64),
        np.nextafter(PIXELS, np.float32(9)),
    ],
    ids=["mirrored", "flipped", "rotated", "normalized", "smaller", "other shape", "other type", "one bit"],
)
def test_another_view_of_the_same_image_has_another_key(other):
    assert key_of(other) != key_of(PIXELS)


def test_other_weights_preprocessing_or_precision_have_other_keys():
    keys = {
        key_of(PIXELS),
        key_of(PIXELS, weights="cd" * 32),
        key_of(PIXELS, preprocessing="medsam"),
        key_of(PIXELS, dtype="bfloat16"),
        key_of(PIXELS, preprocessing="samfloat32", dtype=""),
    }
    assert len(keys) == 5


def through(cache, pixels):
    """A mask by way of the cache, from an encoder that keeps the pixels and a decoder that takes the bright ones."""
    key = key_of(pixels)
    kept = cache.get(key)
    if kept is None:
        kept = cache.put(key, {"image": pixels})
    return kept["image"] > 0.5


def test_two_frames_of_a_slice_do_not_share_an_embedding(cache):
    phantom = make_phantom(PhantomOptions(frames=4, slices=5, rows=96, columns=96, spacing_mm=(3.2, 3.2, 18.0)))
    pixels = phantom.cine.pixels.astype(np.float32)
    views = [pixels[frame, 2] / pixels.max() for frame in (phantom.truth.ed_frame, phantom.truth.es_frame)]
    masks = [through(cache, view) for view in views]
    assert np.any(masks[0] != masks[1])
    for view, mask in zip(views, masks, strict=True):
        np.testing.assert_array_equal(mask, np.float16(view) > 0.5)
    assert cache.info().entries == 2


def test_an_augmented_view_is_not_given_the_embedding_of_the_first_one(cache):
    image = np.zeros((8, 8), np.float32)
    image[:, :3] = 1.0
    np.testing.assert_array_equal(through(cache, image), image > 0.5)
    np.testing.assert_array_equal(through(cache, image[:, ::-1]), image[:, ::-1] > 0.5)


@pytest.mark.parametrize("key", ["Doe^John", "patient001_slice03", "../" + "0" * 61, "A" * 64, "0" * 63, ""])
def test_a_name_cannot_be_a_key_and_nothing_is_written_for_it(key, cache, tmp_path):
    with pytest.raises(ValueError, match="embedding_key"):
        cache.put(key, kilobyte())
    with pytest.raises(ValueError, match="embedding_key"):
        cache.get(key)
    assert not list(tmp_path.iterdir())


def test_files_are_named_by_keys_and_only_the_user_may_read_them(cache):
    cache.put(key_number(1), kilobyte())
    (file,) = files_of(cache.info().folder)
    assert file.name == f"{key_number(1)}.embedding"
    if os.name == "posix":
        assert file.stat().st_mode & 0o077 == 0
        assert file.parent.stat().st_mode & 0o077 == 0


# What comes back


def test_what_was_put_survives_the_program_within_the_declared_loss(cache):
    random = np.random.default_rng(1)
    values = (random.normal(size=(256, 14, 14)) * 10.0 ** random.uniform(-9, 4, (256, 14, 14))).astype(np.float32)
    cache.put(key_number(1), {"image": values})
    back = reopened(cache).get(key_number(1))["image"]
    assert back.dtype == np.float32
    assert back.shape == values.shape
    small = np.abs(values) < 2.0**-14
    assert small.any()
    assert np.max(np.abs(back - values)[small]) <= 2.0**-25
    assert np.max((np.abs(back - values) / np.abs(values))[~small]) <= 2.0**-11
    assert cache.info().bytes <= 2 * values.size + OVERHEAD_BYTES


def test_memory_disk_and_the_first_answer_give_the_same_values(cache):
    embedding = {"image": np.float32([1.0001, 3.14159]), "high": np.float32([[0.1]])}
    answers = [cache.put(key_number(1), embedding), cache.get(key_number(1)), reopened(cache).get(key_number(1))]
    for answer in answers:
        assert list(answer) == ["image", "high"]
        for name, array in embedding.items():
            np.testing.assert_array_equal(answer[name], array.astype(np.float16).astype(np.float32))


@pytest.mark.parametrize(
    "array",
    [
        np.float32([1e5, -1e-3]),
        np.float32([np.nan, np.inf, -np.inf, 0.5]),
        np.arange(6, dtype=np.int64).reshape(2, 3) - 2**40,
        np.array([True, False]),
        np.array(7, np.int32),
        np.float32(2.5).reshape(()),
        np.zeros((0, 4), np.float32),
        np.float32([[1.0, 2.0], [3.0, 4.0]]).T,
    ],
    ids=["beyond float16", "not finite", "integers", "booleans", "one integer", "one number", "empty", "transposed"],
)
def test_arrays_that_are_exact_as_kept_come_back_exactly(array, cache):
    cache.put(key_number(1), {"a": array})
    for asked in (cache, reopened(cache)):
        back = asked.get(key_number(1))["a"]
        assert back.dtype == array.dtype
        assert back.shape == array.shape
        np.testing.assert_array_equal(back, array)


def test_text_and_objects_are_refused(cache):
    for array in (np.array(["Doe"]), np.array([{}], dtype=object)):
        with pytest.raises(ValueError, match="'notes'"):
            cache.put(key_number(1), {"notes": array})


def test_what_a_caller_does_with_its_arrays_does_not_change_the_cache(cache):
    mine = {"image": np.ones(4, np.float32), "count": np.ones(4, np.int32)}
    for arrays in (mine, cache.put(key_number(1), mine), cache.get(key_number(1))):
        for array in arrays.values():
            array[:] = 9
    for array in cache.get(key_number(1)).values():
        assert array.tolist() == [1, 1, 1, 1]


def test_what_is_not_there_is_none(cache):
    assert cache.get(key_number(1)) is None


# The bounds


def test_the_bound_holds_after_every_put_and_the_oldest_go_first(tmp_path):
    cache = EmbeddingCache(tmp_path, max_bytes=3 * (1000 + OVERHEAD_BYTES), memory_bytes=0)
    for number in range(8):
        cache.put(key_number(number), kilobyte(number))
        assert sum(path.stat().st_size for path in files_of(tmp_path)) <= 3 * (1000 + OVERHEAD_BYTES)
    kept = [number for number in range(8) if cache.get(key_number(number)) is not None]
    assert kept == [5, 6, 7]


@pytest.mark.parametrize("memory_bytes", [0, 10**6], ids=["from disk", "from memory"])
def test_what_was_used_lately_stays(memory_bytes, tmp_path):
    cache = EmbeddingCache(tmp_path, max_bytes=2 * (1000 + OVERHEAD_BYTES), memory_bytes=memory_bytes)
    cache.put(key_number(1), kilobyte())
    cache.put(key_number(2), kilobyte())
    assert cache.get(key_number(1)) is not None
    cache.put(key_number(3), kilobyte())
    other = EmbeddingCache(tmp_path)
    assert other.get(key_number(1)) is not None
    assert other.get(key_number(2)) is None
    assert other.get(key_number(3)) is not None


def test_a_single_entry_above_the_bound_is_not_kept_and_evicts_nothing(tmp_path):
    cache = EmbeddingCache(tmp_path, max_bytes=1000 + OVERHEAD_BYTES, memory_bytes=0)
    cache.put(key_number(1), kilobyte(1))
    large = {"image": np.zeros(5000, np.float32)}
    np.testing.assert_array_equal(cache.put(key_number(2), large)["image"], large["image"])
    assert cache.get(key_number(2)) is None
    assert cache.get(key_number(1)) is not None


def test_memory_is_bounded_and_the_least_recently_used_go_first(tmp_path):
    cache = EmbeddingCache(tmp_path, max_bytes=0, memory_bytes=2000)
    cache.put(key_number(1), kilobyte(1))
    cache.put(key_number(2), kilobyte(2))
    cache.put(key_number(2), kilobyte(2))  # again: takes no second place
    assert cache.get(key_number(1)) is not None
    cache.put(key_number(3), kilobyte(3))
    assert [cache.get(key_number(number)) is not None for number in (1, 2, 3)] == [True, False, True]
    assert not files_of(tmp_path)


def test_what_a_killed_program_left_unfinished_counts_and_is_removed_after_an_hour(cache):
    cache.put(key_number(1), kilobyte())
    folder = cache.info().folder
    left_over = folder / f"{key_number(2)}.x1y2.part"
    left_over.write_bytes(bytes(700))
    assert cache.info().bytes == 700 + (folder / f"{key_number(1)}.embedding").stat().st_size
    cache.put(key_number(3), kilobyte())
    assert left_over.exists()  # it may be another program's that is writing now
    two_hours_ago = time.time() - 7200
    os.utime(left_over, (two_hours_ago, two_hours_ago))
    EmbeddingCache(folder).put(key_number(4), kilobyte())  # as a program that is started later
    assert not left_over.exists()
    assert cache.info().entries == 3


def test_while_there_is_room_not_every_new_entry_makes_it_look_at_all_files(tmp_path, monkeypatch):
    looked = []
    cache = EmbeddingCache(tmp_path, max_bytes=100 * (1000 + OVERHEAD_BYTES), memory_bytes=0)
    monkeypatch.setattr(cache, "_evict", lambda evict=cache._evict: (looked.append(1), evict()))
    for number in range(12):
        cache.put(key_number(number), kilobyte())
    assert 2 <= len(looked) <= 4


# Damage


def truncated(content):
    return content[:-1]


def emptied(_content):
    return b""


def one_bit_flipped(content):
    return content[:-50] + bytes([content[-50] ^ 1]) + content[-49:]


def of_another_version(content):
    return content.replace(b"embedding 1", b"embedding 0")


def longer(content):
    return content + b"\0"


@pytest.mark.parametrize("damage", [truncated, emptied, one_bit_flipped, of_another_version, longer])
def test_a_damaged_file_is_noticed_removed_and_made_anew(damage, cache, caplog):
    cache.put(key_number(1), kilobyte(1))
    (file,) = files_of(cache.info().folder)
    file.write_bytes(damage(file.read_bytes()))
    other = reopened(cache)
    assert other.get(key_number(1)) is None
    assert not file.exists()
    assert "damaged" in caplog.text
    other.put(key_number(1), kilobyte(1))
    np.testing.assert_array_equal(reopened(cache).get(key_number(1))["image"], kilobyte(1)["image"])


def test_a_file_under_the_name_of_another_is_noticed(cache):
    cache.put(key_number(1), kilobyte(1))
    (file,) = files_of(cache.info().folder)
    file.rename(file.with_name(f"{key_number(2)}.embedding"))
    assert reopened(cache).get(key_number(2)) is None


# A folder that does not work


def test_a_folder_that_cannot_be_made_leaves_the_memory_and_one_warning(tmp_path, caplog):
    (tmp_path / "file").write_text("")
    cache = EmbeddingCache(tmp_path / "file" / "cache")
    with caplog.at_level(logging.WARNING):
        for number in range(3):
            cache.put(key_number(number), kilobyte(number))
    np.testing.assert_array_equal(cache.get(key_number(2))["image"], kilobyte(2)["image"])
    (record,) = caplog.records
    assert "CARDIOSAM_CACHE" in record.getMessage()
    assert cache.info().entries == 0


FILE_TOO_LARGE = """
import resource, sys
from pathlib import Path
import numpy as np
from CardioSAMLib.segmentation.embedding_cache import EmbeddingCache
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
cache = EmbeddingCache(Path(sys.argv[1]))
for key in ("0" * 64, "1" * 64):
    cache.put(key, {"image": np.ones(5000, np.float32)})
    assert cache.get(key)["image"].sum() == 5000
"""


@pytest.mark.skipif(os.name != "posix", reason="limits the size of files by a system call of POSIX")
def test_a_write_that_the_system_stops_midway_leaves_the_memory_one_warning_and_no_file(tmp_path):
    done = run_python(FILE_TOO_LARGE, tmp_path).wait_and_check()
    assert done.count("cannot be written to") == 1
    assert not files_of(tmp_path)


def test_a_cache_that_may_only_be_read_still_answers(cache, caplog):
    cache.put(key_number(1), kilobyte(1))
    folder = cache.info().folder
    folder.chmod(0o500)
    try:
        if os.access(folder, os.W_OK):
            pytest.skip("this user, or this system, may write everywhere")
        other = reopened(cache)
        assert other.get(key_number(1)) is not None
        other.put(key_number(2), kilobyte(2))
        other.put(key_number(3), kilobyte(3))
        assert other.get(key_number(2)) is not None
        assert len(caplog.records) == 1
        with pytest.raises(UnusableInput, match="emptied"):
            other.clear()
    finally:
        folder.chmod(0o700)


def test_a_cache_that_cannot_be_emptied_says_so(cache):
    cache.put(key_number(1), kilobyte())
    (cache.info().folder / f"{key_number(2)}.embedding").mkdir()  # a folder cannot be removed as a file
    with pytest.raises(UnusableInput, match=r"cannot be emptied \(.*\); close programs"):
        cache.clear()


# Several programs and threads


class Running:
    def __init__(self, process):
        self.process = process

    def wait_and_check(self):
        _output, errors = self.process.communicate(timeout=120)
        assert self.process.returncode == 0, errors
        return errors


def run_python(code, *arguments):
    command = [sys.executable, "-c", code, *map(str, arguments)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return Running(subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True))


MANY_PUTS_AND_GETS = """
import sys
from pathlib import Path
import numpy as np
from CardioSAMLib.segmentation.embedding_cache import EmbeddingCache
folder, seed, max_bytes = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
random = np.random.default_rng(seed)
cache = EmbeddingCache(folder, max_bytes, memory_bytes=0)
hits = 0
for step in range(1500):
    number = int(random.integers(30))
    key = f"{number:064x}"
    expected = np.full(500, number, np.float32)
    found = cache.get(key)
    if found is None:
        cache.put(key, {"image": expected})
    else:
        hits += 1
        np.testing.assert_array_equal(found["image"], expected)
    if seed == 0 and step % 500 == 250:
        cache.clear()
assert hits > 100, hits
"""


def test_three_programs_that_put_get_evict_and_clear_at_once_find_only_what_is_right(tmp_path):
    max_bytes = 15 * (1000 + OVERHEAD_BYTES)  # half of the keys: there is always something to evict
    programs = [run_python(MANY_PUTS_AND_GETS, tmp_path, seed, max_bytes) for seed in range(3)]
    for program in programs:
        assert program.wait_and_check() == ""  # nothing damaged, nothing that could not be written
    info = EmbeddingCache(tmp_path, max_bytes).info()
    assert 0 < info.bytes <= max_bytes
    assert all(path.suffix == ".embedding" for path in files_of(tmp_path))


ENDLESS_PUTS = """
import itertools, sys
from pathlib import Path
import numpy as np
from CardioSAMLib.segmentation.embedding_cache import EmbeddingCache
cache = EmbeddingCache(Path(sys.argv[1]), 20 * 2**20, memory_bytes=0)
for number in itertools.count():
    cache.put(f"{number % 50:064x}", {"image": np.full(500_000, number % 50, np.float32)})
"""


def test_a_program_killed_while_it_writes_leaves_no_damaged_entry(tmp_path, caplog):
    for _ in range(3):
        program = run_python(ENDLESS_PUTS, tmp_path)
        deadline = time.monotonic() + 60
        before = {path: path.stat().st_mtime_ns for path in files_of(tmp_path)}
        while {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.embedding")} == before:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        program.process.kill()
        program.process.communicate()
    cache = EmbeddingCache(tmp_path)
    entries = list(tmp_path.glob("*.embedding"))
    assert entries
    for entry in entries:
        assert cache.get(entry.stem)["image"][0] == int(entry.stem, 16)
    assert not caplog.records
    cache.clear()
    assert not files_of(tmp_path)


@pytest.fixture
def hasty_threads():
    """Threads take turns so often that what is not locked goes wrong."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-7)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("hasty_threads")
def test_threads_may_share_a_cache(tmp_path):
    keys = [key_number(number) for number in range(3)]
    cache = EmbeddingCache(tmp_path, max_bytes=0, memory_bytes=1000)  # room for one: always something to evict
    wrong = []

    def work(seed):
        try:
            for number in np.random.default_rng(seed).integers(3, size=3000).tolist():
                found = cache.get(keys[number]) or cache.put(keys[number], kilobyte(number))
                assert found["image"][0] == number
        except Exception as error:
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    cache.put(keys[0], kilobyte(0))  # the count of bytes has not drifted: there is room for exactly one
    assert [cache.get(key) is not None for key in keys] == [True, False, False]


# Looking and clearing


def test_info_tells_entries_bytes_bound_and_folder_and_makes_nothing(tmp_path):
    cache = EmbeddingCache(tmp_path / "cache", max_bytes=10**6)
    assert cache.info() == CacheInfo(tmp_path / "cache", 0, 0, 10**6)
    assert not list(tmp_path.iterdir())
    cache.put(key_number(1), kilobyte())
    cache.put(key_number(2), kilobyte())
    size = sum(path.stat().st_size for path in files_of(tmp_path))
    assert 2000 < size <= 2 * (1000 + OVERHEAD_BYTES)
    assert cache.info() == CacheInfo(tmp_path / "cache", 2, size, 10**6)


def test_clear_forgets_everything_and_leaves_the_files_of_others(cache):
    cache.put(key_number(1), kilobyte())
    folder = cache.info().folder
    (folder / f"{key_number(2)}.x1y2.part").write_bytes(b"half")
    foreign = [folder / "notes.embedding", folder / f"{key_number(1)}.nii.gz", folder / ".hidden"]
    for path in foreign:
        path.write_text("mine")
    assert cache.clear().entries == 1
    assert cache.get(key_number(1)) is None
    assert files_of(folder) == sorted(foreign)


def test_the_environment_names_the_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("CARDIOSAM_CACHE", str(tmp_path))
    assert default_folder() == tmp_path / "embeddings"


@pytest.mark.parametrize(
    ("platform", "below"),
    [
        ("linux", ".cache/cardiosam/embeddings"),
        ("darwin", "Library/Caches/CardioSAM/embeddings"),
        ("win32", "AppData/Local/CardioSAM/embeddings"),
    ],
)
def test_without_it_the_folder_is_that_of_the_system_for_caches(platform, below, monkeypatch, tmp_path):
    for name in ("CARDIOSAM_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert default_folder() == tmp_path / below


def test_linux_may_name_another_folder_for_caches_but_not_a_relative_one(monkeypatch, tmp_path):
    monkeypatch.delenv("CARDIOSAM_CACHE", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert default_folder() == tmp_path / "xdg" / "cardiosam" / "embeddings"
    monkeypatch.setenv("XDG_CACHE_HOME", "here")
    assert default_folder() == tmp_path / ".cache" / "cardiosam" / "embeddings"


def test_a_user_without_a_home_is_told_what_to_set(monkeypatch):
    def no_home():
        raise RuntimeError

    monkeypatch.delenv("CARDIOSAM_CACHE", raising=False)
    monkeypatch.setattr(Path, "home", no_home)
    with pytest.raises(UnusableInput, match="CARDIOSAM_CACHE"):
        default_folder()
